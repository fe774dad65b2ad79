"""Paper 004's figures 17 and 18: a WGAN and a GAN with a Lipschitz critic, and with an ordinary one."""

import programs
from results import checkpoint_values, column, results
from tracking_test import GeneratorTest

MODELS = ("wgan-gp", "lipschitz-wgan", "gan", "lipschitz-gan")


class Lipschitz(GeneratorTest):
    program = programs.LIPSCHITZ
    flags = [*programs.PLAIN, "--width", 16, "--batch", 32, "--points", 200, "--measure-every", 2]

    def test_the_table_and_the_picture(self):
        runs = [self.folder / model for model in MODELS]
        for run in runs:
            self.assert_done(self.train(run, "--model", run.name, "--iterations", 4))
            rows = {row["quantity"]: row for row in results(run)}
            for quantity, name in (("exact W1", "exact"), ("critic's Lipschitz estimate", "slope")):
                last = column(run, name)[-1]
                self.assertAlmostEqual(float(rows[quantity]["at the end"]), last, delta=1e-3 * last)
        # The same real points, whatever is trained.
        self.assertEqual(len({tuple(column(run, "sampling")) for run in runs}), 1)
        self.draw("lipschitz", *runs)
        self.draw("compared-lipschitz", *runs)

    def test_measuring_changes_nothing(self):
        runs = [self.folder / name for name in ("often", "never")]
        for run, every in zip(runs, (1, 100)):
            self.assert_done(self.train(run, "--model", "lipschitz-gan", "--iterations", 3, "--measure-every", every))
        self.assertEqual(*(checkpoint_values(run, "generator") for run in runs))

    def test_resumed_runs_are_the_same(self):
        self.assert_resumes("--model", "lipschitz-gan")

    def test_recorded_steps_are_the_eager_ones(self):
        for model in MODELS[1:]:
            with self.subTest(model):
                self.assert_recorded_is_eager("--model", model)

    def test_bad_flags(self):
        self.assert_refused(["--penalty", -1], "--penalty")
        self.assert_refused(["--model", "gan", "--penalty", 1], "--penalty", "wgan-gp")
        self.assert_refused(["--lipschitz", 1], "--lipschitz", "lipschitz-gan")
        self.assert_refused(["--model", "lipschitz-gan", "--lipschitz", 0], "--lipschitz")
        self.assert_refused(["--model", "lipschitz-gan", "--orthonormalisations", 0], "--orthonormalisations")
        self.assert_refused(["--model", "lipschitz-gan", "--width", 3], "groups of 2")


if __name__ == "__main__":
    programs.main()
