"""Each experiment's losses agree between the device under test and the CPU with its baseline instructions.

They run through different kernels, so that rounding differs, and every step builds on those before it.
"""

import csv
import math

import programs
from programs import DEVICE, ProgramTest, call

STEPS = 50

# Not compared: a tie between matches may be broken either way, and the penalty of a piecewise linear critic jumps where a
# point lies on one of its kinks. What they do to the training is seen in the losses. And generated points lie together
# at first, where the distance between two sets of them has fewer digits than that to the data.
JUMPING = {"matched", "matched_noise", "penalty", "sampling"}

# Of a column's largest value: a loss that passes through zero has no digits of its own there.
TOLERANCE = 1e-3

NARROW_IMAGES = ["--width-divisor", 16, "--batch", 16, "--nearest", 0]


def columns(run):
    """Name -> values of every metric; those that not every step has are shorter."""
    with open(run / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}


class Agreement(ProgramTest):
    def trained(self, name, program, steps, flags, **options):
        run = self.folder / name
        self.assert_done(call("--data", self.data, "--threads", 1, "--iterations", steps, "--out", run, *flags,
                              program=program, **options))
        return columns(run)

    def trained_twice(self, program, steps, flags):
        """What is expected, and the result."""
        return (self.trained(f"{program.name}-expected", program, steps, [*flags, "--device", "cpu"],
                             environment={"WASSERKERN_ISA": "baseline"}),
                self.trained(f"{program.name}-result", program, steps, [*flags, "--device", DEVICE]))

    def assert_agree(self, program, *flags, steps=STEPS):
        expected, result = self.trained_twice(program, steps, flags)
        self.assert_close(expected, result, steps)
        loss = "distance" if "distance" in expected else "dual"
        self.assertGreater(len(set(expected[loss])), steps / 2, "nothing was trained")

    def assert_close(self, expected, result, steps):
        self.assertEqual(list(result), list(expected))
        self.assertEqual(expected["step"], list(range(1, steps + 1)))
        for name in expected.keys() - JUMPING:
            self.assertTrue(all(map(math.isfinite, expected[name])), name)
            self.assertEqual(len(result[name]), len(expected[name]), name)
            largest = max(map(abs, expected[name]))
            for step, (value, other) in enumerate(zip(result[name], expected[name]), 1):
                self.assertLessEqual(abs(value - other), TOLERANCE * largest, f"{name}, value {step}")

    def test_squared_distances_on_images(self):
        self.assert_agree(programs.MNIST, *NARROW_IMAGES)

    def test_l1_on_images(self):
        self.assert_agree(programs.MNIST, *NARROW_IMAGES, "--q", 1, "--p", 1)

    def test_colour_images(self):
        flags = ["--width", 4, "--batch", 8]
        self.assert_agree(programs.CIFAR, *flags, "--q", 2, "--p", 2, steps=10)

    def test_wgan_gp_on_colour_images(self):
        flags = ["--width", 4, "--batch", 8, "--model", "wgan-gp", "--critic-steps", 1]
        self.assert_agree(programs.CIFAR, *flags, steps=10)

    def test_neighbours(self):
        flags = ["--pool", 8, "--neighbours", 2, "--epsilon", 1]
        runs = self.trained_twice(programs.WWGAN_NEIGHBOURS, 1, flags)
        for name in runs[0].keys() - {"evaluated"}:  # which costs are found out may hang on a rounding, ranks hardly
            self.assertEqual(runs[0][name], runs[1][name], name)

    def test_samples(self):
        for program, flags in ((programs.SAMPLE_COMPLEXITY, ["--batch", 50]), (programs.DIMENSION, ["--pairs", 2]),
                               (programs.SINKHORN_COMPLEXITY, ["--batch", 25])):
            with self.subTest(program.name):
                self.assert_close(*self.trained_twice(program, 2, flags), 2)

    def test_estimates_of_a_fixed_distance(self):
        flags = ["--points", 16, "--batch", 8, "--measure-every", 1]
        self.assert_agree(programs.ORACLE, *flags, "--architecture", "resnet", "--width", 3, steps=4)
        self.assert_agree(programs.MALLASTO, *flags, "--model", "c-transform", "--width", 3, "--pairs", 2, steps=4)

    def test_clusters_and_nearest_images(self):
        few = ["--dataset", "cifar-10", "--images", 12]
        for program, flags in ((programs.FALSE_MINIMA, ["--batch", 4, "--starts", 1]),
                               (programs.K_MEDIANS, ["--clusters", 3]), (programs.PERCEPTUAL, [])):
            with self.subTest(program.name):
                self.assert_close(*self.trained_twice(program, 2, [*few, *flags]), 2)

    def test_transported_noise(self):
        self.assert_agree(programs.POTENTIAL_GENERATOR, *NARROW_IMAGES, "--source-scale", 0.1)

    def test_both_penalties_on_points(self):
        # Where two candidates for a minimum are equal but for rounding either may be taken, and from there on these are
        # two trainings. At the default rate, 1e-4, that happens to one seed in four, which ends up to 5e-3 apart; at
        # this one the six seeds that were tried stay within 2e-5.
        self.assert_agree(programs.MIXTURE, "--p2", "square", "--rate", 1e-5)

    def test_wgan(self):
        self.assert_agree(programs.MIXTURE, "--model", "wgan", "--batch", 32)

    def test_gan_with_a_lipschitz_critic(self):
        flags = ["--model", "lipschitz-gan", "--width", 8, "--batch", 32, "--points", 50, "--measure-every", 1,
                 "--orthonormalisations", 6]
        self.assert_close(*self.trained_twice(programs.LIPSCHITZ, 4, flags), 4)

    def test_wgan_gp(self):
        self.assert_agree(programs.MIXTURE, "--model", "wgan-gp", "--batch", 32)


if __name__ == "__main__":
    programs.main()
