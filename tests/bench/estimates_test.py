"""Paper 004's estimates of W1 by critics of two fixed sets of images: figures 2 and 3, algorithms 5 and 6."""

import json
import math

import programs
from programs import ProgramTest, call, files_of
from results import column, results


class EstimatesTest(ProgramTest):
    flags = [*programs.PLAIN, "--points", 24, "--batch", 8, "--measure-every", 3]
    small = ["--width", 4]

    def run_of(self, name, *arguments):
        run = self.folder / name
        self.assert_done(self.train(run, *arguments))
        return run

    def flags_of(self, run):
        return json.loads((run / "config.json").read_text())["flags"]

    def assert_resumes(self, *flags):
        whole = self.run_of("whole", *self.small, *flags, "--iterations", 6)
        run = self.run_of("run", *self.small, *flags, "--iterations", 3)
        self.assert_done(call("--resume", run, "--iterations", 6, program=self.program))
        without = ["log.txt", "config.json"]
        self.assertEqual(files_of(whole, without), files_of(run, without))

    def assert_refused(self, words, *arguments):
        result = self.train(self.folder / "refused", *arguments)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)


class Oracle(EstimatesTest):
    program = programs.ORACLE

    def test_no_estimate_is_above_the_distance(self):
        # The steepest slope is taken between pairs and not everywhere, but on so few images that is enough.
        for architecture in ("dcgan", "mlp", "resnet"):
            with self.subTest(architecture):
                run = self.run_of(architecture, *self.small, "--architecture", architecture, "--iterations", 60,
                                  "--rate", "1e-3", "--measure-every", 20)
                normalised = column(run, "normalised")
                self.assertEqual(len(normalised), 3)
                self.assertGreater(normalised[-1], normalised[0])
                exact = column(run, "exact")
                self.assertEqual(len(set(exact)), 1)
                self.assertTrue(0 < normalised[-1] < exact[0])
                rows = {row["quantity"]: row for row in results(run)}
                self.assertAlmostEqual(float(rows["estimate over slope"]["ours"]), normalised[-1], delta=2e-3)
                self.assertAlmostEqual(float(rows["W1, exact"]["ours"]), exact[0], delta=1e-3)
        self.draw("oracle", run)

    def test_images_are_enlarged(self):
        small = self.run_of("small", *self.small, "--iterations", 3)
        large = self.run_of("large", *self.small, "--iterations", 3, "--side", 64)
        # Enlarging makes four pixels of one, and smoothes a little.
        (narrow, wide) = (column(run, "exact")[0] for run in (small, large))
        self.assertTrue(1.7 * narrow < wide < 2 * narrow, (narrow, wide))

    def test_a_draw_is_its_number(self):
        runs = [self.run_of(f"draw-{number}-{i}", "--draw", number, "--width", 3, "--iterations", 1, "--measure-every", 1)
                for number, i in ((1, 0), (1, 1), (2, 0), (3, 0))]
        drawn = [{name: self.flags_of(run)[name] for name in ("penalty", "rate", "architecture")} for run in runs]
        self.assertEqual(drawn[0], drawn[1])
        self.assertEqual(len({json.dumps(one) for one in drawn}), 3)
        for one in drawn:
            self.assertTrue(1 <= one["penalty"] <= 1000 and 1e-5 <= one["rate"] <= 1e-3, one)
        self.draw("compared-oracle", *runs)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes()

    def test_bad_flags(self):
        self.assert_refused(["--penalty"], "--penalty", -1)
        self.assert_refused(["--points 999", "64"], "--points", 999)


class Pinetz(EstimatesTest):
    program = programs.PINETZ
    flags = [*programs.PLAIN, *EstimatesTest.small, "--points", 24, "--batch", 24, "--measure-every", 20]

    def test_the_estimate_stays_below(self):
        run = self.run_of("run", "--iterations", 40, "--rate", "1e-3")
        self.assertEqual(len(column(run, "distance")), 40)
        self.assertTrue(0 < column(run, "normalised")[-1] < column(run, "exact")[-1])
        self.draw("pinetz", run)


class Mallasto(EstimatesTest):
    program = programs.MALLASTO
    flags = [*programs.PLAIN, "--points", 24, "--batch", 8, "--measure-every", 3, "--pairs", 3]

    def test_a_c_transform_is_below_and_near_w1(self):
        flags = [*self.small, "--iterations", 30, "--measure-every", 10]
        runs = {model: self.run_of(model, "--model", model, *flags)
                for model in ("c-transform", "soft-c-transform", "wgan-gp", "wgan-lp", "wgan")}
        exact = {tuple(column(run, "exact")) for run in runs.values()}
        self.assertEqual(len(exact), 1, "the pairs of batches hang on the model")
        exact = exact.pop()[0]
        share = {model: column(run, "estimate")[-1] / exact for model, run in runs.items()}
        self.assertTrue(0.5 < share["c-transform"] <= 1 + 1e-6, share)  # weak duality
        for model in ("wgan-gp", "wgan-lp", "wgan"):
            self.assertLess(share[model], share["c-transform"], share)
        for run in runs.values():
            self.assertTrue(all(map(math.isfinite, column(run, "deviation"))))
        rows = {row["quantity"]: row for row in results(runs["c-transform"])}
        self.assertLess(float(rows["V of D = 0, mean"]["ours"]), exact)
        self.draw("compared-mallasto", *runs.values())

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--model", "wgan")

    def test_bad_flags(self):
        self.assert_refused(["--clip", "wgan"], "--clip", 1)
        self.assert_refused(["--epsilon", "soft-c-transform"], "--epsilon", 1, "--model", "c-transform")
        self.assert_refused(["--batch 25"], "--batch", 25)


if __name__ == "__main__":
    programs.main()
