"""tools/kernel-report: what it reads of the compiler's and the disassembler's texts, recorded here, and what it says of
a small source, where a compiler for CUDA is installed."""

import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import programs  # noqa: E402
from programs import ROOT  # noqa: E402

TOOL = ROOT / "tools/kernel-report"
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOOL.parent))
loader = importlib.machinery.SourceFileLoader("kernel_report", str(TOOL))
kernel_report = importlib.util.module_from_spec(importlib.util.spec_from_loader("kernel_report", loader))
loader.exec_module(kernel_report)
import kernel_names  # noqa: E402
import sass  # noqa: E402

NVCC = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
NVDISASM = shutil.which("nvdisasm") or (NVCC and shutil.which(Path(NVCC).with_name("nvdisasm")))

PTXAS = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z5sweepv' for 'sm_80'
ptxas info    : Function properties for _Z5sweepv
    16 bytes stack frame, 24 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 64 registers, used 1 barriers, 16 bytes cumulative stack size, 16896 bytes smem, 480 bytes cmem[0]
ptxas info    : Compile time = 302.397 ms
ptxas info    : Function properties for _Z7carefulv
    8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads
ptxas info    : Compiling entry function '_Z4joinv' for 'sm_80'
ptxas info    : Function properties for _Z4joinv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 32 registers, used 0 barriers, 400 bytes cmem[0]
"""

# A sweep: the block's information, then a loop over slabs (.L_x_1) with copies, a loop over what they hold (.L_x_2), a
# function that is called and, out of the way, code that comes back into the loop.
SASS = """
	.section	.nv.info._Z5sweepv,"",@"SHT_CUDA_INFO"
	//----- nvinfo : EIATTR_MAX_THREADS
	.align		4
        /*0098*/ 	.byte	0x04, 0x05
        /*009a*/ 	.short	(.L_107 - .L_106)
.L_106:
        /*009c*/ 	.word	0x00000080
        /*00a0*/ 	.word	0x00000002
        /*00a4*/ 	.word	0x00000001
	//----- nvinfo : EIATTR_CRS_STACK_SIZE
        /*00a8*/ 	.word	0x00000007
	.section	.text._Z5sweepv,"ax",@progbits
	.sectioninfo	@"SHI_REGISTERS=64"
_Z5sweepv:
.text._Z5sweepv:
        /*0000*/                   IMAD.MOV.U32 R1, RZ, RZ, c[0x0][0x28] ;
        /*0010*/                   HFMA2.MMA R2, -RZ, RZ, 0, 2.384185791015625e-07 ;
.L_x_1:
        /*0018*/              @!PT LDS RZ, [RZ] ;
        /*0020*/                   LDGSTS.E.BYPASS.128 [R3], [R4.64] ;
        /*0030*/                   LDGSTS.E [R3+0x10], [R4.64+0x10] ;
        /*0040*/                   BAR.SYNC.DEFER_BLOCKING 0x0 ;
        /*0050*/               @P1 BRA `(.L_x_4) ;
        /*0060*/                   BSSY B0, `(.L_x_3) ;
.L_x_2:
        /*0070*/                   LDS.128 R8, [R5] ;
        /*0080*/                   LDS.64 R12, [R5+0x100] ;
        /*0090*/                   FADD R16, -R8, R12 ;
        /*00a0*/                   FFMA R20, R16, R16, R20 ;
        /*00b0*/                   FADD R20, |R16|, R20 ;
        /*00c0*/                   MUFU.SQRT R17, R16 ;
        /*00d0*/                   HFMA2.MMA R2, -RZ, RZ, 0, 2.384185791015625e-07 ;
        /*00e0*/                   CALL.REL.NOINC `($_Z5sweepv$_Z7carefulv) ;
        /*00f0*/                   IADD3 R5, R5, 0x10, RZ ;
        /*0100*/              @!P0 BRA `(.L_x_2) ;
        /*0110*/                   BSYNC B0 ;
.L_x_3:
        /*0120*/               @P2 CALL.REL.NOINC `(.L_x_5) ;
        /*0130*/                   BRA `(.L_x_1) ;
.L_x_4:
        /*0140*/                   FADD R16, -R8, R12 ;
        /*0150*/                   BRA `(.L_x_2) ;
.L_x_5:
        /*0160*/                   STG.E.64 [R4.64], R20 ;
        /*0170*/                   EXIT ;
$_Z5sweepv$_Z7carefulv:
.L_x_6:
        /*0180*/                   FADD R1, R2, R3 ;
        /*0190*/                   FADD R1, R2, R3 ;
        /*01a0*/                   FADD R1, R2, R3 ;
        /*01b0*/                   FADD R1, R2, R3 ;
        /*01c0*/                   FADD R1, R2, R3 ;
        /*01d0*/                   FADD R1, R2, R3 ;
        /*01e0*/               @P0 BRA `(.L_x_6) ;
        /*01f0*/                   RET.REL.NODEC R6 `(_Z5sweepv) ;
"""

SOURCE = """
__global__ void __launch_bounds__(128) multiply_kernel(const float4* x, float* y, int n) {
  __shared__ float4 values[128];
  values[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  float a = 0, b = 1;
#pragma unroll 1
  for (int i = 0; i < n; ++i) {
    const float4 v = values[i & 127];
    a = fmaf(a, v.x, v.y);
    b = fmaf(b, v.z, v.w);
  }
  y[threadIdx.x] = a + b;
}

template <int kValues>
__global__ void __launch_bounds__(1024, 2) spill_kernel(const float* x, float* y) {
  float v[kValues];
#pragma unroll
  for (int i = 0; i < kValues; ++i) v[i] = x[i * 1024 + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kValues; ++i) y[i * 1024 + threadIdx.x] = v[i] * v[(i * 5 + 3) % kValues];
}
template __global__ void spill_kernel<64>(const float*, float*);
"""


def instructions(text):
    """The Kernel of a few lines of disassembly."""
    return sass.read_disassembly(f'\t.section\t.text.kernel,"ax",@progbits\n{text}')["kernel"]


class Reading(unittest.TestCase):
    def test_ptxas(self):
        self.assertEqual(kernel_report.read_ptxas(PTXAS), {
            "_Z5sweepv": {"stack": 16, "spill_stores": 24, "spill_loads": 12, "registers": 64, "shared": 16896},
            "_Z4joinv": {"stack": 0, "spill_stores": 0, "spill_loads": 0, "registers": 32, "shared": 0}})

    def test_hot_loop(self):
        kernel = sass.read_disassembly(SASS)["_Z5sweepv"]
        self.assertEqual(kernel.threads, 256)
        # .L_x_2: neither what it calls, nor the code that jumps into it, nor the loop around.
        mix = sass.hot_loop(kernel)
        self.assertEqual(mix.instructions, 10)
        self.assertEqual(mix.counted, {"FADD": 2, "FFMA": 1, "MUFU": 1})
        self.assertEqual((mix.share(), mix.share({"FADD", "FFMA"})), (0.4, 0.3))
        self.assertEqual(mix.memory["shared_loads"], {64: 1, 128: 1})
        self.assertEqual((mix.memory["async_copies"], mix.barriers), ({}, 0))

    def test_a_loop_that_was_unrolled(self):
        """Then the arithmetic is in the loop around, beside a loop that has none."""
        lines = re.sub(r".*@!P0 BRA.*\n", "", SASS).replace("BAR.SYNC.DEFER_BLOCKING 0x0 ;", """BAR.SYNC 0x0 ;
.L_x_7:
        /*0042*/                   STS.64 [R3], R4 ;
        /*0044*/               @P3 BRA `(.L_x_7) ;""")
        mix = sass.hot_loop(sass.read_disassembly(lines)["_Z5sweepv"])
        self.assertEqual(mix.counted, {"FADD": 3, "FFMA": 1, "MUFU": 1})
        self.assertEqual(mix.memory["async_copies"], {32: 1, 128: 1})
        self.assertEqual(mix.memory["shared_loads"], {64: 1, 128: 1})
        self.assertEqual(mix.instructions, 20)
        self.assertEqual((mix.memory["shared_stores"], mix.barriers), ({}, 1))

    def test_switches(self):
        kernel = instructions("""
.L_x_1:
        /*0000*/                   BRX R16 -0x10                                   (*"BRANCH_TARGETS .L_x_2,.L_x_3"*);
.L_x_2:
        /*0010*/                   FMUL R1, R2, R3 ;
        /*0020*/                   BRA `(.L_x_4) ;
.L_x_3:
        /*0030*/                   FADD R1, R2, R3 ;
.L_x_4:
        /*0040*/                   LDG.E.U8 R1, [R2.64] ;
        /*0050*/               @P0 BRA `(.L_x_1) ;
        /*0060*/                   EXIT ;
""")
        mix = sass.hot_loop(kernel)
        self.assertEqual((mix.counted, mix.memory["global_loads"]), ({"FADD": 1, "FMUL": 1}, {8: 1}))

    def test_bytes_are_counted_by_their_own_instructions(self):
        mix = sass.hot_loop(instructions("""
.L_x_1:
        /*0000*/                   VABSDIFF4.U8.ACC R1, R2, R3, R1 ;
        /*0010*/                   FADD R4, R4, R5 ;
        /*0020*/               @P0 BRA `(.L_x_1) ;
        /*0030*/                   EXIT ;
"""))
        self.assertEqual(mix.counted, {"VABSDIFF4": 1})

    def test_no_loop(self):
        self.assertIsNone(sass.hot_loop(instructions("        /*0000*/                   EXIT ;\n")))
        code = """
.L_x_1:
        /*0000*/                   FADD R1, R2, R3 ;
        /*0010*/                   CALL.REL.NOINC `({}) ;
        /*0020*/                   BRA `(.L_x_1) ;
.L_x_2:
        /*0030*/                   EXIT ;
"""
        self.assertIsNone(sass.hot_loop(instructions(code.format(".L_x_2"))))  # it never comes back
        self.assertEqual(sass.hot_loop(instructions(code.format("$function"))).instructions, 3)

    def test_names(self):
        scope = "wasserkern::(anonymous namespace)::"
        sweep = f"void {scope}sweep_kernel<8, wasserkern::Lq<(wasserkern::Exponent)1> >(%s, long)"
        names = [sweep % f"{scope}Problems", sweep % f"{scope}Pairs", "ampere_sgemm_128x64_nn", f"{scope}probe()",
                 "void <unnamed>::draw_kernel<(int)4, (bool)1, (E)7>(T1)"]
        self.assertEqual(list(kernel_names.short_names(names).values()), [
            "sweep<8, Lq<Two>>(Problems)", "sweep<8, Lq<Two>>(Pairs)", "ampere_sgemm_128x64_nn", "probe",
            "draw<4, 1, 7>"])
        self.assertEqual(kernel_names.short_names(names[:1]), {names[0]: "sweep<8, Lq<Two>>"})

    def test_occupancy(self):
        """As CUDA's own cuda_occupancy.h has it."""
        for architecture, registers, shared, threads, warps in (
                (80, 32, 0, 256, 64), (80, 57, 16896, 256, 32), (80, 128, 0, 256, 16), (80, 40, 4608, 256, 48),
                (80, 32, 32768, 256, 32), (80, 255, 0, 256, 8), (86, 32, 0, 256, 48), (75, 32, 0, 1024, 32),
                (80, 16, 0, 32, 32), (90, 65, 34816, 256, 24), (80, 168, 0, 384, 12)):
            with self.subTest(architecture=architecture, registers=registers, shared=shared, threads=threads):
                self.assertEqual(kernel_report.occupancy(architecture, registers, shared, threads)[0], warps)

    def test_heart(self):
        loop = {"instructions": 100, "heart_share": 0.9, "shared_loads": {128: 8}}

        def row(kernel, source="c_transform", loop=loop, **other):
            return {"source": source, "architecture": 80, "kernel": kernel, "loop": loop, "spill_stores": 0,
                    "spill_loads": 0, **other}

        def violations(*rows):
            return list(kernel_report.heart_violations(rows, ["c_transform"], 80))

        small = row("sweep<1, Lq<One>>", spill_stores=8, loop={**loop, "heart_share": 0.3})
        one, two = row("sweep<8, Lq<One>>"), row("sweep<8, Lq<Two>>")
        self.assertEqual(violations(small, one, two), [])
        self.assertEqual(violations(small, two, row("sweep<8, Lq<One>>", spill_loads=4)),
                         ["sm_80, c_transform sweep<8, Lq<One>>: spills, 0 bytes of stores and 4 of loads"])
        self.assertEqual(violations(one, row("sweep<8, Lq<Two>>", loop={
            "heart_share": 0.795, "shared_loads": {128: 2, 32: 4}})), [
                "sm_80, c_transform sweep<8, Lq<Two>>: 79.5 % of the hot loop is FADD and FFMA, not 80 %",
                "sm_80, c_transform sweep<8, Lq<Two>>: loads of shared memory are not 128 bits wide: 4 x 32"])
        self.assertEqual(violations(one, row("sweep<8, Lq<Two>>", loop=None)),
                         ["sm_80, c_transform sweep<8, Lq<Two>>: has no loop"])
        self.assertEqual(len(violations(one, two, row("sweep<8, Lq<Two>, true>", loop=None))), 1)
        self.assertEqual(violations(one), [r"sm_80, c_transform: no kernel matches sweep<(\d+), Lq<Two>"])


class Running(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="wasserkern-test-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.source = self.folder / "small.cu"
        self.source.write_text(SOURCE)

    def report(self, *words, status=0, **environment):
        result = subprocess.run([TOOL, "--arch", "80", "--build", self.folder / "build", *words], capture_output=True,
                                text=True, timeout=120, env={**os.environ, **environment})
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def test_what_it_refuses(self):
        for words, status, message in (
                (["absent.cu"], 1, "absent.cu does not exist"), (["--arch", "80,81"], 2, "--arch 81: known are 75, 80"),
                ([self.source, "--require-heart"], 1, "none of c_transform, pairwise_cost is among the sources"),
                ([self.source, "--nvcc", "/absent/nvcc"], 1, "/absent/nvcc is not there; install"),
                (["--only", "("], 2, "--only (: ")):
            self.assertIn(message, self.report(*words, status=status).stderr.splitlines()[-1])

    @unittest.skipUnless(NVCC, "there is no nvcc")
    def test_what_the_compiler_says(self):
        rows = json.loads(self.report("--json", "--no-loops", self.source).stdout)
        self.assertEqual({row["kernel"] for row in rows}, {"multiply", "spill<64>"})
        multiply, spill = sorted(rows, key=lambda row: row["kernel"])
        self.assertEqual((multiply["spill_stores"], multiply["shared"], multiply["loop"]), (0, 2048, None))
        self.assertGreater(spill["spill_stores"], 0)
        self.assertGreater(spill["stack"], 0)
        self.assertEqual(spill["registers"], 32)

        cubin = next((self.folder / "build").rglob("*.cubin"))
        made = cubin.stat().st_mtime_ns
        self.report("--no-loops", self.source)
        self.assertEqual(cubin.stat().st_mtime_ns, made)
        self.source.write_text(SOURCE.replace("spill_kernel", "other_kernel"))
        self.assertIn("small other<64>", self.report("--no-loops", self.source).stdout)
        self.source.write_text("this is no CUDA")
        errors = self.report("--no-loops", self.source, status=1).stderr.splitlines()
        self.assertIn("nvcc could not compile", errors[-1])

    @unittest.skipUnless(NVCC, "there is no nvcc")
    def test_a_disassembler(self):
        """The one that is there, or a recorded answer."""
        path = os.environ["PATH"]
        if not NVDISASM:
            stand_in = self.folder / "nvdisasm"
            stand_in.write_text(f"#!/usr/bin/env python3\nprint({self.recorded()!r})\n")
            stand_in.chmod(0o755)
            path = f"{self.folder}:{path}"
        result = self.report("--markdown", "--only", "multiply", self.source, PATH=path)
        cells = dict(zip(*(result.stdout.splitlines()[line].strip("| ").split(" | ") for line in (2, 4))))
        self.assertEqual(cells["kernel"], "small multiply")
        self.assertEqual((cells["threads"], cells["occupancy"]), ("128", "100 %"))
        self.assertEqual(cells["counted"], "2 FFMA")
        self.assertEqual(cells["shared loads"], "1 x 128")

    def recorded(self):
        """What the disassembler may say of the source's first kernel."""
        text = re.sub(r"FADD.*|MUFU.*|LDS\.64.*", "NOP ;", SASS).replace("0x00000002", "0x00000001")
        text = text.replace("IADD3 R5, R5, 0x10, RZ", "FFMA R20, R16, R16, R20")
        return text.replace("_Z5sweepv", "_Z15multiply_kernelPK6float4Pfi")


if __name__ == "__main__":
    programs.main()
