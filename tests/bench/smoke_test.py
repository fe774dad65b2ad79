"""Each experiment trains for seconds on a small data set, and something true is asserted of the result."""

import json
import math
import re
import subprocess

import programs
from programs import DEVICE, ROOT, ProgramTest, call, files_of
from results import checkpoint_values, column, mean, npy_points, png_pixels, png_pixels_size, write_npy

ITERATIONS = 300 if DEVICE == "cpu" else 40


class Mnist(ProgramTest):
    def test_training_lowers_the_distance(self):
        run = self.folder / "run"
        result = self.train(run, "--iterations", ITERATIONS, "--samples-every", ITERATIONS // 2, "--rate", "1e-3",
                            "--nearest", 500)
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

        *samples, nearest = sorted((run / "samples").iterdir())
        self.assertEqual([path.name for path in samples],
                         [f"{step:09}.png" for step in (ITERATIONS // 2, ITERATIONS)])
        self.assertEqual(nearest.name, f"nearest-{ITERATIONS:09}.npy")
        distances = [distance for (distance,) in npy_points(nearest)]
        self.assertEqual(len(distances), 500)
        self.assertTrue(all(0 < distance < 28 * 2 for distance in distances))  # less than from black to white
        width, height, channels, rows = png_pixels(samples[-1])
        self.assertEqual((width, height, channels), (8 * 58 + 2, 8 * 58 + 2, 1))
        self.assertGreater(len(set(rows)), 30, "the grid is constant")

    def test_other_costs_and_options(self):
        for name, flags in {"l1": ["--q", 1, "--p", 1], "general": ["--q", 1.2, "--p", 1.2],
                            "range": ["--pixels", "[0,1]", "--critic-steps", 2, "--json-lines"],
                            "warm-up": ["--q", 1, "--p", 1, "--warm-up", 4, "--dropout", 0, "--critic-rate", "1e-3"],
                            "penalties": ["--search-space", "both", "--lambda1", 0.1, "--lambda2", 1, "--p2", "square",
                                          "--nearest", 0]}.items():
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


class Mixture(ProgramTest):
    program = programs.MIXTURE
    flags = programs.PLAIN

    def distance_from_data(self, run, step):
        """The mean distance of the first generated points to the data."""
        data = npy_points(run / "samples" / f"data-{step:09}.npy")
        generated = npy_points(run / "samples" / f"generated-{step:09}.npy")
        self.assertEqual((len(data), len(generated)), (140, 2000))
        return mean([min(math.dist(point, other) for other in data) for point in generated[:300]])

    def test_points_move_to_the_data(self):
        run, iterations = self.folder / "run", max(ITERATIONS, 150)
        tenth = iterations // 10
        self.assert_done(self.train(run, "--iterations", iterations, "--samples-every", tenth, "--rate", "1e-3"))
        distance = column(run, "distance")
        self.assertEqual(len(distance), iterations)
        # It rises while the critic learns to tell, and falls from then on.
        tenths = [mean(distance[i:i + tenth]) for i in range(0, iterations, tenth)]
        self.assertLess(tenths[-1], 0.5 * max(tenths))
        self.assertLess(self.distance_from_data(run, iterations), 0.8 * self.distance_from_data(run, tenth))

    def test_the_other_models(self):
        for model, flags in (("wgan", ["--clip", "0.02"]), ("wgan-gp", ["--penalty", "1"]),
                             ("wgan-gp", ["--penalty-sides", "one"])):
            with self.subTest(model=model, flags=flags):
                run = self.folder / "-".join([model, *flags])
                self.assert_done(self.train(run, "--model", model, *flags, "--iterations", 13))
                self.assertEqual(len(column(run, "distance")), 13)
                self.assertEqual(len(column(run, "scaled_distance")), 4)  # an epoch is three iterations
                self.assertTrue(all(slope > 0 for slope in column(run, "slope")))
                largest = max(map(abs, checkpoint_values(run, "critic")))
                if model == "wgan":
                    self.assertAlmostEqual(largest, 0.02)
                else:
                    self.assertGreater(largest, 0.5)

    def test_a_resumed_run_is_the_same(self):
        for model in ("qp-wgan", "wgan", "wgan-gp"):
            with self.subTest(model):
                whole, run = self.folder / f"{model}-whole", self.folder / model
                schedule = ["--model", model, "--samples-every", 5]
                self.assert_done(self.train(whole, *schedule, "--iterations", 10))
                self.assert_done(self.train(run, *schedule, "--iterations", 5))
                self.assert_done(call("--resume", run, "--iterations", 10, program=self.program))
                without = ["log.txt", "config.json"]
                self.assertEqual(files_of(whole, without), files_of(run, without))

    def test_recorded_steps_are_the_eager_ones(self):
        for model in ("qp-wgan", "wgan", "wgan-gp"):
            with self.subTest(model):
                runs = [self.folder / f"{model}-{kind}" for kind in ("recorded", "eager")]
                for run, flags in zip(runs, ([], ["--eager"])):
                    self.assert_done(self.train(run, "--model", model, "--iterations", 10, *flags))
                self.assertEqual(*(checkpoint_values(run, "generator") for run in runs))


class Atoms(ProgramTest):
    program = programs.ATOMS
    flags = programs.PLAIN

    def test_atoms_descend(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 10, "--samples-every", 5))
        for p in (1, 2, 5):
            cost = column(run, f"cost_{p}")
            self.assertEqual(len(cost), 10)
            self.assertLess(cost[-1], 0.9 * cost[0])
        self.assertEqual(sorted(path.name for path in (run / "samples").iterdir()),
                         ["atoms-000000005.npy", "atoms-000000010.npy", "plans-000000010.npy", "targets-000000010.npy"])


class Distance(ProgramTest):
    program = programs.DISTANCE

    def test_points_on_a_line(self):
        files = [write_npy(self.folder / f"{name}.npy", (3,), values) for name, values in
                 (("a", [3, 1, 2]), ("b", [2.5, 4, 1.5]))]
        for method, value in (("exact", "0.666666667\n"), ("sinkhorn", "0.6")):  # ways of 0.5, 0.5 and 1
            result = call(*programs.PLAIN, *files, "--cost", "l2", "--method", method, program=self.program)
            self.assert_done(result)
            self.assertIn(f"value      {value}", result.stdout)


class Cifar(ProgramTest):
    program = programs.CIFAR
    flags = programs.NARROW_CIFAR
    models = {"l1": ["--q", 1, "--p", 1], "squared": ["--q", 2, "--p", 2, "--potential-scale", 10],
              "wgan": ["--model", "wgan", "--critic-steps", 2], "wgan-gp": ["--model", "wgan-gp", "--critic-steps", 1]}

    def test_images_take_the_colours_of_the_data(self):
        run, iterations = self.folder / "run", 80
        self.assert_done(self.train(run, *self.models["wgan-gp"], "--rate", "2e-3", "--iterations", iterations,
                                    "--samples-every", iterations // 2, "--save-images", 101, "--average", 0.8))
        self.assertLess(min(column(run, "penalty")), 0.5)
        self.assertGreater(max(column(run, "spread")), 0)
        names = sorted(path.name for path in (run / "samples").iterdir())
        self.assertEqual(names, ["000000040.png", "000000080.png", "average-000000040.png", "average-000000080.png",
                                 "images-000000080.npy"])
        self.assertEqual(png_pixels(run / "samples/000000080.png")[:3], (8 * 34 + 2, 8 * 34 + 2, 3))

        images = npy_points(run / "samples/images-000000080.npy")
        self.assertEqual((len(images), len(images[0])), (101, 32 * 32 * 3))
        self.assertTrue(all(-1 <= value <= 1 for image in images for value in image))
        # Of the data's mean image the upper rows are red, the lower ones blue.
        red_above, blue_above, red_below, blue_below = (
            mean([value for image in images[:20] for value in image[first:last:3]])
            for first, last in ((0, 768), (2, 768), (2304, 3072), (2306, 3072)))
        self.assertGreater(red_above, blue_above + 0.2)
        self.assertGreater(blue_below, red_below + 0.2)

    def test_every_model(self):
        for name, flags in self.models.items():
            with self.subTest(name):
                run = self.folder / name
                self.assert_done(self.train(run, *flags, "--iterations", 3))
                self.assertEqual(len(column(run, "distance")), 3)
                self.assertTrue(all(map(math.isfinite, column(run, "distance"))))
                if "--q" in flags:
                    self.assertTrue(all(1 <= matched <= 16 for matched in column(run, "matched")))

    def test_a_resumed_run_is_the_same(self):
        for name, flags in self.models.items():
            with self.subTest(name):
                whole, run = self.folder / f"{name}-whole", self.folder / name
                schedule = [*flags, "--samples-every", 2, "--average", 0.5, "--save-images", 3]
                self.assert_done(self.train(whole, *schedule, "--iterations", 6))
                self.assert_done(self.train(run, *schedule, "--iterations", 3))
                self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 6, program=self.program))
                without = ["log.txt", "config.json", "000000003.png", "average-000000003.png", "images-000000003.npy"]
                self.assertEqual(files_of(whole, without), files_of(run, without))

    def test_recorded_steps_are_the_eager_ones(self):
        for name, flags in self.models.items():
            with self.subTest(name):
                runs = [self.folder / f"{name}-{kind}" for kind in ("recorded", "eager")]
                for run, eager in zip(runs, ([], ["--eager"])):
                    self.assert_done(self.train(run, *flags, "--iterations", 4, *eager))
                self.assertEqual(*(checkpoint_values(run, "generator") for run in runs))


class BatchGame(ProgramTest):
    flags = [*programs.NARROW_CIFAR, "--dataset", "cifar-10", "--critic-steps", 2]

    def curves(self, name, *flags, iterations=10):
        run = self.folder / name
        self.assert_done(self.train(run, "--iterations", iterations, *flags))
        loss, exact = column(run, "objective"), column(run, "exact")
        self.assertEqual((len(loss), len(exact)), (iterations, iterations))
        self.assertTrue(all(map(math.isfinite, loss)) and min(exact) > 0)
        return loss, exact


class BatchEstimator(BatchGame):
    program = programs.BATCH_ESTIMATOR

    def test_a_c_transforms_loss_is_at_most_the_exact_distance(self):
        fast = ["--potential-scale", 20, "--critic-rate", "1e-3"]
        loss, exact = self.curves("real", *fast)
        self.assertTrue(all(value <= limit * (1 + 1e-5) for value, limit in zip(loss, exact)), (loss, exact))
        # Over the generated batch nothing limits it.
        loss, exact = self.curves("generated", *fast, "--search-space", "generated")
        self.assertGreater(loss[-1], 1.5 * exact[-1])

    def test_wgan_gp(self):
        self.curves("wgan-gp", "--model", "wgan-gp")
        (slope,) = column(self.folder / "wgan-gp", "slope")
        self.assertGreater(slope, 0)

    def test_style_networks(self):
        flags = ["--dataset", "celeba", "--networks", "style", "--width", 1, "--batch", 4]
        loss, exact = self.curves("style", *flags, iterations=3)
        self.assertTrue(all(value <= limit * (1 + 1e-5) for value, limit in zip(loss, exact)), (loss, exact))


class SoftTransform(BatchGame):
    program = programs.SOFT_TRANSFORM

    def test_its_loss_is_near_the_mean_over_all_pairs(self):
        loss, exact = self.curves("soft", iterations=4)
        for value, least, most in zip(loss, exact, column(self.folder / "soft", "pairs"), strict=True):
            self.assertTrue(0.98 * most < value < (1 + 1e-5) * most and least < (1 + 1e-5) * most, (value, least, most))


class PotentialGenerator(ProgramTest):
    program = programs.POTENTIAL_GENERATOR

    def test_the_potential_learns_the_cost_of_transport(self):
        run, iterations = self.folder / "run", max(ITERATIONS, 150)
        third = iterations // 3
        self.assert_done(self.train(run, "--iterations", iterations, "--samples-every", iterations // 2, "--rate",
                                    "1e-3", "--source-scale", 0.1, "--nearest", 100))
        dual, cost, shift = (column(run, name) for name in ("dual", "cost", "shift"))
        # Most of it is how far any of this noise is from any image; a third's mean moves by 0.1 from seed to seed.
        self.assertGreater(mean(dual[-third:]), mean(dual[:third]) + 0.4)
        # From nothing that moves to most of the way; and mean |x - T(x)|^2 is not below the mean's square.
        self.assertLess(cost[0], 0.2 * cost[-1])
        self.assertGreater(cost[-1], 0.2 * dual[-1])
        self.assertTrue(all(a > 0.999 * b * b / 2 for a, b in zip(cost, shift)))
        self.assertTrue(all(1 <= matched <= 16 for matched in column(run, "matched_noise")))

        *samples, nearest = sorted((run / "samples").iterdir())
        self.assertEqual([path.name for path in samples],
                         [f"{step:09}.png" for step in (iterations // 2, iterations)])
        distances = [distance for (distance,) in npy_points(nearest)]
        self.assertEqual(len(distances), 100)
        self.assertLess(mean(distances), 22)  # 25 for noise that is not moved
        self.assertEqual(png_pixels(samples[-1])[:3], (8 * 58 + 2, 8 * 58 + 2, 1))

    def test_other_costs_and_options(self):
        for name, flags in {"general": ["--q", 1.5, "--p", 3], "uniform": ["--source", "uniform", "--pixels", "[0,1]"],
                            "more noise": ["--source-batch", 40, "--nearest", 0]}.items():
            run = self.folder / name
            self.assert_done(self.train(run, "--iterations", 50, *flags))
            self.assertEqual([len(column(run, metric)) for metric in ("dual", "shift")], [50, 2])
            self.assertTrue(all(map(math.isfinite, column(run, "dual") + column(run, "cost"))))
        self.assertGreater(max(column(self.folder / "more noise", "matched_noise")), 1)

    def test_a_resumed_run_is_the_same(self):
        whole, run = self.folder / "whole", self.folder / "run"
        schedule = ["--samples-every", 60, "--nearest", 0]
        self.assert_done(self.train(whole, *schedule, "--iterations", 120))
        self.assert_done(self.train(run, *schedule, "--iterations", 60))
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 120, program=self.program))
        without = ["log.txt", "config.json"]
        self.assertEqual(files_of(whole, without), files_of(run, without))

    def test_recorded_steps_are_the_eager_ones(self):
        runs = [self.folder / kind for kind in ("recorded", "eager")]
        for run, flags in zip(runs, ([], ["--eager"])):
            self.assert_done(self.train(run, "--iterations", 110, "--nearest", 0, *flags))
        self.assertEqual(*(checkpoint_values(run, "critic") for run in runs))


class Tracking(ProgramTest):
    program = programs.TRACKING
    flags = [*programs.PLAIN, "--width", 32, "--batch", 64, "--points", 100, "--rate", "1e-2"]

    def test_the_loss_stays_below_the_distance(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", ITERATIONS, "--measure-every", 10))
        loss, slope, normalised, exact, sampling = (column(run, name) for name in (
            "loss", "slope", "normalised", "exact", "sampling"))
        self.assertEqual(len(exact), ITERATIONS // 10)
        for values in zip(loss, slope, normalised, exact, sampling):
            self.assertAlmostEqual(values[0] / values[1], values[2], delta=1e-5)
            self.assertLess(values[2], values[3])
            self.assertTrue(0.05 < values[4] < 0.6)  # 100 points of eight clusters: 0.24 in the mean
        # A generator that makes nothing but the centre has the circle's radius.
        self.assertTrue(0.2 < exact[-1] < 0.85 * math.sqrt(2))


class Lipschitz(ProgramTest):
    program = programs.LIPSCHITZ
    flags = [*programs.PLAIN, "--width", 16, "--batch", 64, "--points", 100, "--rate", "1e-3", "--critic-rate", "1e-2",
             "--critic-steps", 2, "--orthonormalisations", 8, "--measure-every", 5]

    def test_a_lipschitz_critic_bounds_the_distance_from_below(self):
        iterations = max(ITERATIONS // 4, 20)
        for model, constant in (("lipschitz-wgan", 1), ("lipschitz-gan", 2)):
            run = self.folder / model
            self.assert_done(self.train(run, "--model", model, "--lipschitz", constant, "--iterations", iterations))
            exact, dual, slope = (column(run, name) for name in ("exact", "dual", "slope"))
            self.assertEqual(len(exact), iterations // 5)
            for values in zip(dual, exact, slope):
                self.assertLess(values[0], 1.001 * constant * values[1])
                self.assertLess(values[2], 1.001 * constant)
            self.assertGreater(dual[-1], 0.7 * constant * exact[-1])


class SinkhornGenerator(ProgramTest):
    program = programs.SINKHORN_GENERATOR
    flags = [*programs.PLAIN, "--dataset", "mixture", "--batch", 32, "--points", 32, "--iterations", 40,
             "--samples-every", 20]

    def test_points_descend(self):
        for flags in (["--epsilon", 0.5, "--sinkhorn-iterations", 100],
                      ["--epsilon", 2, "--sinkhorn-iterations", 5, "--gradient", "unrolled"]):
            run = self.folder / "-".join(map(str, flags))
            self.assert_done(self.train(run, *flags))
            divergence, exact = column(run, "divergence"), column(run, "exact")
            self.assertLess(mean(divergence[-5:]), 0.5 * mean(divergence[:5]))
            self.assertLess(mean(exact[-5:]), 0.7 * mean(exact[:5]))
            for at, settled in zip((20, 40), column(run, "settled")):
                self.assertAlmostEqual(divergence[at - 1] / settled, 1, delta=0.01)

    def test_points_descend_the_exact_distance(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--epsilon", 0))
        for divergence, exact in zip(column(run, "divergence"), column(run, "exact")):
            self.assertAlmostEqual(divergence / exact, 1, places=4)
        self.assertLess(mean(column(run, "exact")[-5:]), 0.7 * column(run, "exact")[0])


class Estimates(ProgramTest):
    flags = [*programs.PLAIN, "--points", 16, "--width", 3, "--measure-every", 2, "--iterations", 4, "--rate", "1e-2"]

    def test_a_penalised_critic_stays_below_the_distance_of_two_sets(self):
        for self.program, batch in ((programs.ORACLE, 8), (programs.PINETZ, 16)):
            run = self.folder / self.program.name
            self.assert_done(self.train(run, "--batch", batch))
            normalised, exact = column(run, "normalised"), column(run, "exact")
            self.assertTrue(len(normalised) == 2 and 0 < exact[0] == exact[1])
            self.assertTrue(normalised[0] < normalised[1] < exact[0], (normalised, exact))

    def test_a_c_transform_is_nearer_to_the_distance_of_batches(self):
        self.program, share = programs.MALLASTO, {}
        for model in ("wgan-gp", "c-transform"):
            self.assert_done(self.train(self.folder / model, "--batch", 8, "--pairs", 2, "--model", model))
            share[model] = column(self.folder / model, "estimate")[-1] / column(self.folder / model, "exact")[-1]
        self.assertTrue(share["wgan-gp"] < share["c-transform"] <= 1 + 1e-6, share)


class KernelBenchmarks(ProgramTest):
    def test_shares_of_limits(self):
        shares = {"c_transform/lq(q=1.000000,p=1.000000)/64x64x784": ("terms/s", "share_of_registers"),
                  "matmul/64x1024x784/b^T": ("flop/s", "share_of_multiply_adds")}
        names = "|".join(map(re.escape, shares))
        result = call("--device", DEVICE, f"--benchmark_filter=^({names})(/manual_time)?$", "--benchmark_format=json",
                      "--benchmark_min_time=0.001", program=programs.KERNEL_BENCH)
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertIn(f"{DEVICE} (as asked)", report["context"]["device"])
        self.assertEqual([one["name"].removesuffix("/manual_time") for one in report["benchmarks"]], list(shares))
        for one in report["benchmarks"]:
            for counter in (*shares[one["name"].removesuffix("/manual_time")], "real_time"):
                self.assertTrue(0 < one[counter] < math.inf, f"{one['name']}: {counter} is {one[counter]}")


class Figures(ProgramTest):
    def figures(self, *arguments):
        return subprocess.run([ROOT / "tools/figures", *map(str, arguments)], capture_output=True, text=True,
                              timeout=120)

    def test_curves(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 20, "--nearest", 50))
        self.assert_done(self.figures(run))
        for name in ("objective", "matched", "spread", "nearest"):
            width, height, _, _ = png_pixels_size(run / "figures" / f"{name}.png")
            self.assertGreater(width * height, 100_000)

    def test_points_and_comparison(self):
        runs = [self.folder / name for name in ("wgan", "qp")]
        for run, flags in zip(runs, (["--model", "wgan"], ["--p", 5])):
            self.assert_done(call(*programs.PLAIN, "--out", run, "--iterations", 12, "--samples-every", 6, *flags,
                                  program=programs.MIXTURE))
        self.assert_done(self.figures(*runs, "--out", self.folder / "compared"))
        for picture in ("wgan/figures/points", "wgan/figures/exact", "qp/figures/objective",
                        "compared/comparison"):
            width, height, _, _ = png_pixels_size(self.folder / f"{picture}.png")
            self.assertGreater(width * height, 100_000)
        self.assertEqual(width, 2 * 2.6 * 120)  # two runs side by side
        (runs[0] / "samples/data-000000006.npy").write_bytes(b"\x93NUMPY")
        result = self.figures(*runs)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn("data-000000006.npy", result.stderr)

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


if __name__ == "__main__":
    programs.main()
