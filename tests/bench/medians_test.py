"""Paper 004's experiments with images as points: figures 10, 12 and 16."""

import math
import signal

import programs
from programs import ProgramTest, call, files_of, start
from results import column, mean, npy_points, results


def l2(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))


class ImagesTest(ProgramTest):
    flags = [*programs.PLAIN, "--dataset", "cifar-10"]

    def assert_resumes(self, *flags):
        """A run of four iterations, and one of two that goes on."""
        whole, run, flags = self.folder / "whole", self.folder / "run", [*flags, "--samples-every", 1]
        self.assert_done(self.train(whole, *flags, "--iterations", 4))
        self.assert_done(self.train(run, *flags, "--iterations", 2))
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 4, program=self.program))
        without = ["log.txt", "config.json"]
        self.assertEqual(files_of(whole, without), files_of(run, without))

    def assert_refused(self, arguments, status, words):
        result = self.train(self.folder / "refused", *arguments)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (status, 1), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)


class FalseMinima(ImagesTest):
    program = programs.FALSE_MINIMA

    def test_batches_and_their_distances(self):
        run = self.folder / "run"
        result = self.train(run, "--batch", 8, "--starts", 3, "--iterations", 5)
        self.assert_done(result)
        real, average, medians = (npy_points(run / f"samples/{name}-000000005.npy")
                                  for name in ("real", "mean", "k_medians"))
        self.assertEqual([len(real), len(average), len(medians)], [8, 8, 8])
        self.assertEqual((len({tuple(image) for image in average}), len({tuple(image) for image in medians})), (1, 8))
        # The sky of the mean is red, its ground blue; grey is 0.
        self.assertTrue(average[0][0] > 0.5 > -0.5 > average[0][2] and average[0][-1] > 0.5 > -0.5 > average[0][-3])
        costs = {name: column(run, name) for name in ("real", "mean", "k_medians")}
        for real_cost, mean_cost, median_cost in zip(*costs.values()):
            self.assertTrue(0 < median_cost < mean_cost and real_cost > 0)
        # Eight clusters hold 64 horizons at seventeen heights, two in each.
        self.assertLess(mean(costs["k_medians"]), 0.75 * mean(costs["mean"]))
        rows = {row["batch"]: row for row in results(run)}
        self.assertEqual([row["paper (CelebA)"] for row in rows.values()], ["50.67", "47.91", "39.44"])
        for name, values in costs.items():
            self.assertAlmostEqual(float(rows[name]["W1, mean"]), mean(values), delta=0.0051)
            self.assertEqual(rows[name]["fresh batches"], "5")
        self.assertIn("paper 004, figure 10", result.stdout)
        self.draw("false-minima", run)

    def test_the_mean_batch_has_a_closed_form(self):
        # One fresh batch of all images but those of the fixed one: each is that far from the mean.
        run = self.folder / "run"
        self.assert_done(self.train(run, "--batch", 32, "--starts", 1, "--iterations", 1))
        average = npy_points(run / "samples/mean-000000001.npy")[0]
        real = npy_points(run / "samples/real-000000001.npy")
        records = (self.data / "cifar-10/data_batch_2.bin").read_bytes()
        images = [records[i + 1:i + 3073] for i in range(0, len(records), 3073)]
        images = [[image[channel * 1024 + pixel] / 127.5 - 1 for pixel in range(1024) for channel in range(3)]
                  for image in images]
        self.assertLess(max(abs(a - sum(values) / 64) for a, values in zip(average, zip(*images))), 1e-5)
        fixed = {tuple(round((value + 1) * 127.5) for value in image) for image in real}
        fresh = [image for image in images if tuple(round((value + 1) * 127.5) for value in image) not in fixed]
        self.assertEqual(len(fresh), 32)
        self.assertAlmostEqual(column(run, "mean")[0], mean([l2(image, average) for image in fresh]), places=3)

    def test_faces_are_cut_out_of_their_pictures(self):
        self.flags = [*programs.PLAIN, "--batch", 4, "--starts", 1, "--iterations", 2]
        runs = [self.folder / "cut", self.folder / "whole"]
        for run, crop in zip(runs, (0.5, 1)):
            self.assert_done(self.train(run, "--crop", crop))
        self.assertNotEqual(*(column(run, "mean") for run in runs))
        # The middle of noise in 9 x 11 pixels, enlarged: smoother than all of it.
        roughness = [mean([abs(a - b) for image in npy_points(run / "samples/real-000000002.npy")
                           for a, b in zip(image, image[3:])]) for run in runs]
        self.assertLess(roughness[0], 0.8 * roughness[1])
        self.draw("false-minima", *runs)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--batch", 8, "--starts", 2)

    def test_a_signal_ends_the_clustering(self):
        run = self.folder / "run"
        process = start("--data", self.data, *self.flags, "--batch", 8, "--starts", 10 ** 9, "--out", run,
                        program=self.program)
        for line in process.stdout:
            if "starts of k-medians/s" in line:
                break
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGINT)
        self.assertIn("nothing is lost but the starts of k-medians so far", output)

    def test_bad_flags(self):
        for arguments, status, words in ((["--crop", "0.05"], 2, ["--crop"]), (["--crop", "nan"], 2, ["--crop"]),
                                         (["--starts", "0"], 2, ["--starts"]), (["--batch", "65"], 1, ["batch"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, status, words)


class KMedians(ImagesTest):
    program = programs.K_MEDIANS

    def test_centroids_are_the_kinds_of_images(self):
        run = self.folder / "run"
        # Bars at five places, upright or lying.
        result = self.train(run, "--dataset", "mnist", "--clusters", 10, "--iterations", 12)
        self.assert_done(result)
        losses, best = column(run, "loss"), column(run, "best")
        self.assertEqual(best, [min(losses[:i + 1]) for i in range(12)])
        # Within a kind there is but noise of 30 levels: of each of 784 pixels some 30 / sqrt(12) / 127.5 = 0.07.
        self.assertLess(min(losses), 0.08 * 28)
        centroids = npy_points(run / "samples/centroids-000000012.npy")
        self.assertEqual((len(centroids), len(centroids[0])), (10, 784))
        bright = sorted(sum(value > 0.3 for value in image) for image in centroids)
        self.assertEqual(bright, [80] * 10)
        (row,) = results(run)
        self.assertEqual((row["starts"], row["best"]), ("12", row["best, from its centroids"]))
        self.draw("k-medians", run)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--clusters", 3, "--images", 20)

    def test_too_many_clusters(self):
        self.assert_refused(["--clusters", 21, "--images", 20, "--iterations", 1], 1, ["21", "20"])


class Perceptual(ImagesTest):
    program = programs.PERCEPTUAL

    def test_copies_and_the_nearest_other(self):
        run = self.folder / "run"
        result = self.train(run, "--iterations", 6, "--samples-every", 2)
        self.assert_done(result)
        names = ("crop", "rotation", "flip", "darkness")
        columns = {name: column(run, name) for name in (*names, "nearest")}
        for step in (2, 4, 6):
            reference, *copies, other = npy_points(run / f"samples/perceptual-{step:09}.npy")
            for name, image in zip((*names, "nearest"), (*copies, other)):
                self.assertAlmostEqual(columns[name][step - 1], l2(reference, image), places=3)
            crop, rotation, flip, darkness = copies
            self.assertEqual(list(flip), [reference[(row * 32 + 31 - x) * 3 + c]
                                    for row in range(32) for x in range(32) for c in range(3)])
            self.assertTrue(all(abs((a + 1) / 2 - (b + 1)) < 1e-6 for a, b in zip(reference, darkness)))
            # Of the sky's and ground's rows at the left edge: clockwise, the ground rises there; cut at the top, the
            # horizon does.
            red_rows = [sum(image[row * 96 + x * 3] > 0 for row in range(32))
                        for image, x in ((reference, 0), (rotation, 0), (rotation, 31), (reference, 31), (crop, 16))]
            self.assertLess(red_rows[1], red_rows[0])
            self.assertGreater(red_rows[2], red_rows[3])
            self.assertLess(red_rows[4], red_rows[0])
        for row in results(run):
            nearer = mean([100 * (a < b) for a, b in zip(columns["nearest"], columns[row["change"]])])
            self.assertEqual(row["another is nearer"], f"{nearer:.1f} %")
        self.draw("perceptual", run)

    def test_a_resumed_run_is_the_same(self):
        self.assert_resumes("--images", 10)

    def test_bad_flags(self):
        for arguments, words in ((["--iterations", "65"], ["--iterations", "64"]),
                                 (["--images", "0"], ["--images"]), (["--batch", "2"], ["--batch"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, 2, words)


if __name__ == "__main__":
    programs.main()
