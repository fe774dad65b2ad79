"""A run that is killed, or interrupted, and resumed ends as one that never stopped. Law 6."""

import random
import re
import signal
import time

import programs
from programs import ProgramTest, call, files_of, start

ITERATIONS = 400
SCHEDULE = ["--iterations", ITERATIONS, "--checkpoint-every", 20, "--samples-every", 100]

LONG = ["--iterations", 3000, "--checkpoint-every", 20, "--samples-every", 100]


def results_of(folder):
    """What equal runs have in common: all but the log, which has times, and config.json, which has the paths."""
    return files_of(folder, without=["log.txt", "config.json"])


def rows_of(folder):
    path = folder / "metrics.csv"
    return path.read_bytes().count(b"\n") if path.exists() else 0


class Resume(ProgramTest):
    def assert_same_results(self, one, other):
        first, second = results_of(one), results_of(other)
        self.assertIn("checkpoint.safetensors", first)
        self.assertEqual(first, second)

    def wait_for(self, process, condition):
        end = time.monotonic() + 120
        while not condition():
            self.assertIsNone(process.poll(), "the program ended early")
            self.assertLess(time.monotonic(), end, "the program hangs")
            time.sleep(0.002)

    def test_killed_at_twenty_random_moments(self):
        self.assert_done(self.train(self.folder / "whole", *LONG))
        began = time.monotonic()
        self.assert_done(self.train(self.folder / "start", "--iterations", 1))
        starting = time.monotonic() - began

        source = random.Random(programs.SEED)
        run = self.folder / "killed"
        steps = []
        for kill in range(20):
            # Some moments lie in the start, where the folder is made, most in the training.
            begins_anew = not (run / "config.json").exists()
            arguments = ["--out", run, *programs.NARROW, *LONG] if begins_anew else ["--resume", run]
            process = start("--data", self.data, *arguments)
            time.sleep(source.uniform(0, starting if kill < 5 else 2 * starting))
            process.kill()
            _, errors = process.communicate()
            self.assertEqual(errors, "")
            steps.append(rows_of(run))
        print(f"seed {programs.SEED}, rows at the kills {steps}; ", end="")
        self.assertGreater(len(set(steps)), 5, "the kills did not hit the training")
        self.assert_done(call("--data", self.data, "--resume", run))
        self.assert_same_results(self.folder / "whole", run)

    def test_killed_while_a_file_is_written(self):
        """Leftovers of a kill in the worst places: half a row, half a checkpoint, half a picture."""
        self.assert_done(self.train(self.folder / "whole", *SCHEDULE))
        run = self.folder / "killed"
        self.assert_done(self.train(run, *SCHEDULE, "--iterations", ITERATIONS // 2))
        (run / f"samples/nearest-{ITERATIONS // 2:09}.npy").unlink()  # of the end, which the whole run has elsewhere
        with open(run / "metrics.csv", "a") as file:
            file.write(f"{ITERATIONS // 2 + 1},1,2,3,4\n{ITERATIONS // 2 + 2},1")
        (run / "checkpoint.safetensors.partial").write_bytes(b"half a checkpoint")
        (run / "metrics.csv.partial").write_bytes(b"half a table")
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", ITERATIONS))
        self.assertFalse((run / "checkpoint.safetensors.partial").exists())
        (run / "metrics.csv.partial").unlink(missing_ok=True)
        self.assert_same_results(self.folder / "whole", run)

    def test_a_signal_saves_and_stops(self):
        self.assert_done(self.train(self.folder / "whole", *SCHEDULE))
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            run = self.folder / f"stopped-{number}"
            process = start("--data", self.data, *programs.NARROW, "--out", run, *SCHEDULE, "--checkpoint-every", 7)
            self.wait_for(process, lambda: (run / "checkpoint.safetensors").exists())
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, status, output + errors)
            self.assertEqual(errors, "")
            self.assertRegex(output, f"--resume {re.escape(str(run))}")
            rows = (run / "metrics.csv").read_text().splitlines()
            self.assertLess(len(rows) - 1, ITERATIONS, "it was to be stopped before its end")

            resumed = call("--data", self.data, "--resume", run)
            self.assert_done(resumed)
            self.assertIn(f"after iteration {len(rows) - 1}\n", resumed.stdout)
            self.assert_same_results(self.folder / "whole", run)

    def test_a_second_signal_ends_it_at_once(self):
        run = self.folder / "run"
        process = start("--data", self.data, *programs.NARROW, "--out", run, "--iterations", 10**6)
        self.wait_for(process, lambda: rows_of(run) > 0)
        process.send_signal(signal.SIGSTOP)  # So that both signals are there before a step ends.
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (-signal.SIGINT, 130))

    def test_eager_ends_with_the_same_bits(self):
        self.assert_done(self.train(self.folder / "replayed", *SCHEDULE))
        self.assert_done(self.train(self.folder / "eager", *SCHEDULE, "--eager"))
        self.assert_same_results(self.folder / "replayed", self.folder / "eager")

    def test_another_device_warns(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 2))
        same = call("--data", self.data, "--resume", run, "--iterations", 3)
        self.assert_done(same)
        self.assertNotIn("warning", same.stdout)
        other = call("--data", self.data, "--resume", run, "--iterations", 4, "--threads", 2)
        self.assert_done(other)
        self.assertEqual(len(re.findall("^warning: .*$", other.stdout, re.MULTILINE)), 1, other.stdout)

    def test_more_iterations(self):
        run = self.folder / "run"
        self.assert_done(self.train(run, "--iterations", 10))
        again = call("--data", self.data, "--resume", run)
        self.assert_done(again)
        self.assertIn("nothing to do", again.stdout)
        self.assert_done(call("--data", self.data, "--resume", run, "--iterations", 20))
        self.assertEqual(len((run / "metrics.csv").read_text().splitlines()), 21)


if __name__ == "__main__":
    programs.main()
