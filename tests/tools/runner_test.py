"""tools/test --runner: a copy of the script, with stand-ins for the build, the tests and the command before them."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import programs  # noqa: E402
from programs import ROOT  # noqa: E402

# Each writes what it was called with to $CALLS, a line a call.
TESTS = """#!/bin/sh
[ "$1" != --list-test-names-only ] && [ "$2" != --list-test-names-only ] || { echo one; echo two; exit; }
echo "tests [$*] device=$WASSERKERN_TEST_DEVICE seed=$CHECKER_SEED reverse=$CHECKER_REVERSE" >>"$CALLS"
echo "All tests passed (3 assertions in 2 test cases)"
"""
SCRIPT = """import os, pathlib
with open(os.environ["CALLS"], "a") as calls:
    print(pathlib.Path(__file__).stem, f"device={os.getenv('WASSERKERN_TEST_DEVICE')}",
          f"runner={os.getenv('WASSERKERN_TEST_RUNNER')}", file=calls)
print("1 passed, 0 failed")
"""
CHECKER = """#!/bin/sh
echo "checker $1 $2 $3 $4" >>"$CALLS"
shift 4
"$@"
exit "${CHECKER_STATUS:-0}"
"""
RUNNER = "checker --tool racecheck --error-exitcode 1"
SCRIPTS = ["smoke_test", "devices_agree_test"]  # that run on a device, in this order


class Runner(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="wasserkern-test-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.calls = self.folder / "calls"
        (self.folder / "tools").mkdir()
        for name in ("test", "dependencies"):
            shutil.copy(ROOT / "tools" / name, self.folder / "tools" / name)
        for name, text in (("bin/cmake", "#!/bin/sh\n"), ("bin/dpkg-query", "#!/bin/sh\nprintf installed\n"),
                           ("bin/ldd", "#!/bin/sh\necho 'libcudart.so.13 => here'\n"), ("bin/checker", CHECKER),
                           ("bin/nvidia-smi", "#!/bin/sh\nexit 9\n"), ("build/tests/wasserkern_tests", TESTS),
                           *((f"tests/bench/{name}.py", SCRIPT) for name in SCRIPTS)):
            self.executable(name, text)

    def executable(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run_script(self, *words, status=0, **environment):
        """Runs the script; what was called, and its last line."""
        self.calls.write_text("")
        result = subprocess.run(
            [self.folder / "tools/test", *words], capture_output=True, text=True, timeout=60,
            env={**os.environ, **environment, "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                 "CALLS": str(self.calls)})
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return self.calls.read_text().splitlines(), (result.stdout + result.stderr).splitlines()[-1]

    def test_the_command_is_before_every_device_test(self):
        calls, summary = self.run_script("--device-only", "--runner", RUNNER)
        self.assertEqual(calls, ["checker --tool racecheck --error-exitcode 1", "tests [] device=cuda seed= reverse=",
                                 *(f"{name} device=cuda runner={RUNNER}" for name in SCRIPTS)])
        self.assertEqual(summary, "5 passed, 0 failed")  # the build, two test cases, two scripts

    def test_settings_and_excluded_tags_arrive(self):
        calls, summary = self.run_script(
            "--device-only", "--runner", RUNNER, "--runner-env", "CHECKER_SEED=1 CHECKER_REVERSE=2",
            "--runner-env", "CHECKER_SEED=3", "--exclude", "slow", "--exclude", "gpu-only")
        self.assertEqual([call for call in calls if call.startswith("tests")], [
            f"tests [~[slow]~[gpu-only]] device=cuda {setting}"
            for setting in ("seed= reverse=", "seed=1 reverse=2", "seed=3 reverse=")])
        self.assertEqual([call for call in calls if call.startswith("checker")], [RUNNER] * 3)
        self.assertEqual(summary, "9 passed, 0 failed")

    def test_a_failing_command_fails_the_run(self):
        """Even where all that it ran has passed."""
        _, summary = self.run_script("--device-only", "--runner", RUNNER, status=1, CHECKER_STATUS="1")
        self.assertEqual(summary, "5 passed, 1 failed")
        _, summary = self.run_script("--device-only", "--runner", "no-such-command", status=1)
        self.assertEqual(summary, "3 passed, 1 failed")

    def test_the_cpu_has_no_runner(self):
        calls, _ = self.run_script("--runner", RUNNER, status=1)  # there are no objects to look for weak symbols in
        self.assertEqual(calls[0], "tests [] device= seed= reverse=")
        self.assertEqual(calls[-4:], self.run_script("--device-only", "--runner", RUNNER)[0])
        calls, _ = self.run_script("--cpu-only", "--runner", RUNNER, status=1)
        self.assertEqual([call for call in calls if "cuda" in call or "checker" in call], [])

    def test_without_a_gpu(self):
        calls, summary = self.run_script(status=1)
        self.assertNotIn("device=cuda", "".join(calls))
        self.assertRegex(summary, r"^\d+ passed, \d+ failed, 2 skipped$")
        _, summary = self.run_script("--device-only", status=1)
        self.assertEqual(summary, "test: --device-only needs a GPU, or a command that stands in for one: --runner CMD")
        self.executable("bin/nvidia-smi", "#!/bin/sh\n")
        calls, _ = self.run_script("--device-only")
        self.assertEqual(calls, ["tests [] device=cuda seed= reverse=",
                                 *(f"{name} device=cuda runner=" for name in SCRIPTS)])

    def test_without_cuda(self):
        self.executable("bin/ldd", "#!/bin/sh\necho 'libc.so.6 => here'\n")
        calls, summary = self.run_script("--device-only", "--runner", RUNNER, status=1)
        self.assertEqual((calls, summary),
                         ([], "test: --device-only: build is built without CUDA; install the CUDA toolkit and cuDNN 9"))
        self.assertEqual(self.run_script("--cpu-only", "--device-only", status=2)[1],
                         "test: --cpu-only and --device-only leave nothing")


if __name__ == "__main__":
    programs.main()
