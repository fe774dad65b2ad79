"""Paper 004's generators beside exact distances: figures 4 and 5, WGAN-GP on a mixture; figure 15, generators that
descend the Sinkhorn divergence."""

import math

import programs
from programs import ProgramTest, call, files_of
from results import checkpoint_values, column, mean, npy_points, results


class GeneratorTest(ProgramTest):
    def assert_resumes(self, *flags):
        """A run of six iterations, and one of three that goes on."""
        whole, run, flags = self.folder / "whole", self.folder / "run", [*flags, "--samples-every", 1]
        self.assert_done(self.train(whole, *flags, "--iterations", 6))
        self.assert_done(self.train(run, *flags, "--iterations", 3))
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 6, program=self.program))
        without = ["log.txt", "config.json"]
        self.assertEqual(files_of(whole, without), files_of(run, without))

    def assert_recorded_is_eager(self, *flags):
        runs = [self.folder / f"{kind}{''.join(map(str, flags))}" for kind in ("recorded", "eager")]
        for run, eager in zip(runs, ([], ["--eager"])):
            self.assert_done(self.train(run, *flags, "--iterations", 4, *eager))
        self.assertEqual(*(checkpoint_values(run, "generator") for run in runs))
        self.assertEqual(*((run / "metrics.csv").read_text() for run in runs))

    def assert_refused(self, arguments, *words):
        result = self.train(self.folder / "refused", *arguments)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)


class Tracking(GeneratorTest):
    program = programs.TRACKING
    flags = [*programs.PLAIN, "--width", 16, "--batch", 32, "--points", 200]

    def test_the_table_and_the_picture(self):
        runs = [self.folder / name for name in ("a tenth", "ten")]
        for run, penalty in zip(runs, (0.1, 10)):
            self.assert_done(self.train(run, "--penalty", penalty, "--iterations", 60, "--measure-every", 3))
            rows = {row["quantity"]: row for row in results(run)}
            exact, normalised = column(run, "exact"), column(run, "normalised")
            self.assertEqual(len(exact), 20)
            ratio = rows["exact W1 over normalised loss"]
            self.assertEqual(ratio["paper, at the end"], "6.92")
            self.assertAlmostEqual(float(ratio["at the end"]), exact[-1] / normalised[-1],
                                   delta=1e-3 * abs(exact[-1] / normalised[-1]))
            self.assertAlmostEqual(float(ratio["mean of the last tenth"]), mean(exact[-2:]) / mean(normalised[-2:]),
                                   delta=1e-3 * abs(mean(exact[-2:]) / mean(normalised[-2:])))
            self.assertAlmostEqual(float(rows["exact W1"]["mean of the last tenth"]), mean(exact[-2:]), places=3)
            points = {name: npy_points(run / f"samples/{name}-000000060.npy") for name in ("data", "generated")}
            self.assertEqual([len(each) for each in points.values()], [250, 250])
            for x, y in points["data"]:  # six deviations about the circle
                self.assertAlmostEqual(math.hypot(x, y), 2 / 1.414, delta=6 * 0.02 / 1.414)
        # The same real points, whatever is trained.
        self.assertEqual(*(column(run, "sampling") for run in runs))
        self.draw("tracking", *runs)
        self.draw("compared-tracking", *runs)

    def test_measuring_changes_nothing(self):
        runs = [self.folder / name for name in ("often", "never")]
        for run, every in zip(runs, (1, 100)):
            self.assert_done(self.train(run, "--iterations", 4, "--measure-every", every))
        self.assertEqual(*(checkpoint_values(run, "generator") for run in runs))
        self.assertFalse((runs[1] / "results.csv").exists())

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--measure-every", 1)

    def test_recorded_steps_are_the_eager_ones(self):
        self.assert_recorded_is_eager("--measure-every", 2)

    def test_bad_flags(self):
        self.assert_refused(["--penalty", -1], "--penalty")
        self.assert_refused(["--deviation", 0], "--deviation")
        self.assert_refused(["--points", 0], "--points")


class SinkhornPoints(GeneratorTest):
    program = programs.SINKHORN_GENERATOR
    flags = [*programs.PLAIN, "--dataset", "mixture", "--batch", 20]

    def test_all_modes_are_found(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--epsilon", 0, "--batch", 100, "--iterations", 1000, "--samples-every", 500))
        self.assertEqual(column(run, "modes")[-1], 8)
        self.assertGreater(column(run, "near")[-1], 0.4)
        rows = {row["quantity"]: float(row["ours"]) for row in results(run)}
        # As near as two batches of real points are.
        self.assertLess(rows["exact W1, the same"], 1.2 * rows["exact W1 of two real batches"])
        self.draw("sinkhorn-generator", run)

    def test_gradients_through_the_iterations_are_those_of_settled_couplings(self):
        runs = [self.folder / gradient for gradient in ("envelope", "unrolled")]
        for run in runs:
            self.assert_done(self.train(run, "--gradient", run.name, "--epsilon", 1, "--iterations", 5))
        self.assert_close(*(column(run, "divergence") for run in runs), 1e-4)
        self.assert_close(*(checkpoint_values(run, "generator") for run in runs), 1e-3)

    def assert_close(self, one, other, tolerance):
        self.assertEqual(len(one), len(other))
        self.assertLess(max(abs(a - b) for a, b in zip(one, other)), tolerance * max(map(abs, one)))
        self.assertNotEqual(one, other)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--sinkhorn-iterations", 20)

    def test_bad_flags(self):
        self.assert_refused(["--epsilon", -1], "--epsilon")
        self.assert_refused(["--epsilon", 0, "--gradient", "unrolled"], "--gradient")
        self.assert_refused(["--epsilon", 0, "--sinkhorn-iterations", 2], "--sinkhorn-iterations")
        self.assert_refused(["--crop", 0.5], "--crop")
        self.assert_refused(["--batch", 1025], "--batch", "1024")


class SinkhornImages(GeneratorTest):
    program = programs.SINKHORN_GENERATOR
    flags = [*programs.NARROW_CIFAR, "--dataset", "cifar-10"]

    def test_images_descend(self):
        runs = [self.folder / name for name in ("a hundredth", "ten")]
        for run, epsilon in zip(runs, (0.01, 10)):
            self.assert_done(self.train(run, "--epsilon", epsilon, "--iterations", 60, "--rate", "2e-3",
                                        "--samples-every", 30))
            divergence, spread = column(run, "divergence"), column(run, "spread")
            self.assertLess(mean(divergence[-5:]), 0.8 * mean(divergence[:5]))
            self.assertTrue(all(value > 0 for value in spread))
            for at, settled in zip((30, 60), column(run, "settled")):
                self.assertAlmostEqual(divergence[at - 1] / settled, 1, places=3)
        self.draw("sinkhorn-generator", *runs)
        self.draw("compared-sinkhorn-generator", *runs)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--average", 0.5)

    def test_recorded_steps_are_the_eager_ones(self):
        for epsilon in (0.1, 0):
            with self.subTest(epsilon):
                self.assert_recorded_is_eager("--epsilon", epsilon)


if __name__ == "__main__":
    programs.main()
