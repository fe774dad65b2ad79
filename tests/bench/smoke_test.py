"""Each experiment trains for seconds on a small data set, and something true is asserted of the result."""

import csv
import math
import struct
import subprocess
import zlib

import programs
from programs import DEVICE, ROOT, ProgramTest, call

ITERATIONS = 300 if DEVICE == "cpu" else 40


def png_pixels(path):
    """Width, height, channels and the decompressed rows of an 8-bit PNG; enough to see whether it shows something."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    position, compressed = 8, b""
    while position < len(content):
        length, kind = struct.unpack(">I4s", content[position:position + 8])
        chunk = content[position + 8:position + 8 + length]
        (checksum,) = struct.unpack(">I", content[position + 8 + length:position + 12 + length])
        assert checksum == zlib.crc32(kind + chunk), "damaged PNG"
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
            assert depth == 8
        elif kind == b"IDAT":
            compressed += chunk
        position += 12 + length
    return width, height, {0: 1, 2: 3}[colour], zlib.decompress(compressed)


def column(run, name):
    with open(run / "metrics.csv", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def mean(values):
    return sum(values) / len(values)


class Mnist(ProgramTest):
    def test_training_lowers_the_distance(self):
        run = self.folder / "run"
        result = self.train(run, "--iterations", ITERATIONS, "--samples-every", ITERATIONS // 2, "--rate", "1e-3")
        self.assert_done(result)
        self.assertIn(f"device      {DEVICE} (as asked)", result.stdout)
        self.assertEqual(sorted(path.name for path in run.iterdir()),
                         ["checkpoint.safetensors", "config.json", "figures", "log.txt", "metrics.csv", "samples"])

        distance = column(run, "distance")
        self.assertEqual(column(run, "step"), list(range(1, ITERATIONS + 1)))
        self.assertTrue(all(map(math.isfinite, distance)))
        tenth = ITERATIONS // 10
        self.assertLess(mean(distance[-tenth:]), 0.8 * mean(distance[:tenth]))
        self.assertTrue(all(1 <= matched <= 16 for matched in column(run, "matched")))
        self.assertTrue(all(spread > 0 for spread in column(run, "spread")))

        samples = sorted((run / "samples").iterdir())
        self.assertEqual([path.name for path in samples],
                         [f"{step:09}.png" for step in (ITERATIONS // 2, ITERATIONS)])
        width, height, channels, rows = png_pixels(samples[-1])
        self.assertEqual((width, height, channels), (8 * 58 + 2, 8 * 58 + 2, 1))
        self.assertGreater(len(set(rows)), 30, "the grid is constant")

    def test_other_costs_and_options(self):
        for name, flags in {"l1": ["--q", 1, "--p", 1], "general": ["--q", 1.2, "--p", 1.2],
                            "range": ["--pixels", "[0,1]", "--critic-steps", 2, "--json-lines"]}.items():
            run = self.folder / name
            self.assert_done(self.train(run, "--iterations", 10, *flags))
            self.assertTrue(all(map(math.isfinite, column(run, "distance"))))
        self.assertEqual(len((self.folder / "range" / "metrics.jsonl").read_text().splitlines()), 10)

    def test_runs_without_out_have_folders_of_their_own(self):
        for _ in range(2):
            self.assert_done(call("--data", self.data, *programs.NARROW, "--iterations", 2, cwd=self.folder))
        runs = sorted((self.folder / "runs").iterdir())
        self.assertEqual(len(runs), 2)
        self.assertTrue(all(run.name.startswith("qp_wgan-mnist-") for run in runs))

    def test_threads_spin_briefly_unless_told_otherwise(self):
        def shown(**environment):
            return call("--help", environment={"OMP_DISPLAY_ENV": "VERBOSE", **environment}).stderr

        self.assertIn("GOMP_SPINCOUNT = '2000'", shown())
        self.assertIn("GOMP_SPINCOUNT = '77'", shown(GOMP_SPINCOUNT="77"))
        self.assertNotIn("GOMP_SPINCOUNT = '2000'", shown(OMP_WAIT_POLICY="ACTIVE"))

    def test_help_names_every_flag(self):
        result = call("--help")
        self.assert_done(result)
        for flag in ("seed", "device", "threads", "iterations", "batch", "data", "out", "resume", "eager", "tf32", "q",
                     "p", "dataset", "critic-steps", "rate"):
            self.assertIn(f"--{flag} ", result.stdout)
        self.assertIn("50000", result.stdout)
        self.assertNotIn("width-divisor", result.stdout)


class Figures(ProgramTest):
    def figures(self, run):
        return subprocess.run([ROOT / "tools/figures", str(run)], capture_output=True, text=True, timeout=120)

    def test_curves(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 20))
        self.assert_done(self.figures(run))
        for name in ("objective", "matched", "spread"):
            width, height, _, _ = png_pixels_size(run / "figures" / f"{name}.png")
            self.assertGreater(width * height, 100_000)

    def test_errors_are_one_line(self):
        for content in (None, "", "no,csv\n1,2\n", "step,loss\n", "step,loss\n1,2,3\n2,3\n", "step,loss\nx,y\n"):
            run = self.folder / "broken"
            run.mkdir(exist_ok=True)
            if content is not None:
                (run / "metrics.csv").write_text(content)
            result = self.figures(run)
            self.assertEqual(result.returncode, 1, content)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertTrue(result.stderr.startswith("figures: "), result.stderr)
        self.assertFalse((run / "figures").exists())


def png_pixels_size(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    return struct.unpack(">IIBB", content[16:26])


if __name__ == "__main__":
    programs.main()
