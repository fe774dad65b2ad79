"""README's worked example of a ground cost: written into a copy of the tree as it says, built, and run by every test
that goes through the registered costs."""

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
from programs import BIN, ROOT  # noqa: E402

LIBRARY = ["CMakeLists.txt", "install.cmake", "kernels", "engine", "models", "losses", "data", "tests"]
SECTION = re.search(r"^## Add a ground cost\n(.*?)^## ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]
# The text before a block of code names the file that it is for.
BLOCKS = dict(re.findall(r"`([\w/]+\.h)`[^`]*(?:`\w+`[^`]*)?:\n\n```cpp\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL))
TESTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/kernels").glob("*_test.cpp")
               if "sample_costs()" in path.read_text())


def replaced(path, pattern, text):
    """Puts `text` in the place of the first match of `pattern`."""
    content, count = re.subn(pattern, lambda match: match.expand(text), path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1, f"{path}: has no {pattern}"
    path.write_text(content)


def add_cost(tree):
    """README's three blocks, each where README says."""
    header, registry, oracle = "kernels/cost/huber.h", "kernels/cost/cost.h", "tests/kernels/cost_reference.h"
    assert set(BLOCKS) == {header, registry, oracle}, set(BLOCKS)
    (tree / header).write_text(BLOCKS[header])
    include, costs = BLOCKS[registry].splitlines()
    replaced(tree / registry, r'^(#include "kernels/cost/lq\.h")$', include + r"\n\1")
    replaced(tree / registry, r"^using Cost = .*$", costs)
    replaced(tree / oracle, r"^(inline double reference_cost)", BLOCKS[oracle].replace("\\", r"\\") + r"\n\1")


class GroundCost(unittest.TestCase):
    def done(self, *command, **environment):
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=1800,
                                env={**os.environ, "WASSERKERN_TEST_DEVICE": "cpu", **environment})
        self.assertEqual(result.returncode, 0, (result.stdout + result.stderr)[-10000:])
        return result.stdout

    def assertions(self, program, test):
        """How many assertions the program makes in one file of tests; all of them must hold."""
        answer = self.done(program, "-#", f"[#{Path(test).stem}]")
        return int(re.search(r"\((\d+) assertions? in \d+ test cases?\)", answer)[1])

    @unittest.skipIf(re.search("^(CMAKE_BUILD_TYPE:STRING=Debug|WASSERKERN_CUDA:BOOL=OFF)$",
                               (BIN.parent / "CMakeCache.txt").read_text(), re.MULTILINE),
                     "minutes of building, the same for every preset: the ordinary ones run it")
    def test_as_written(self):
        with tempfile.TemporaryDirectory(prefix="wasserkern-test-") as folder:
            tree, build = Path(folder) / "tree", Path(folder) / "build"
            tree.mkdir()
            for name in LIBRARY:
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
                copy(ROOT / name, tree / name)
            add_cost(tree)
            self.done("cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                      "-DCMAKE_CXX_FLAGS_DEBUG=-O1",  # SIMD sources too then: half the time
                      "-DWASSERKERN_CUDA=OFF", "-DWASSERKERN_BENCH=OFF", "-DWASSERKERN_WARNINGS_AS_ERRORS=ON",
                      "-DWASSERKERN_NATIVE_ONLY=ON",
                      f"-DWASSERKERN_TEST_FILES=/({'|'.join(TESTS)})$")
            # The compiler cache knows the copy again, wherever it lies.
            self.done("cmake", "--build", build, "--target", "wasserkern_tests", CCACHE_BASEDIR=folder)
            self.assertGreaterEqual(len(TESTS), 3)
            for test in TESTS:
                with self.subTest(test=test):
                    # The cost takes part: there is more to hold than without it.
                    self.assertGreater(self.assertions(build / "tests/wasserkern_tests", test),
                                       self.assertions(BIN.parent / "tests/wasserkern_tests", test))


if __name__ == "__main__":
    programs.main()
