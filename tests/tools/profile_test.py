"""tools/profile with stand-ins for nsys and ncu: they run the program, and answer as NVIDIA's tools do."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import programs  # noqa: E402
from programs import ROOT  # noqa: E402

SWEEP = ('"void wasserkern::<unnamed>::sweep_kernel<(int)4, wasserkern::Lq<(wasserkern::Exponent)0>>'
         '(T2, wasserkern::<unnamed>::{}, long)"')
PROLOGUE = "Generating SQLite file report.sqlite from report.nsys-rep\nProcessing [report.sqlite] with [its.py]... \n"
NSYS = {
    "cuda_gpu_kern_sum": PROLOGUE + f"""
Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name
75.0,6000000,30,200000.0,200000.0,190000,210000,5000.0,{SWEEP.format("Problems")}
12.5,1000000,10,100000.0,100000.0,90000,110000,5000.0,{SWEEP.format("Pairs")}
12.5,1000000,40,25000.0,25000.0,24000,26000,500.0,ampere_sgemm_128x64_nn
""",
    "nvtx_sum": PROLOGUE + """
Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Style,Range
80.0,4000000,10,400000.0,400000.0,390000,410000,5000.0,PushPop,:critic
20.0,1000000,10,100000.0,100000.0,90000,110000,5000.0,PushPop,:generator
""",
    "nvtx_kern_sum": PROLOGUE + f"""
NVTX Range,Style,PID,TID,NVTX Inst,Kern Inst,Total Time (ns),Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Kernel Name
:critic,PushPop,1,1,10,30,6000000,200000.0,200000.0,190000,210000,5000.0,{SWEEP.format("Problems")}
:critic,PushPop,1,1,10,20,500000,25000.0,25000.0,24000,26000,500.0,ampere_sgemm_128x64_nn
:generator,PushPop,1,1,10,20,500000,25000.0,25000.0,24000,26000,500.0,ampere_sgemm_128x64_nn
""",
}
NCU_COLUMNS = ["ID", "Process ID", "Process Name", "Host Name", "Kernel Name", "Context", "Stream", "Block Size",
               "Grid Size", "Device", "CC", "dram__throughput.avg.pct_of_peak_sustained_elapsed",
               "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed", "gpu__time_duration.sum",
               "launch__registers_per_thread", "sm__throughput.avg.pct_of_peak_sustained_elapsed",
               "sm__warps_active.avg.pct_of_peak_sustained_active"]


def ncu_line(*fields):
    return ",".join('"' + str(field).strip('"') + '"' for field in fields)


def ncu_launch(number, name, *measured):
    return ncu_line(number, 7, "program", "127.0.0.1", name, 1, 7, "(256, 1, 1)", "(8, 8, 1)", 0, "8.0", *measured)


NCU = "\n".join([
    ncu_line(*NCU_COLUMNS), ncu_line(*[""] * 11, "%", "%", "ns", "register/thread", "%", "%"),
    ncu_launch(0, SWEEP.format("Problems"), "10.0", "30.0", "1,000", "64", "90.0", "50.0"),
    ncu_launch(1, SWEEP.format("Problems"), "20.0", "60.0", "3,000", "64", "50.0", "50.0"),
    ncu_launch(2, "ampere_sgemm_128x64_nn", "n/a", "40.0", "4,000", "122", "80.0", "25.0"), ""])

# What both have in common: the flags are kept for the test, the program is run, a report is written.
STAND_IN = """#!/usr/bin/env python3
import json, signal, subprocess, sys
signal.signal(signal.SIGINT, lambda *_: None)
words = sys.argv[1:]
if {asks}:
    print({answer}, end="")
    sys.exit()
start = words.index("sh")
report = {report} + {suffix!r}
status = subprocess.run(words[start:]).returncode
with open(report, "w") as file:
    json.dump(words[:start], file)
sys.exit({status})
"""
NSYS_TOOL = STAND_IN.format(
    asks='words[0] == "stats"', answer=f'{NSYS!r}[words[1].removeprefix("--report=")]', suffix=".nsys-rep",
    report='next(word for word in words if word.startswith("--output=")).removeprefix("--output=")', status="status")
NCU_TOOL = STAND_IN.format(asks='"--import" in words', answer=repr(NCU), suffix=".ncu-rep",
                           report='words[words.index("--export") + 1]', status="0")
PROGRAM = """#!/bin/sh
echo "its flags: $*"
echo "a warning" >&2
exit {}
"""


class Profile(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="wasserkern-test-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.out = self.folder / "out"

    def executable(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def tools(self, nsys=NSYS_TOOL, ncu=NCU_TOOL):
        self.executable("nsys", nsys)
        self.executable("ncu", ncu)

    def profile(self, *words, status=0, ended=0):
        program = self.executable("program", PROGRAM.format(ended))
        result = subprocess.run(
            [ROOT / "tools/profile", "--out", self.out, *(program if word == "PROGRAM" else word for word in words)],
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}, capture_output=True, text=True,
            timeout=60)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def rows(self, result):
        """The cells of every row of what was printed as Markdown."""
        return [line.strip("| ").split(" | ") for line in result.stdout.splitlines() if line.startswith("| ")]

    def command(self, name):
        return json.loads((self.out / name).read_text())

    def test_kernels_and_ranges(self):
        self.tools()
        result = self.profile("--markdown", "PROGRAM", "--steps", "3")
        self.assertEqual(self.rows(result), [
            ["kernel", "calls", "total ms", "mean us", "share"],
            ["sweep<4, Lq<One>>(Problems)", "30", "6.000", "200.00", "75.0 %"],
            ["sweep<4, Lq<One>>(Pairs)", "10", "1.000", "100.00", "12.5 %"],
            ["ampere_sgemm_128x64_nn", "40", "1.000", "25.00", "12.5 %"],
            ["range, its kernels", "calls", "host ms", "GPU ms", "share"],
            ["critic", "10", "4.000", "6.500", "92.9 %"],
            ["- sweep<4, Lq<One>>(Problems)", "30", "", "6.000", "92.3 %"],
            ["- ampere_sgemm_128x64_nn", "20", "", "0.500", "7.7 %"],
            ["generator", "10", "1.000", "0.500", "7.1 %"],
            ["- ampere_sgemm_128x64_nn", "20", "", "0.500", "100.0 %"]])
        command = self.command("report.nsys-rep")
        self.assertEqual(command[0], "profile")
        self.assertIn("--cuda-graph-trace=node", command)
        self.assertEqual((self.out / "log.txt").read_text(), "its flags: --steps 3\na warning\n")

    def test_eager_is_for_the_program(self):
        self.tools()
        self.profile("--eager", "PROGRAM", "--steps", "3")
        self.assertIn("its flags: --steps 3 --eager\n", (self.out / "log.txt").read_text())

    def test_columns_are_aligned(self):
        self.tools()
        lines = self.profile("--kernel", "ampere", "PROGRAM").stdout.splitlines()
        self.assertEqual(lines[0], "kernel                  calls  total ms  mean us   share")
        self.assertEqual(lines[1], "ampere_sgemm_128x64_nn     40     1.000    25.00  12.5 %")
        self.assertEqual(lines[2], "")

    def test_launches(self):
        self.tools()
        result = self.profile("--ncu", "--markdown", "--kernel", "sweep|sgemm", "--launches", "3", "PROGRAM")
        self.assertEqual(self.rows(result)[1:], [
            # Shares weigh by time: (1 x 90 + 3 x 50) / 4.
            ["sweep<4, Lq<One>>", "2", "0.004", "2.00", "50.0 %", "60.0 %", "52.5 %", "17.5 %", "50.0 %", "64"],
            ["ampere_sgemm_128x64_nn", "1", "0.004", "4.00", "50.0 %", "80.0 %", "40.0 %", "", "25.0 %", "122"]])
        command = self.command("report.ncu-rep")
        self.assertEqual(command[command.index("--launch-count") + 1], "3")
        self.assertEqual(command[command.index("--kernel-name") + 1], "regex:sweep|sgemm")
        self.assertLessEqual(set(command[command.index("--metrics") + 1].split(",")), set(NCU_COLUMNS))

    def test_a_program_that_fails(self):
        self.tools()
        for tool in ("--nsys", "--ncu"):  # the stand-in for ncu hides the status, the one for nsys passes it on
            result = self.profile(tool, "PROGRAM", status=3, ended=3)
            self.assertIn("program ended with status 3", result.stderr)
            self.assertIn("\na warning\n", result.stderr)
            self.assertIn("sweep", result.stdout)

    def test_ctrl_c_is_for_the_program(self):
        self.tools()
        program = self.executable("saves", "#!/bin/sh\ntrap 'echo saved; exit 130' INT\n"
                                           "echo ready\nwhile :; do sleep 0.02; done\n")
        process = subprocess.Popen(
            [ROOT / "tools/profile", "--out", self.out, program], start_new_session=True, text=True,
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        log = self.out / "log.txt"
        for _ in range(1000):
            if log.exists() and "ready" in log.read_text():
                break
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("saved\n", log.read_text())
        self.assertIn("sweep", output)

    def test_a_profiler_that_fails(self):
        refuses = "#!/bin/sh\necho '==ERROR== no permission'\nexit 9\n"
        self.tools(nsys=refuses, ncu=refuses)
        for tool in ("nsys", "ncu"):
            result = self.profile(f"--{tool}", "PROGRAM", status=9)
            self.assertIn(f"{tool} ended with status 9", result.stderr)
            self.assertIn("==ERROR== no permission\n", result.stderr)
            self.assertEqual(result.stdout, "")

    def test_a_program_without_kernels(self):
        skipped = f"""{PROLOGUE}SKIPPED: report.sqlite does not contain CUDA kernel data.\n"""
        self.tools(NSYS_TOOL.replace(repr(NSYS), repr(dict.fromkeys(NSYS, skipped))),
                   NCU_TOOL.replace(repr(NCU), "'==WARNING== No kernels were profiled.\\n'"))
        for tool in ("--nsys", "--ncu"):
            self.assertRegex(self.profile(tool, "PROGRAM", status=1).stderr, "ran no kernel on a GPU")

    def test_what_it_refuses(self):
        self.tools()
        for words, status, message in (
                (["--kernel", "absent", "PROGRAM"], 1, "none of the 3 kernels that ran has such a name"),
                ([self.folder / "absent"], 1, "absent is no program"),
                (["--kernel", "(", "PROGRAM"], 2, "--kernel (: "), (["--launches", "3", "PROGRAM"], 2, "needs --ncu"),
                ([], 2, "PROGRAM")):
            result = self.profile(*words, status=status)
            self.assertIn(message, result.stderr.splitlines()[-1])

    @unittest.skipIf(Path("/usr/local/cuda/bin/ncu").exists(), "they are where profile looks for them")
    def test_profilers_that_are_not_installed(self):
        path = self.folder / "bin"
        path.mkdir()
        for name in ("python3", "env", "sh"):
            (path / name).symlink_to(subprocess.check_output(["which", name], text=True).strip())
        for tool in ("nsys", "ncu"):
            result = subprocess.run([ROOT / "tools/profile", f"--{tool}", "sh"], env={**os.environ, "PATH": str(path)},
                                    capture_output=True, text=True, timeout=60)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, rf"\Aprofile: {tool} is not there; install [^\n]+\n\Z")


if __name__ == "__main__":
    programs.main()
