"""Paper 004's experiments with samples of a normal distribution: figures 8, 9, 11 and 13."""

import math

import programs
from programs import ProgramTest, call, files_of
from results import column, mean, npy_points, results


class SamplesTest(ProgramTest):
    flags = programs.PLAIN

    def assert_resumes(self, *flags):
        """A run of four iterations, and one of two that goes on."""
        whole, run = self.folder / "whole", self.folder / "run"
        self.assert_done(self.train(whole, *flags, "--iterations", 4))
        self.assert_done(self.train(run, *flags, "--iterations", 2))
        self.assert_done(call("--resume", run, "--iterations", 4, program=self.program))
        # What the first half ended with stays.
        without = ["log.txt", "config.json", "line-000000002.npy"]
        self.assertEqual(files_of(whole, without), files_of(run, without))

    def assert_refused(self, arguments, words):
        result = self.train(self.folder / "refused", *arguments)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertFalse((self.folder / "refused").exists())


class SampleComplexity(SamplesTest):
    program = programs.SAMPLE_COMPLEXITY

    def test_w1_falls_slowly(self):
        run = self.folder / "run"
        result = self.train(run, "--batch", 100, "--iterations", 6)
        self.assert_done(result)
        w1 = {n: column(run, f"w1_{n}") for n in (10, 25, 50, 75, 100)}
        self.assertEqual([len(values) for values in w1.values()], 5 * [6])
        means = [mean(values) for values in w1.values()]
        self.assertEqual(means, sorted(means, reverse=True))
        # By SciPy's solver 5.28 for n = 10 and 4.47 for n = 100, with deviations of 0.23 and 0.06.
        self.assertTrue(4.8 < means[0] < 5.7 and 4.35 < means[-1] < 4.6, means)

        rows = {row["quantity"]: row for row in results(run)}
        self.assertIn("n for W1 = 0.1", result.stdout)
        for n, values in w1.items():
            self.assertAlmostEqual(float(rows[f"W1, n = {n}"]["ours"]), mean(values), delta=1e-3)
        self.assert_line_is_least_squares(run, rows, [math.log10(n) for n in w1], [math.log10(w) for w in means])
        self.draw("sample-complexity", run)

    def assert_line_is_least_squares(self, run, rows, x, y):
        slope = (sum((a - mean(x)) * (b - mean(y)) for a, b in zip(x, y)) / sum((a - mean(x)) ** 2 for a in x))
        self.assertAlmostEqual(float(rows["slope of log W1 over log n"]["ours"]), slope, places=4)
        exponent = mean(x) + (-1 - mean(y)) / slope
        self.assertAlmostEqual(float(rows["n for W1 = 0.1"]["ours"].removeprefix("1e")), exponent, delta=0.06)
        (line,) = (run / "samples").glob("line-*.npy")
        for at, height, lower, upper in npy_points(line):
            self.assertAlmostEqual(height, mean(y) + slope * (at - mean(x)), places=4)
            self.assertTrue(lower < height < upper)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--batch", 50)

    def test_shorter_lists_draw_the_same_samples(self):
        runs = [self.folder / name for name in ("short", "long")]
        for run, largest in zip(runs, (10, 25)):
            self.assert_done(self.train(run, "--batch", largest, "--iterations", 2))
        self.assertEqual(*(column(run, "w1_10") for run in runs))
        self.assertEqual(len(set(column(runs[0], "w1_10"))), 2)
        self.draw("sample-complexity", runs[0])  # too few sizes for a line

    def test_bad_flags(self):
        self.assert_refused(["--batch", 9], ["--batch", "10"])
        self.assert_refused(["--dimension", 0], ["--dimension"])


class Dimension(SamplesTest):
    program = programs.DIMENSION

    def test_in_many_dimensions_the_mean_is_nearer(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--pairs", 4))
        batch, centre, own = (column(run, name) for name in ("to_batch", "to_mean", "to_own_mean"))
        self.assertEqual(len(batch), 30)
        self.assertTrue(batch[4] + 0.5 < centre[4] and centre[29] + 0.4 < batch[29])
        self.assertTrue(all(a < b for a, b in zip(own[9:], centre[9:])))  # in few, the mean is far from a median
        for d in range(1, 31):  # E|x| of a normal point; of 256 of them the mean has a deviation of 0.04
            expected = math.sqrt(2) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
            self.assertAlmostEqual(centre[d - 1], expected, delta=0.2)
        *rows, crossing = results(run)
        self.assertEqual([row["nearer"] for row in rows],
                         ["mean" if a < b else "batch" for a, b in zip(centre, batch)])
        self.assertTrue(15 < float(crossing["to the mean"]) < 18)
        self.draw("dimension", run)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--pairs", 2)

    def test_bad_flags(self):
        self.assert_refused(["--batch", 1025], ["--batch", "1024"])


class SinkhornComplexity(SamplesTest):
    program = programs.SINKHORN_COMPLEXITY

    def test_the_divergence_falls_to_0(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--batch", 500, "--iterations", 3))
        rows = results(run)
        divergences = [float(row["ours"]) for row in rows]
        self.assertEqual(divergences, sorted(divergences, reverse=True))
        for row in rows:  # epsilon = 100 is almost the limit
            self.assertAlmostEqual(float(row["ours"]) / float(row["limit for large epsilon"]), 1, delta=0.15)
        self.assertTrue(0 < divergences[-1] < 0.02)
        self.draw("sinkhorn-complexity", run)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--batch", 25)

    def test_bad_flags(self):
        self.assert_refused(["--epsilon", 0], ["--epsilon"])


if __name__ == "__main__":
    programs.main()
