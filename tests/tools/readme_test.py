"""Every command in README.md works: those of its code blocks are run, in their order, with less to do."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import programs  # noqa: E402
from programs import BIN, NARROW, NARROW_CIFAR, PLAIN, ROOT, ProgramTest, call  # noqa: E402
from results import write_npy  # noqa: E402

README = (ROOT / "README.md").read_text()

# Tools that have, or are, tests of their own, or are no matter of ours.
HAVE_THEIR_OWN = ["tools/test", "tools/fetch-data", "tools/peers", "tools/profile", "tools/kernel-report"]


# What narrows a program, if not NARROW; and of those that do not train.
NARROWING = {programs.MIXTURE.name: PLAIN, programs.ATOMS.name: PLAIN, programs.CIFAR.name: NARROW_CIFAR,
             programs.WWGAN_TRAIN.name: NARROW_CIFAR, programs.BATCH_ESTIMATOR.name: NARROW_CIFAR,
             programs.SOFT_TRANSFORM.name: NARROW_CIFAR, programs.SINKHORN_GENERATOR.name: NARROW_CIFAR,
             programs.TRACKING.name: [*PLAIN, "--width", 8, "--points", 50, "--measure-every", 1],
             programs.LIPSCHITZ.name: [*PLAIN, "--width", 8, "--points", 50, "--measure-every", 5, "--critic-steps", 1],
             **{program.name: [*PLAIN, "--points", 24, "--batch", 8, "--width", 4, "--measure-every", 1]
                for program in (programs.ORACLE, programs.PINETZ, programs.MALLASTO)}}
ONE_ITERATION = {programs.WWGAN_SHIFT.name: ["--batch", 8], programs.WWGAN_NOISE.name: ["--batch", 8],
                 programs.WWGAN_NEIGHBOURS.name: ["--pool", 16], programs.SAMPLE_COMPLEXITY.name: ["--batch", 50],
                 programs.SINKHORN_COMPLEXITY.name: ["--batch", 50], programs.DIMENSION.name: ["--pairs", 2],
                 programs.FALSE_MINIMA.name: ["--batch", 4, "--starts", 2], programs.K_MEDIANS.name: ["--clusters", 4],
                 programs.PERCEPTUAL.name: []}


def preset():
    """That of the build under test, if it lies where the tools build."""
    build = BIN.parent
    if build.parent == ROOT and build.name == "build":
        return "default"
    if build.parent == ROOT and build.name.startswith("build-"):
        return build.name.removeprefix("build-")
    return None


def commands():
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


class Readme(ProgramTest):
    def test_commands(self):
        (self.data / "fashion-mnist").symlink_to("mnist")
        steps = 0
        for command in commands():
            with self.subTest(command=command):
                program, *arguments = command
                # Its folders lie in this test's.
                arguments = [self.folder / word if word.startswith("runs/") else word for word in arguments]
                if program == "tools/quickstart":
                    self.quickstart()
                elif program.startswith("build/bench/kernels/"):
                    self.kernel_benchmark(BIN / Path(program).relative_to("build/bench"), arguments)
                elif (name := Path(program).name) in ONE_ITERATION:
                    self.assert_done(call("--data", self.data, *arguments, *PLAIN, *ONE_ITERATION[name], "--iterations",
                                          1, program=BIN / name))
                elif name == programs.DISTANCE.name:
                    self.distance(arguments)
                elif program.startswith("build/bench/"):
                    steps += 5
                    narrow = [] if "--resume" in arguments else NARROWING.get(name, NARROW)
                    self.assert_done(call("--data", self.data, *arguments, *narrow, "--iterations", steps,
                                          program=BIN / name))
                elif program in HAVE_THEIR_OWN:
                    self.assert_done(self.tool(program, "--help"))
                elif program == "cmake":  # --install build --prefix FOLDER
                    self.assert_done(self.tool(program, arguments[0], BIN.parent, arguments[2], self.folder / "prefix"))
                else:
                    self.assert_done(self.tool(program, *arguments))
        self.assertGreaterEqual(steps, 15, "README.md has fewer commands than it had")

    def tool(self, *command):
        return subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True, timeout=900)

    def kernel_benchmark(self, program, arguments):
        result = self.tool(program, *arguments, "--benchmark_filter=c_transform/.*/64x64", "--benchmark_min_time=0.01")
        self.assertEqual(result.returncode, 0, result.stderr)  # where it says what machine this is
        self.assertRegex(result.stdout, r"share_of_registers=\d")

    def distance(self, arguments):
        for word in arguments[:2]:
            write_npy(self.folder / word, (3, 2), [0, 0, 1, 0, 0, 2])
        self.assert_done(call(*arguments, *PLAIN, program=programs.DISTANCE, cwd=self.folder))

    def quickstart(self):
        if preset() in (None, "debug"):  # its 5,000 nearest of 60,000 images take minutes under the sanitizers
            return
        out = self.folder / "quickstart"
        result = self.tool("tools/quickstart", "--preset", preset(), "--iterations", "3", "--device", "cpu", "--out",
                           out)
        self.assert_done(result)
        self.assertIn(f"generated images: {out}/samples/000000003.png\n", result.stdout)
        self.assertTrue((out / "figures/objective.png").exists())

    def test_every_file_that_it_names_is_there(self):
        for readme in (ROOT / "README.md", *(ROOT / "bench").glob("*/README.md")):
            names = re.findall(r"`((?:[a-z]+/)+[a-z-]*)`|\]\(((?!http)[^)#]+)[^)]*\)", readme.read_text())
            self.assertGreater(len(names), 5, readme)
            for name, link in names:
                self.assertTrue((ROOT / name if name else readme.parent / link).exists(), f"{readme}: {name or link}")

    def test_tools_refuse_what_they_do_not_know(self):
        for tool in ("quickstart", "test", "format"):
            result = self.tool(f"tools/{tool}", "--no-such-flag")
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
            self.assert_done(self.tool(f"tools/{tool}", "--help"))


if __name__ == "__main__":
    programs.main()
