"""The experiments of papers 001 and 002 on a small data set."""

import math
import subprocess

import programs
from programs import ROOT, ProgramTest, call, files_of
from results import checkpoint_values, column, mean, npy_points, png_pixels, png_pixels_size

MODELS = {"code": ["--model", "wwgan"], "paper": ["--model", "wwgan", "--metric", "paper", "--graph", "eight"],
          "wgan-gp": ["--model", "wgan-gp", "--penalty-sides", "one"]}


class Train(ProgramTest):
    program = programs.WWGAN_TRAIN
    flags = programs.NARROW_CIFAR

    def test_images_take_the_colours_of_the_data(self):
        run, iterations = self.folder / "run", 80
        self.assert_done(self.train(run, "--critic-steps", 1, "--rate", "2e-3", "--iterations", iterations,
                                    "--samples-every", iterations // 2, "--save-images", 20))
        self.assertLess(min(column(run, "penalty")), 0.5)
        names = sorted(path.name for path in (run / "samples").iterdir())
        self.assertEqual(names, ["000000040.png", "000000080.png", "images-000000080.npy"])
        self.assertEqual(png_pixels(run / "samples/000000080.png")[:3], (8 * 34 + 2, 8 * 34 + 2, 3))
        # Of the data's mean image the upper rows are red, the lower ones blue.
        images = npy_points(run / "samples/images-000000080.npy")
        red_above, blue_above, red_below, blue_below = (
            mean([value for image in images for value in image[first:last:3]])
            for first, last in ((0, 768), (2, 768), (2304, 3072), (2306, 3072)))
        self.assertGreater(red_above, blue_above + 0.2)
        self.assertGreater(blue_below, red_below + 0.2)

    def test_faces(self):
        for layers in (4, 3):
            run = self.folder / f"faces-{layers}"
            self.assert_done(self.train(run, "--dataset", "celeba", "--hidden-layers", layers, "--critic-steps", 1,
                                        "--iterations", 2))
            self.assertTrue(all(map(math.isfinite, column(run, "distance"))))
            self.assertEqual(png_pixels(run / "samples/000000002.png")[:3], (8 * 66 + 2, 8 * 66 + 2, 3))

    def test_faces_that_cannot_be_read(self):
        faces, flags = self.data / "celeba/faces", ["--dataset", "celeba", "--critic-steps", 1, "--iterations", 1]
        (faces / "damaged.png").write_bytes(next(faces.iterdir()).read_bytes()[:-20])
        result = self.train(self.folder / "one", *flags)
        self.assert_done(result)
        self.assertIn("damaged.png", result.stdout)
        self.assertIn("12 images of 64 x 64", result.stdout)
        for face in faces.iterdir():
            face.write_bytes(b"no picture")
        for remaining in ("none can be read", "none is there"):
            result = self.train(self.folder / "none", *flags)
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1), remaining + result.stderr)
            self.assertIn("celeba", result.stderr)
            for face in faces.iterdir():
                face.unlink()

    def test_a_resumed_run_is_the_same(self):
        for name, flags in MODELS.items():
            with self.subTest(name):
                whole, run = self.folder / f"{name}-whole", self.folder / name
                schedule = [*flags, "--samples-every", 2, "--critic-steps", 2]
                self.assert_done(self.train(whole, *schedule, "--iterations", 4))
                self.assert_done(self.train(run, *schedule, "--iterations", 2))
                self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 4, program=self.program))
                without = ["log.txt", "config.json"]
                self.assertEqual(files_of(whole, without), files_of(run, without))

    def test_recorded_steps_are_the_eager_ones(self):
        runs = [self.folder / kind for kind in ("recorded", "eager")]
        for run, eager in zip(runs, ([], ["--eager"])):
            self.assert_done(self.train(run, "--critic-steps", 1, "--iterations", 4, *eager))
        self.assertEqual(*(checkpoint_values(run, "critic") for run in runs))


class Critics(ProgramTest):
    """A critic of a few steps, shifted and noisy images, and the pictures of that."""

    def setUp(self):
        super().setUp()
        self.critic = self.folder / "critic"
        self.assert_done(call("--data", self.data, *programs.NARROW_CIFAR, "--critic-steps", 1, "--iterations", 5,
                              "--out", self.critic, program=programs.WWGAN_TRAIN))

    def look(self, program, out, *arguments):
        result = call("--data", self.data, *programs.PLAIN, "--critic", self.critic, "--batch", 8, "--out", out,
                      *arguments, program=program)
        self.assert_done(result)

    def figures(self, *arguments):
        return subprocess.run([ROOT / "tools/figures", *map(str, arguments)], capture_output=True, text=True,
                              timeout=120)

    def test_shifts(self):
        run = self.folder / "shift"
        self.look(programs.WWGAN_SHIFT, run)
        (variation,), (turns,), (first_pixel,) = (column(run, name) for name in ("variation", "turns", "first_pixel"))
        self.assertGreaterEqual(variation, 1)
        self.assertTrue(0 <= turns <= 31)
        self.assertGreater(first_pixel, 0)
        curves = npy_points(run / "samples/potentials-000000001.npy")
        self.assertEqual((len(curves), len(curves[0])), (8, 33))
        self.assertEqual(len({curve[32] for curve in curves}), 1, "all images end black")
        self.assertEqual(len({curve[0] for curve in curves}), 8)
        totals = [sum(abs(b - a) for a, b in zip(curve, curve[1:])) / (max(curve) - min(curve)) for curve in curves]
        self.assertAlmostEqual(variation, mean(totals), places=4)

    def test_noise(self):
        measured = {}
        for changed in (0, 0.15, 1):
            run = self.folder / f"noise-{changed}"
            self.look(programs.WWGAN_NOISE, run, "--changed", changed)
            measured[changed] = column(run, "separation") + column(run, "ordered")
            clean, noisy = npy_points(run / "samples/potentials-000000001.npy")
            self.assertEqual((len(clean), clean == noisy), (8, changed == 0))
        self.assertEqual(measured[0], [0, 0.5])
        self.assertGreater(measured[1][0], measured[0.15][0])

    def test_more_batches_by_a_resumed_run(self):
        whole, run = self.folder / "whole", self.folder / "run"
        self.look(programs.WWGAN_NOISE, whole, "--iterations", 3)
        self.look(programs.WWGAN_NOISE, run, "--iterations", 1)
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 3, program=programs.WWGAN_NOISE))
        self.assertEqual(len(set(column(whole, "separation"))), 3)
        without = ["log.txt", "config.json"]
        self.assertEqual(files_of(whole, without), files_of(run, without))

    def test_pictures(self):
        runs = {"shift": programs.WWGAN_SHIFT, "noise": programs.WWGAN_NOISE}
        for name, program in runs.items():
            self.look(program, self.folder / name)
            self.look(program, self.folder / f"{name}-again", "--seed", 2)
            result = self.figures(self.folder / name, self.folder / f"{name}-again", "--out", self.folder / "compared")
            self.assert_done(result)
            one, both = (png_pixels_size(path) for path in (self.folder / f"{name}/figures/{name}.png",
                                                            self.folder / f"compared/compared-{name}.png"))
            self.assertGreater(one[0] * one[1], 100_000)
            self.assertEqual((one[0], one[1] < both[1]), (both[0], True))
        result = self.figures(self.folder / "shift", self.folder / "noise")
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1), result.stderr)
        self.assertIn("cannot be compared", result.stderr)

    def assert_refused(self, program, arguments, status, words):
        result = call("--data", self.data, *programs.PLAIN, "--batch", 8, "--out", self.folder / "refused", *arguments,
                      program=program)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (status, 1), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertFalse((self.folder / "refused").exists())

    def test_bad_input(self):
        empty, unsaved, damaged = (self.folder / name for name in ("empty", "unsaved", "damaged"))
        for folder in (empty, unsaved, damaged):
            folder.mkdir()
        config = (self.critic / "config.json").read_text()
        (unsaved / "config.json").write_text(config)
        (damaged / "config.json").write_text(config.replace('"cifar-10"', '"cifar-100"'))
        for program in (programs.WWGAN_SHIFT, programs.WWGAN_NOISE):
            for arguments, status, words in (
                    ([], 2, ["--critic", "missing"]),
                    (["--critic", empty], 1, ["empty", "config.json"]),
                    (["--critic", unsaved], 1, ["checkpoint.safetensors"]),
                    (["--critic", damaged], 2, ["cifar-100"]),
                    (["--critic", self.critic, "--batch", 17], 1, ["batch"])):
                with self.subTest(program=program.name, arguments=arguments):
                    self.assert_refused(program, arguments, status, words)
        self.assert_refused(programs.WWGAN_NOISE, ["--critic", self.critic, "--changed", "1.1"], 2, ["--changed"])

    def test_bad_flags_of_train(self):
        for arguments, words in ((["--gamma", "-1"], ["gamma"]),
                                 (["--alpha", "1"], ["--alpha", "--metric paper"]),
                                 (["--metric", "paper", "--gamma", "1"], ["--gamma", "--metric code"]),
                                 (["--metric", "paper", "--beta", "0"], ["beta"]),
                                 (["--model", "wgan-gp", "--graph", "four"], ["--graph", "wwgan"]),
                                 (["--penalty", "-1"], ["--penalty"]),
                                 (["--hidden-layers", "3"], ["--hidden-layers", "celeba"]),
                                 (["--dataset", "celeba", "--hidden-layers", "6"], ["--hidden-layers"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(programs.WWGAN_TRAIN, arguments, 2, words)


class Neighbours(ProgramTest):
    program = programs.WWGAN_NEIGHBOURS
    flags = [*programs.PLAIN, "--neighbours", 3, "--batch", 5]

    def test_transport_sees_horizons_that_are_near(self):
        run, sources = self.folder / "run", 2 if programs.DEVICE == "cpu" else 1
        self.assert_done(self.train(run, "--pool", 16, "--iterations", sources))
        samples = sorted((run / "samples").iterdir())
        self.assertEqual([path.name for path in samples], [f"neighbours-{step + 1:09}.npy" for step in range(sources)])
        for path in samples:
            images = npy_points(path)  # a source, and its neighbours under L2 and under W2
            self.assertEqual((len(images), len(images[0])), (7, 32 * 32 * 3))
            # All that differs between these images is the height of the horizon, and a little noise.
            source, *others = (sum(image[row * 96] > 0.5 for row in range(32)) for image in images)
            self.assertTrue(all(abs(source - other) <= 4 for other in others[3:]), others)
        for name in ("l2", "w2"):
            ranks = [column(run, f"{name}_rank_{shift}") for shift in range(1, 7)]
            self.assertTrue(all(1 <= rank <= 16 for rank in sum(ranks, [])))
            self.assertTrue(all(0 < value < 1 for value in column(run, f"{name}_brightness")))
        self.assertTrue(all(3 <= count <= 15 for count in column(run, "evaluated")))
        self.assert_done(subprocess.run([ROOT / "tools/figures", run], capture_output=True, text=True))
        self.assertEqual(sorted(path.name for path in (run / "figures").iterdir()), ["neighbours.png", "ranks.png"])

    def test_a_resumed_run_is_the_same(self):
        whole, run, flags = self.folder / "whole", self.folder / "run", ["--pool", 5, "--epsilon", 4]
        self.assert_done(self.train(whole, *flags, "--iterations", 2))
        self.assert_done(self.train(run, *flags, "--iterations", 1))
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 2, program=self.program))
        without = ["log.txt", "config.json"]
        self.assertEqual(files_of(whole, without), files_of(run, without))


if __name__ == "__main__":
    programs.main()
