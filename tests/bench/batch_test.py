"""Paper 004's WGANs whose loss is compared with the exact W1 of their batches: figures 6, 7 and 14."""

import math

import programs
from programs import ProgramTest, call, files_of
from results import checkpoint_count, checkpoint_values, column, mean, results

MODELS = {"c-transform": ["--potential-scale", 20, "--critic-rate", "1e-3"],
          "generated": ["--search-space", "generated"], "wgan-gp": ["--model", "wgan-gp", "--penalty", 1]}


class BatchTest(ProgramTest):
    flags = [*programs.PLAIN, "--dataset", "cifar-10", "--width", 4, "--batch", 8]

    def assert_resumes(self, name, flags):
        """A run of twelve iterations, and one of six that goes on."""
        whole, run = self.folder / f"{name}-whole", self.folder / name
        flags = [*flags, "--critic-steps", 2, "--samples-every", 4, "--average", 0.5, "--save-images", 3]
        self.assert_done(self.train(whole, *flags, "--iterations", 12))
        self.assert_done(self.train(run, *flags, "--iterations", 6))
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 12, program=self.program))
        # What the first half ended with stays.
        without = ["log.txt", "config.json", *(f"{name}000000006.{kind}" for name, kind in
                                               (("", "png"), ("average-", "png"), ("images-", "npy")))]
        self.assertEqual(files_of(whole, without), files_of(run, without))

    def assert_refused(self, *arguments, words):
        result = self.train(self.folder / "refused", *arguments)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertFalse((self.folder / "refused").exists())


class BatchEstimator(BatchTest):
    program = programs.BATCH_ESTIMATOR

    def test_the_table_is_of_the_curves(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, *MODELS["c-transform"], "--iterations", 20, "--critic-steps", 2,
                                    "--samples-every", 10))
        loss, exact = column(run, "objective"), column(run, "exact")
        self.assertEqual((len(loss), len(exact)), (20, 20))
        # The generator's step has a real batch of its own.
        self.assertEqual(checkpoint_count(run, "batches.position"), 20 * (2 + 1))
        rows = {row["quantity"]: float(row["ours"]) for row in results(run)}
        self.assertAlmostEqual(rows["loss, mean of the last tenth"], mean(loss[-2:]), delta=0.01)
        self.assertAlmostEqual(rows["exact W1, the same"], mean(exact[-2:]), delta=0.01)
        self.assertAlmostEqual(rows["loss / W1, the same"], mean(loss[-2:]) / mean(exact[-2:]), delta=0.001)
        self.assertAlmostEqual(rows["W1, last tenth / first"], mean(exact[-2:]) / mean(exact[:2]), delta=0.001)
        self.assertAlmostEqual(rows["largest loss - W1"], max(a - b for a, b in zip(loss, exact)), delta=0.01)
        a, b = ([value - mean(values) for value in values] for values in (loss[-10:], exact[-10:]))
        correlation = sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
        self.assertAlmostEqual(rows["correlation of loss and W1, last half"], correlation, delta=0.001)
        self.draw("batch-estimator", run)
        self.draw("batch-samples", run)

    def test_a_resumed_run_is_the_same(self):
        for name, flags in MODELS.items():
            with self.subTest(name):
                self.assert_resumes(name, flags)

    def test_recorded_steps_are_the_eager_ones(self):
        for name, flags in MODELS.items():
            with self.subTest(name):
                runs = [self.folder / f"{name}-{kind}" for kind in ("recorded", "eager")]
                for run, eager in zip(runs, ([], ["--eager"])):
                    self.assert_done(self.train(run, *flags, "--critic-steps", 1, "--iterations", 4, *eager))
                self.assertEqual(*(checkpoint_values(run, "generator") for run in runs))
                self.assertEqual(*(column(run, "exact") for run in runs))

    def test_bad_flags(self):
        self.assert_refused("--penalty", 1, words=["--penalty", "wgan-gp"])
        self.assert_refused("--model", "wgan-gp", "--search-space", "generated", words=["--search-space"])
        self.assert_refused("--model", "wgan-gp", "--potential-scale", 2, words=["--potential-scale"])
        self.assert_refused("--batch", 1025, words=["--batch", "1024"])
        self.assert_refused("--networks", "style", words=["--networks style", "celeba"])

    def test_style_networks_resume_with_their_noise(self):
        self.assert_resumes("style", ["--dataset", "celeba", "--networks", "style", "--width", 1, "--batch", 4])


class SoftTransform(BatchTest):
    program = programs.SOFT_TRANSFORM

    def test_the_loss_tends_to_the_hard_one(self):
        # Of one batch of the same first critic and generator, by epsilon.
        losses = []
        for epsilon in (1e-3, 1, 1000):
            run = self.folder / str(epsilon)
            self.assert_done(self.train(run, "--epsilon", epsilon, "--iterations", 1, "--rate", 1e-8))
            losses += column(run, "objective")
        run = self.folder / "hard"
        self.assert_done(call("--data", self.data, *self.flags, "--out", run, "--iterations", 1, "--rate", 1e-8,
                              program=programs.BATCH_ESTIMATOR))
        losses = [*column(run, "objective"), *losses]
        self.assertAlmostEqual(losses[0], losses[1], delta=1e-2)
        self.assertTrue(losses[1] + 0.1 < losses[2] < losses[3] - 0.1, losses)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("run", ["--epsilon", 10])

    def test_pictures(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 3, "--samples-every", 2))
        self.draw("soft-transform", run)

    def test_bad_flags(self):
        self.assert_refused("--epsilon", 0, words=["--epsilon"])


if __name__ == "__main__":
    programs.main()
