"""Exact transport: atoms that descend it, the mixture's models beside it, and the distance of anyone's points."""

import csv
import math
import random
import subprocess

import programs
from programs import ROOT, ProgramTest, call, files_of
from results import column, mean, npy_points, png_pixels_size, write_npy

ATOMS, TARGETS = 7, 10


def last_column(run, name):
    """A column of results.csv, as text."""
    with open(run / "results.csv", newline="") as file:
        header, *rows = csv.reader(file)
    return [row[header.index(name)] for row in rows]


class Atoms(ProgramTest):
    program = programs.ATOMS
    flags = programs.PLAIN

    def ends(self, run, step):
        """For p = 1, 2, 5: atoms, targets, and the plan between them, [atom][target]."""
        def points(row):
            return list(zip(row[::2], row[1::2]))

        atoms = npy_points(run / f"samples/atoms-{step:09}.npy")
        targets = [tuple(point) for point in npy_points(run / f"samples/targets-{step:09}.npy")]
        plans = npy_points(run / f"samples/plans-{step:09}.npy")
        self.assertEqual((len(atoms), len(targets), len(plans[0])), (3, TARGETS, ATOMS * TARGETS))
        return [(points(row), targets, [plan[i * TARGETS:(i + 1) * TARGETS] for i in range(ATOMS)])
                for row, plan in zip(atoms, plans)]

    def test_figure_1(self):
        run = self.folder / "run"
        result = self.train(run)
        self.assert_done(result)
        ends = self.ends(run, 1000)
        for atoms, targets, plan in ends:
            for atom in plan:
                self.assertAlmostEqual(sum(atom), 1 / ATOMS, 6)
            for target in range(TARGETS):
                self.assertAlmostEqual(sum(atom[target] for atom in plan), 1 / TARGETS, 6)
            self.assertLess(sum(mass > 0 for atom in plan for mass in atom), ATOMS + TARGETS)

        # p = 1: an atom lands on the target that has more than half of its mass.
        atoms, targets, plan = ends[0]
        held = [(place, targets[mass.index(max(mass))]) for place, mass in zip(atoms, plan)
                if max(mass) > 0.51 / ATOMS]
        self.assertGreaterEqual(len(held), 5)
        for place, target in held:
            self.assertLess(math.dist(place, target), 0.005)

        # p = 2: on the mean of its targets.
        atoms, targets, plan = ends[1]
        for place, mass in zip(atoms, plan):
            centre = [ATOMS * sum(m * target[k] for m, target in zip(mass, targets)) for k in range(2)]
            self.assertLess(math.dist(place, centre), 1e-5)

        # p = 5: it stays inside, where the gradient vanishes.
        spreads = [math.sqrt(mean([math.dist(place, [mean(axis) for axis in zip(*atoms)]) ** 2 for place in atoms]))
                   for atoms, _, _ in ends]
        self.assertGreater(spreads[0], spreads[1])
        self.assertGreater(spreads[1], 1.05 * spreads[2])
        for p in (2, 5):
            gradient = column(run, f"gradient_{p}")
            self.assertLess(gradient[-1], 1e-3 * gradient[0])
        for p in (1, 2, 5):
            cost = column(run, f"cost_{p}")
            self.assertEqual(len(cost), 1000)
            self.assertLess(min(cost), 0.5 * cost[0])
            self.assertLess(cost[-1], 1.01 * min(cost))

        self.assertEqual(last_column(run, "p"), ["1", "2", "5"])
        self.assertEqual([float(spread) for spread in last_column(run, "spread")],
                         [float(f"{spread:.3g}") for spread in spreads])
        self.assertIn("on a target", result.stdout)

    def test_other_powers_and_sizes(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--powers", "1.5,3", "--q", 1, "--targets", 4, "--batch", 5, "--iterations",
                                    40))
        self.assertEqual(len(npy_points(run / "samples/plans-000000040.npy")[1]), 20)
        for p in ("1.5", "3"):
            cost = column(run, f"cost_{p}")
            self.assertLess(cost[-1], cost[0])

    def test_a_resumed_run_is_the_same(self):
        whole, run, flags = self.folder / "whole", self.folder / "run", ["--samples-every", 4]
        self.assert_done(self.train(whole, *flags, "--iterations", 12))
        self.assert_done(self.train(run, *flags, "--iterations", 4))
        self.assert_done(call("--resume", run, "--iterations", 12, program=self.program))
        without = ["log.txt", "config.json", "plans-000000004.npy", "targets-000000004.npy"]
        self.assertEqual(files_of(whole, without), files_of(run, without))

    def test_bad_flags(self):
        for arguments, word in ((["--powers", "1,x"], "1,2,5"), (["--powers", ""], "--powers"),
                                (["--powers", "1,"], "1,2,5"), (["--powers", "2,0.5"], "at least 1"),
                                (["--powers", "2,2"], "twice"),
                                (["--q", "0"], "at least 1"), (["--rate", "0"], "--rate"),
                                (["--halving", "-1"], "--halving"), (["--targets", "0"], "--targets")):
            with self.subTest(arguments=arguments):
                result = self.train(self.folder / "run", *arguments)
                self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
                self.assertIn(word, result.stderr)
                self.assertFalse((self.folder / "run").exists())

    def test_steps_that_are_too_large(self):
        result = self.train(self.folder / "run", "--rate", 3)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1), result.stderr)
        for word in ("p = 5", "iteration", "--rate"):
            self.assertIn(word, result.stderr)

    def test_figures(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 20))
        self.assert_done(subprocess.run([ROOT / "tools/figures", run], capture_output=True, text=True))
        width, height, _, _ = png_pixels_size(run / "figures/atoms.png")
        self.assertGreater(width, 3 * height)


class Mixture(ProgramTest):
    program = programs.MIXTURE
    flags = programs.PLAIN

    def test_the_objective_comes_up_to_the_exact_cost(self):
        for p, critic_steps in ((1, 2), (2, 1)):
            with self.subTest(p=p):
                run = self.folder / f"run-{p}"
                self.assert_done(self.train(run, "--p", p, "--critic-steps", critic_steps))
                objective, exact, sampling = (column(run, name) for name in ("objective", "exact", "sampling"))
                self.assertEqual([len(values) for values in (objective, exact, sampling)], [500] * 3)
                # No critic brings the objective above the cost, but for rounding: costs are about 1.
                self.assertTrue(all(said < true + 1e-5 for said, true in zip(objective, exact)))
                self.assertLess(mean(exact[-100:]), 0.5 * exact[0])
                self.assertGreater(mean(objective[-100:]), mean(exact[-100:]) - mean(sampling[-100:]))
                self.assertEqual(last_column(run, "agree"), ["yes"])

    def test_a_training_that_diverges_says_so(self):
        result = self.train(self.folder / "run", "--rate", "1e30", "--iterations", 30)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1), result.stderr)
        self.assertIn("a recorded value is not finite", result.stderr)

    def test_pictures(self):
        runs = [self.folder / name for name in ("wgan-gp", "five")]
        for run, flags in zip(runs, (["--model", "wgan-gp"], ["--p", 5])):
            self.assert_done(self.train(run, *flags, "--iterations", 9))
            self.assertEqual(len(column(run, "exact")), 3)
        self.assert_done(subprocess.run([ROOT / "tools/figures", *runs, "--out", self.folder], capture_output=True,
                                        text=True))
        one, both = (png_pixels_size(path) for path in (runs[0] / "figures/exact.png", self.folder / "exact.png"))
        self.assertEqual((2 * one[0], one[1]), both[:2])


class Distance(ProgramTest):
    program = programs.DISTANCE

    def measured(self, *arguments):
        """Name -> what was said of it."""
        result = call(*programs.PLAIN, *arguments, program=self.program)
        self.assert_done(result)
        return dict(line.split(maxsplit=1) for line in result.stdout.splitlines())

    def value(self, *arguments):
        return float(self.measured(*arguments)["value"].rstrip(",").split(",")[0])

    def test_points_on_a_line(self):
        source = random.Random(1)
        a, b = ([source.gauss(0, 1) for _ in range(40)] for _ in range(2))
        files = [write_npy(self.folder / "a.npy", (40,), a), write_npy(self.folder / "b.npy", (40, 1), b, "<f8")]
        ways = [abs(x - y) for x, y in zip(sorted(a), sorted(b))]  # what is optimal on a line for every p
        for flags, p in ((["--cost", "l1"], 1), (["--cost", "l2"], 1), (["--cost", "squared-l2"], 2), ([], 2),
                         (["--p", 3], 3)):
            with self.subTest(flags=flags):
                said, cost = self.measured(*files, *flags), mean([way ** p / p for way in ways])
                self.assertAlmostEqual(float(said["value"]), cost, delta=1e-6 * cost)
                self.assertAlmostEqual(float(said["distance"].split(",")[0]), (p * cost) ** (1 / p), delta=1e-6)
                self.assertAlmostEqual(float(said["dual"].split(":")[0]), cost, delta=1e-6 * cost)
                self.assertLess(abs(float(said["gap"])), 1e-9)
                self.assertTrue(said["certified"].startswith("yes"))
                self.assertRegex(said["time"], r"^[0-9.e-]+ s$")

    def test_masses_plan_and_potentials(self):
        x, y = [(0, 0), (3, 0), (0, 4)], [(0, 0), (3, 4)]
        files = [write_npy(self.folder / name, (len(points), 2), sum(points, ())) for name, points in
                 (("x.npy", x), ("y.npy", y))]
        masses = ["--source-mass", write_npy(self.folder / "a.npy", (3,), [1, 0.5, 2.5], "<f8"),
                  "--target-mass", write_npy(self.folder / "b.npy", (2,), [2, 2])]
        flags = ["--cost", "l2", "--coupling", self.folder / "plan.npy", "--potentials", self.folder / "potential"]
        said = self.measured(*files, *masses, *flags)
        # What is at the first target stays; half a unit comes from either of the other points, over 3 and 4.
        self.assertAlmostEqual(float(said["value"]), 3 * 0.5 + 4 * 0.5 + 3 * 2)
        self.assertEqual(npy_points(self.folder / "plan.npy"), [(0, 0, 1), (1, 0, 0.5), (2, 0, 0.5), (2, 1, 2)])
        u, v = ([value for (value,) in npy_points(self.folder / f"potential-{side}.npy")]
                for side in ("source", "target"))
        self.assertTrue(all(u[i] + v[j] < math.dist(x[i], y[j]) + 1e-12 for i in range(3) for j in range(2)))
        self.assertAlmostEqual(u[0] + 0.5 * u[1] + 2.5 * u[2] + 2 * v[0] + 2 * v[1], 9.5)

    def test_entropic(self):
        source = random.Random(2)
        files = [write_npy(self.folder / f"{name}.npy", (30, 2), [source.gauss(0, 1) for _ in range(60)])
                 for name in "ab"]
        exact = self.value(*files)
        values = []
        for epsilon in ("0.5", "0.1", "0.02"):
            plan = self.folder / f"{epsilon}.npy"
            said = self.measured(*files, "--method", "sinkhorn", "--epsilon", epsilon, "--coupling", plan,
                                 "--iterations", 20000)
            values.append(float(said["value"].split(",")[0]))
            self.assertTrue(said["certified"].startswith("no"))
            self.assertLessEqual(float(said["dual"].split(":")[0]), exact * (1 + 1e-6))
            sums = [0] * 30
            for i, _, mass in npy_points(plan):
                sums[int(i)] += mass
            for mass in sums:
                self.assertAlmostEqual(mass, 1 / 30, delta=1e-3 / 30)
        self.assertTrue(exact < values[2] < values[1] < values[0], (exact, values))
        self.assertLess(values[2], 1.2 * exact)
        self.assertIn("epsilon", self.measured(*files, "--method", "sinkhorn")["certified"])  # a share of the mean cost

    def test_images(self):
        source = random.Random(3)
        pixels = {count: [source.random() for _ in range(count * 12)] for count in (4, 3)}
        images, rows = ([write_npy(self.folder / f"{len(shape)}-{count}.npy", (count, *shape), values)
                         for count, values in pixels.items()] for shape in ((2, 2, 3), (12,)))
        self.assertEqual(self.value(*images), self.value(*rows))

    def assert_refused(self, arguments, status, *words):
        before = files_of(self.folder)
        result = call(*programs.PLAIN, *arguments, program=self.program)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (status, 1), result.stderr)
        self.assertEqual((result.stdout, files_of(self.folder)), ("", before))
        for word in words:
            self.assertIn(word, result.stderr)

    def test_bad_input(self):
        def array(name, shape, values, *kind):
            return write_npy(self.folder / name, shape, values, *kind)

        good = array("good.npy", (2, 2), [0, 0, 1, 1])
        (self.folder / "text.npy").write_text("1 2 3")
        nan, inf = math.nan, math.inf
        for bad, words in ((array("nan.npy", (2, 2), [0, 0, nan, 1]), ["nan.npy", "point 1", "not finite"]),
                           (array("inf.npy", (2, 2), [-inf, 0, 0, 1]), ["inf.npy", "point 0"]),
                           (array("large.npy", (2, 2), [0, 0, 1e39, 1], "<f8"), ["large.npy", "point 1"]),
                           (array("none.npy", (0, 2), []), ["none.npy", "no points", "[0, 2]"]),
                           (array("flat.npy", (2, 0), []), ["flat.npy", "no points"]),
                           (array("vast.npy", (0, 2**40, 2**40), []), ["vast.npy"]),
                           (array("one.npy", (), [3]), ["one.npy", "[points, coordinates]"]),
                           (array("three.npy", (2, 3), [0] * 6), ["good.npy", "three.npy", "[2, 3]", "[2, 2]"]),
                           (array("deep.npy", (2, 1, 2), [0] * 4), ["deep.npy", "[2, 1, 2]"]),
                           (array("order.npy", (2, 2), [0] * 4, "<f4", "True"), ["order.npy", "ascontiguousarray"]),
                           (array("integers.npy", (2, 2), [0] * 4, "<i4"), ["integers.npy", "<i4", "float32"]),
                           (array("short.npy", (2, 2), [0] * 3), ["short.npy", "12 follow"]),
                           (self.folder / "text.npy", ["text.npy", "numpy.save"]),
                           (self.folder / "nowhere.npy", ["nowhere.npy"]), (self.folder, ["folder"])):
            with self.subTest(bad.name):
                self.assert_refused([good, bad], 1, *words)
                self.assert_refused([bad, good], 1, *words)
        for masses, words in (([1, -1], ["masses.npy", "mass 1", "-1"]), ([0, 0], ["masses.npy"]),
                              ([nan, 1], ["mass 0"]), ([inf, 1], ["mass 0"]), ([1, 2], ["3", "1", "scale"]),
                              ([1], ["masses.npy", "[1]", "[2]"])):
            with self.subTest(masses=masses):
                file = array("masses.npy", (len(masses),), masses)
                for method in ("exact", "sinkhorn"):
                    self.assert_refused([good, good, "--target-mass", file, "--method", method], 1, *words)
        other = array("other.npy", (2, 2), [3, 1, 0.5, 1])
        self.assert_refused([good, other, "--method", "sinkhorn", "--iterations", 1, "--epsilon", 0.1], 1, "converged")
        point = array("point.npy", (1, 2), [3, 4])
        self.assert_refused([point, point, "--method", "sinkhorn"], 1, "--epsilon")
        result = call(*programs.PLAIN, good, good, "--coupling", self.folder / "no/plan.npy", program=self.program)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1), result.stderr)
        self.assertIn("plan.npy", result.stderr)
        self.assertIn("value      0\n", result.stdout)  # what was found is said all the same

    def test_bad_flags(self):
        good = write_npy(self.folder / "good.npy", (2, 2), [0, 0, 1, 1])
        for arguments, words in (([], ["SOURCE", "--help"]), ([good], ["TARGET"]), ([good] * 3, ["good.npy"]),
                                 ([good, good, "--no-such-flag"], ["--no-such-flag"]),
                                 ([good, good, "--cost", "cosine"], ["--cost", "squared-l2"]),
                                 ([good, good, "--cost", "l1", "--p", 2], ["--p", "lq"]),
                                 ([good, good, "--q", 0.5], ["at least 1"]),
                                 ([good, good, "--method", "greedy"], ["--method", "sinkhorn"]),
                                 ([good, good, "--epsilon", 1], ["--epsilon", "sinkhorn"]),
                                 ([good, good, "--method", "sinkhorn", "--epsilon", 0], ["--epsilon"]),
                                 ([good, good, "--method", "sinkhorn", "--tolerance", -1], ["--tolerance"]),
                                 ([good, good, "--device", "tpu"], ["tpu"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, 2, *words)

    def test_help(self):
        result = call("--help", program=self.program)
        self.assert_done(result)
        for word in ("SOURCE", "TARGET", "--cost", "--method", "--epsilon", "--source-mass", "--coupling",
                     "--potentials", "--device", "--threads", "exact|sinkhorn", "1000"):
            self.assertIn(word, result.stdout)


if __name__ == "__main__":
    programs.main()
