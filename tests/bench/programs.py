"""What the script tests share: a tiny data set in MNIST's format, and running the experiments' programs as a user does.

A script is called with the folder of the programs. WASSERKERN_TEST_DEVICE names the device they run on (cpu if unset),
WASSERKERN_TEST_RUNNER a command to be put before them. Its last line is `N passed, N failed`.
"""

import hashlib
import os
import random
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

from results import png_pixels_size

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("WASSERKERN_TEST_SEED", "20261121"))
DEVICE = os.environ.get("WASSERKERN_TEST_DEVICE", "cpu")
RUNNER = shlex.split(os.environ.get("WASSERKERN_TEST_RUNNER", ""))
BIN = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/bench").resolve()
MNIST = BIN / "wasserkern_qp_wgan_mnist"
CIFAR = BIN / "wasserkern_qp_wgan_cifar"
MIXTURE = BIN / "wasserkern_qp_wgan_mixture"
ATOMS = BIN / "wasserkern_qp_wgan_atoms"
DISTANCE = BIN / "wasserkern_transport_distance"
POTENTIAL_GENERATOR = BIN / "wasserkern_qp_wgan_potential_generator"
WWGAN_TRAIN = BIN / "wasserkern_wwgan_train"
WWGAN_SHIFT = BIN / "wasserkern_wwgan_shift"
WWGAN_NOISE = BIN / "wasserkern_wwgan_noise"
WWGAN_NEIGHBOURS = BIN / "wasserkern_wwgan_neighbours"
SAMPLE_COMPLEXITY = BIN / "wasserkern_wgan_fail_sample_complexity"
SINKHORN_COMPLEXITY = BIN / "wasserkern_wgan_fail_sinkhorn_complexity"
DIMENSION = BIN / "wasserkern_wgan_fail_dimension"
FALSE_MINIMA = BIN / "wasserkern_wgan_fail_false_minima"
K_MEDIANS = BIN / "wasserkern_wgan_fail_k_medians"
PERCEPTUAL = BIN / "wasserkern_wgan_fail_perceptual"
LIPSCHITZ = BIN / "wasserkern_wgan_fail_lipschitz"
TRACKING = BIN / "wasserkern_wgan_fail_tracking"
SINKHORN_GENERATOR = BIN / "wasserkern_wgan_fail_sinkhorn_generator"
ORACLE = BIN / "wasserkern_wgan_fail_oracle"
PINETZ = BIN / "wasserkern_wgan_fail_pinetz"
MALLASTO = BIN / "wasserkern_wgan_fail_mallasto"
BATCH_ESTIMATOR = BIN / "wasserkern_wgan_fail_batch_estimator"
SOFT_TRANSFORM = BIN / "wasserkern_wgan_fail_soft_transform"
KERNEL_BENCH = BIN / "kernels/wasserkern_kernel_bench"

PLAIN = ["--device", DEVICE, "--threads", "1"]
# Networks a sixteenth as wide, and small batches: a training of seconds.
NARROW = [*PLAIN, "--width-divisor", "16", "--batch", "16"]
NARROW_CIFAR = [*PLAIN, "--width", "8", "--batch", "8"]


def idx_images(count):
    """Grey images of 28 x 28: a bright bar, upright or lying, at one of several places, and a little noise."""
    source = random.Random(7)
    images = bytearray(struct.pack(">HBBIII", 0, 8, 3, count, 28, 28))
    for _ in range(count):
        upright, place = source.random() < 0.5, 4 + source.randrange(5) * 4
        for row in range(28):
            for column in range(28):
                across, along = (column, row) if upright else (row, column)
                bright = place <= across < place + 4 and 4 <= along < 24
                images.append((220 if bright else 0) + source.randrange(30))
    return bytes(images)


def cifar_images(count):
    """Records of CIFAR-10: a red sky over blue ground, the horizon somewhere about the middle, and a little noise."""
    source = random.Random(8)
    records = bytearray()
    for _ in range(count):
        horizon = 8 + source.randrange(17)
        records.append(source.randrange(10))
        for sky, ground in ((230, 20), (60, 60), (20, 230)):
            for row in range(32):
                level = sky if row < horizon else ground
                records.extend(level + source.randrange(20) for _ in range(32))
    return bytes(records)


def png(width, height, pixels):
    """A picture of 8-bit RGB."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + pixels[3 * width * row:3 * width * (row + 1)] for row in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def data_folder(parent):
    """A folder of data sets that holds a small `mnist`, a small `cifar-10` and a few faces of `celeba`."""
    folder = Path(parent) / "datasets"
    for path, content in DATA_FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


DATA_FILES = {
    "mnist/train-images-idx3-ubyte": idx_images(256),
    "cifar-10/data_batch_2.bin": cifar_images(64),
    "cifar-10/test_batch.bin": cifar_images(16),
    **{f"celeba/faces/{face:06}.png": png(9, 11, bytes(random.Random(face).randbytes(9 * 11 * 3))) for face in range(12)}}


def call(*arguments, program=MNIST, environment=None, **options):
    """Runs a program to its end."""
    return subprocess.run([*RUNNER, str(program), *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, **(environment or {})}, **options)


def start(*arguments, program=MNIST, **options):
    """Starts a program, which hears Ctrl-C even if these tests run in the background, where shells have it ignored."""
    return subprocess.Popen([*RUNNER, str(program), *map(str, arguments)], text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})


def files_of(folder, without=()):
    """Path -> sum of the bytes of every file below, but those with the names in `without`."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in Path(folder).rglob("*") if path.is_file() and path.name not in without}


class ProgramTest(unittest.TestCase):
    """Has a folder of its own, `self.folder`, with data sets in it, `self.data`, and trains `program` with `flags`."""

    longMessage = True
    program = MNIST
    flags = NARROW

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="wasserkern-test-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.data = data_folder(self.folder)

    def train(self, out, *arguments, **options):
        return call("--data", self.data, *self.flags, "--out", out, *arguments, program=self.program, **options)

    def assert_done(self, result):
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(result.stderr, "")

    def draw(self, picture, *runs):
        """A picture of one run, or of several in the folder of the first."""
        self.assert_done(subprocess.run([ROOT / "tools/figures", *runs], capture_output=True, text=True))
        width, height, _, _ = png_pixels_size(runs[0] / f"figures/{picture}.png")
        self.assertGreater(width * height, 100_000)


def main():
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    failed = len({test.id().split(" ")[0] for test, _ in result.failures + result.errors})  # without sub-tests
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
