"""Bad input is one line that says what and where, a status that is not 0, and nothing lost. Law 9."""

import contextlib
import gzip
import json
import resource
import shutil
import struct

import programs
from programs import DEVICE, ProgramTest, call, files_of, start

USAGE = 2
FAILURE = 1


class RefusalTest(ProgramTest):
    def assert_one_line(self, result, status, *words):
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertTrue(result.stderr.startswith(f"{self.program.name}: "), result.stderr)
        for word in words:
            self.assertIn(str(word), result.stderr)

    @contextlib.contextmanager
    def unchanged(self):
        """Nothing below the test's folder is made, changed or removed; only logs may grow."""
        before = files_of(self.folder, without=["log.txt"])
        yield
        self.assertEqual(files_of(self.folder, without=["log.txt"]), before)

    def assert_refused(self, arguments, status, *words):
        with self.unchanged():
            self.assert_one_line(self.train(self.folder / "new", "--iterations", 3, *arguments), status, *words)
            self.assertFalse((self.folder / "new").exists())


class MalformedInput(RefusalTest):
    # The command line.

    def test_flags(self):
        for arguments, words in (
                (["--no-such-flag"], ["--no-such-flag", "--help"]),
                (["--no-such-flag", "3"], ["--no-such-flag"]),
                (["word"], ["word"]),
                (["--iterations"], ["--iterations"]),
                (["--iterations", "0"], ["--iterations", "at least 1"]),
                (["--iterations", "ten"], ["--iterations", "ten"]),
                (["--iterations", "99999999999999999999"], ["--iterations"]),
                (["--batch", "-4"], ["--batch", "-4"]),
                (["--batch", "2.5"], ["--batch", "2.5"]),
                (["--seed", "-1"], ["--seed"]),
                (["--threads", "1000000"], ["--threads"]),
                (["--q", "0.5"], ["q", "at least 1"]),
                (["--q", "nan"], ["--q"]),
                (["--p", "inf"], ["--p"]),
                (["--p", "0"], ["p", "at least 1"]),
                (["--rate", "fast"], ["--rate", "fast"]),
                (["--dataset", "no-such-set"], ["--dataset", "fashion-mnist"]),
                (["--dataset", "a\nb"], ["--dataset"]),
                (["--device", "tpu"], ["tpu", "cuda"]),
                (["--critic-steps", "0"], ["--critic-steps"]),
                (["--data", ""], ["--data"]),
                (["--width-divisor", "7"], ["7"]),
                (["--out", "x", "--resume", "y"], ["--out"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, USAGE, *words)

    def test_no_gpu(self):
        if DEVICE == "cuda":
            return
        result = self.train(self.folder / "new", "--device", "cuda", "--iterations", 1)
        if result.returncode != 0:  # There is a GPU otherwise.
            self.assert_one_line(result, FAILURE, "--device cuda")
            self.assertFalse((self.folder / "new").exists())

    # The data set.

    def test_data_is_missing(self):
        self.assert_refused(["--dataset", "fashion-mnist"], FAILURE, "tools/fetch-data fashion-mnist")
        self.assert_refused(["--data", self.folder / "nowhere"], FAILURE, "tools/fetch-data mnist", "nowhere")
        (self.data / "mnist/train-images-idx3-ubyte").unlink()
        self.assert_refused([], FAILURE, "tools/fetch-data mnist")

    def test_images(self):
        whole = programs.idx_images(32)
        cases = {
            "empty": b"",
            "header only": whole[:9],
            "truncated": whole[:-1],
            "too long": whole + b"\0",
            "magic": b"\1" + whole[1:],
            "type": whole[:2] + b"\x0d" + whole[3:],
            "labels": struct.pack(">HBBI", 0, 8, 1, 4) + b"1234",
            "overflow": struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + whole,
            "no pixels": struct.pack(">HBBIII", 0, 8, 3, 10**6, 0, 28),
            "fewer than a batch": programs.idx_images(3),
            "another size": struct.pack(">HBBIII", 0, 8, 3, 32, 14, 14) + bytes(32 * 14 * 14),
        }
        path = self.data / "mnist/train-images-idx3-ubyte"
        for name, content in cases.items():
            with self.subTest(name):
                path.write_bytes(content)
                self.assert_refused([], FAILURE)
        path.unlink()
        packed = gzip.compress(whole)
        for name, content in {"truncated": packed[:-20], "checksum": packed[:-8] + b"\0" * 8, "no gzip": b"\x1f\x8b"}.items():
            with self.subTest("gzip " + name):
                (self.data / "mnist/train-images-idx3-ubyte.gz").write_bytes(content)
                self.assert_refused([], FAILURE, "train-images")

    # The run's folder.

    def test_folder_in_use(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 3))
        with self.unchanged():
            self.assert_one_line(self.train(run, "--iterations", 3), FAILURE, run, "--resume")
        (self.folder / "full").mkdir()
        (self.folder / "full/thesis.tex").write_text("years of work")
        with self.unchanged():
            self.assert_one_line(self.train(self.folder / "full", "--iterations", 3), FAILURE, "not empty")

    def test_folder_cannot_be_made(self):
        (self.folder / "file").write_text("not a folder")
        with self.unchanged():
            for out in (self.folder / "file", self.folder / "file/below", "/proc/run"):
                self.assert_one_line(self.train(out, "--iterations", 3), FAILURE, out)

    def test_two_programs_in_one_folder(self):
        run = self.folder / "run"
        first = start("--data", self.data, *programs.NARROW, "--out", run, "--iterations", 10**6,
                      "--checkpoint-every", 10)
        try:
            while not (run / "checkpoint.safetensors").exists():
                self.assertIsNone(first.poll())
            self.assert_one_line(call("--data", self.data, "--resume", run), FAILURE, run, "another process")
        finally:
            first.kill()
            first.communicate()

    def test_disk_full(self):
        """A limit of the files' size stands for the disk's end: the write is refused all the same."""
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 20))
        checkpoint = (run / "checkpoint.safetensors").read_bytes()

        def limit():
            size = len(checkpoint) // 2
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        self.assert_one_line(call("--data", self.data, "--resume", run, "--iterations", 30, preexec_fn=limit), FAILURE,
                             "checkpoint.safetensors", "unchanged")
        self.assertEqual((run / "checkpoint.safetensors").read_bytes(), checkpoint)
        self.assertFalse((run / "checkpoint.safetensors.partial").exists())
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 30))

    # What is resumed.

    def test_resume(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 5))
        whole = (run / "checkpoint.safetensors").read_bytes()
        config = (run / "config.json").read_text()

        def refused(status, *words, flags=()):
            with self.unchanged():
                self.assert_one_line(call("--data", self.data, "--resume", run, "--iterations", 9, *flags), status, *words)

        refused(USAGE, "--seed 1", "not 2", flags=["--seed", 2])
        refused(USAGE, "--q 2", flags=["--q", 1])
        refused(USAGE, "--batch 16", flags=["--batch", 8])
        for content in (b"", whole[:7], whole[:-1], b"\xff" * 8 + whole[8:], whole[:8] + b"[" + whole[9:]):
            (run / "checkpoint.safetensors").write_bytes(content)
            refused(FAILURE, "checkpoint.safetensors")
        (run / "checkpoint.safetensors").write_bytes(whole)
        for content in ("", "{", "[]", "{}", config.replace("qp_wgan/mnist", "ring"), config.replace('"seed": 1', '"seed": []')):
            (run / "config.json").write_text(content)
            refused(FAILURE, run)
        # Values that no flag would have been allowed to have.
        values = json.loads(config)
        values["flags"]["batch"] = -16
        (run / "config.json").write_text(json.dumps(values))
        refused(USAGE, "--batch")
        (run / "config.json").write_text(config)
        metrics = (run / "metrics.csv").read_bytes()
        (run / "metrics.csv").write_text("something,else\n1,2\n")
        refused(FAILURE, "metrics.csv")
        (run / "metrics.csv").write_bytes(metrics)
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 9))

    def test_resume_of_nothing(self):
        with self.unchanged():
            self.assert_one_line(call("--resume", self.folder / "nowhere"), FAILURE, "nowhere")
            self.assert_one_line(call("--resume", self.folder), FAILURE, "config.json")

    # The training.

    def test_values_that_are_not_finite(self):
        run = self.folder / "run"
        result = self.train(run, "--iterations", 2000, "--rate", "1e30", "--checkpoint-every", 1)
        self.assert_one_line(result, FAILURE, "iteration ", "not finite")
        self.assertLess(len((run / "metrics.csv").read_text().splitlines()), 2000)
        self.assertIn("not finite", (run / "log.txt").read_text())

    def test_output_that_nobody_reads(self):
        """A full device for its output does not end a training that can be saved."""
        with open("/dev/full", "w") as full:
            process = start("--data", self.data, *programs.NARROW, "--out", self.folder / "run", "--iterations", 3,
                            stdout=full)
            process.communicate()
        self.assertTrue((self.folder / "run/checkpoint.safetensors").exists())


class MalformedMixture(RefusalTest):
    program = programs.MIXTURE
    flags = programs.PLAIN

    def test_flags(self):
        for arguments, words in (
                (["--model", "vae"], ["--model", "wgan-gp", "vae"]),
                (["--model", "wgan", "--q", "2"], ["--q", "qp-wgan", "not of wgan"]),
                (["--model", "wgan-gp", "--clip", "0.1"], ["--clip", "not of wgan-gp"]),
                (["--penalty", "1"], ["--penalty", "not of qp-wgan"]),
                (["--model", "wgan", "--clip", "0"], ["--clip", "positive"]),
                (["--model", "wgan-gp", "--penalty", "-1"], ["--penalty", "negative"]),
                (["--model", "wgan-gp", "--penalty-sides", "three"], ["--penalty-sides", "one", "three"]),
                (["--data-seed", "-1"], ["--data-seed", "at least 0"]),
                (["--critic-steps", "0"], ["--critic-steps"]),
                (["--rate", "-1"], ["rate", "negative"]),
                (["--p", "0.5"], ["p", "at least 1"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, USAGE, *words)

    def test_resumed_as_another_model(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 3))
        with self.unchanged():
            result = call("--resume", run, "--iterations", 9, "--model", "wgan", program=self.program)
            self.assert_one_line(result, USAGE, "--model qp-wgan", "not wgan")

    def test_resume_of_another_program(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 3))
        result = call("--data", self.data, "--resume", run)
        self.assertEqual(result.returncode, FAILURE)
        self.assertIn("is a run of qp_wgan/mixture", result.stderr)


class MalformedCifar(RefusalTest):
    program = programs.CIFAR
    flags = programs.NARROW_CIFAR

    def test_flags(self):
        for arguments, words in (
                (["--width", "0"], ["--width", "at least 1"]),
                (["--average", "1"], ["1", "below 1"]),
                (["--average", "-0.1"], ["--average"]),
                (["--average", "nan"], ["--average"]),
                (["--save-images", "-1"], ["--save-images", "at least 0"]),
                (["--critic-steps", "0"], ["--critic-steps", "at least 1"]),
                (["--potential-scale", "0"], ["--potential-scale", "positive"]),
                (["--model", "gan"], ["--model", "wgan-gp", "gan"]),
                (["--model", "wgan", "--clip", "0"], ["--clip", "positive"]),
                (["--model", "wgan", "--q", "1"], ["--q", "qp-wgan"]),
                (["--penalty", "1"], ["--penalty", "wgan-gp"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, USAGE, *words)

    def test_images(self):
        path = self.data / "cifar-10/data_batch_2.bin"
        whole = programs.cifar_images(9)
        for name, content in {"empty": b"", "truncated": whole[:-1], "one byte more": whole + b"\0",
                              "label": b"\x0a" + whole[1:], "fewer than a batch": programs.cifar_images(7)}.items():
            with self.subTest(name):
                path.write_bytes(content)
                self.assert_refused([], FAILURE)
        path.unlink()
        self.assert_refused([], FAILURE, "tools/fetch-data cifar-10")
        shutil.rmtree(path.parent)
        self.assert_refused([], FAILURE, "tools/fetch-data cifar-10")


class MalformedPotentialGenerator(RefusalTest):
    program = programs.POTENTIAL_GENERATOR

    def test_flags(self):
        for arguments, words in (
                (["--q", "1"], ["--q", "above 1"]),
                (["--p", "1"], ["--p", "above 1"]),
                (["--p", "0.5"], ["p", "at least 1"]),
                (["--source", "salt"], ["--source", "uniform", "salt"]),
                (["--source-scale", "0"], ["--source-scale", "positive"]),
                (["--source-scale", "-1"], ["--source-scale", "positive"]),
                (["--source-batch", "-1"], ["--source-batch", "at least 0"]),
                (["--nearest", "-1"], ["--nearest", "at least 0"]),
                (["--critic-steps", "2"], ["--critic-steps", "--help"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, USAGE, *words)

    def test_data_is_missing(self):
        self.assert_refused(["--dataset", "fashion-mnist"], FAILURE, "tools/fetch-data fashion-mnist")


class MalformedNeighbours(RefusalTest):
    program = programs.WWGAN_NEIGHBOURS
    flags = [*programs.PLAIN, "--pool", "12"]

    def test_flags(self):
        for arguments, words in (
                (["--pool", "65"], ["--pool", "64"]),
                (["--pool", "1"], ["--pool", "at least 2"]),
                (["--neighbours", "12"], ["--neighbours", "12", "11"]),
                (["--neighbours", "0"], ["--neighbours", "at least 1"]),
                (["--iterations", "13"], ["--iterations", "12"]),
                (["--epsilon", "0"], ["--epsilon"]),
                (["--epsilon", "-1"], ["--epsilon"]),
                (["--epsilon", "nan"], ["--epsilon"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, USAGE, *words)


class KernelBenchmarks(RefusalTest):
    program = programs.KERNEL_BENCH

    def test_flags(self):
        for arguments, words in (
                (["--no-such-flag"], ["--no-such-flag", "--help"]),
                (["word"], ["word"]),
                (["--benchmark_no_such_flag"], ["--benchmark_no_such_flag", "--help"]),
                (["--device", "tpu"], ["tpu", "cuda"]),
                (["--threads", "-1"], ["--threads"])):
            with self.subTest(arguments=arguments):
                self.assert_one_line(call(*arguments, program=self.program), USAGE, *words)

    def test_help(self):
        result = call("--help", program=self.program)
        self.assert_done(result)
        for flag in ("--device", "--threads", "--tf32", "--benchmark_filter"):
            self.assertIn(flag, result.stdout)

    def test_no_gpu(self):
        if DEVICE == "cuda":
            return
        result = call("--device", "cuda", "--benchmark_filter=^none$", program=self.program)
        if result.returncode != 0:  # There is a GPU otherwise.
            self.assert_one_line(result, FAILURE, "--device cuda")


if __name__ == "__main__":
    programs.main()
