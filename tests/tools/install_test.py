"""The library serves another project, tests/consumer: installed, and as a folder of that project's own tree."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import programs  # noqa: E402
from programs import BIN, ROOT  # noqa: E402

BUILD = BIN.parent
CONSUMER = ROOT / "tests/consumer"


def cached(name):
    """A value of the build under test."""
    return re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)[1]


class Install(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="wasserkern-test-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def done(self, *command):
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=900)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def installed(self):
        prefix = self.folder / "prefix"
        self.done("cmake", "--install", BUILD, "--prefix", prefix)
        return prefix

    def configure(self, source, *settings):
        """Configures a project as the build under test, sanitizers included."""
        return self.done("cmake", "-S", source, "-B", self.folder / "build", "-G", "Ninja",
                         f"-DCMAKE_BUILD_TYPE={cached('CMAKE_BUILD_TYPE')}",
                         f"-DCMAKE_CXX_FLAGS={cached('CMAKE_CXX_FLAGS')} -Wall -Wextra -Werror", *settings)

    def test_installed(self):
        prefix = self.installed()
        self.configure(CONSUMER, f"-DCMAKE_PREFIX_PATH={prefix}")
        self.done("cmake", "--build", self.folder / "build")
        found = re.search(r"^wasserkern_DIR:PATH=(.*)$", (self.folder / "build/CMakeCache.txt").read_text(), re.MULTILINE)
        self.assertTrue(Path(found[1]).is_relative_to(prefix), found[1])

        answer = self.done(self.folder / "build/transport")
        cost, along, across = map(float, re.findall(r"-?\d+\.\d+", answer))
        self.assertAlmostEqual(cost, 0.125, delta=1e-3, msg=answer)
        self.assertAlmostEqual(along, 0.3, delta=1e-2, msg=answer)
        self.assertAlmostEqual(across, -0.4, delta=1e-2, msg=answer)

    def test_installed_headers_stand_alone(self):
        prefix = self.installed()
        include = prefix / "include/wasserkern"
        headers = sorted(str(path.relative_to(include)) for path in include.rglob("*.h"))
        self.assertIn("engine/tensor.h", headers)
        self.assertIn("kernels/cost/cost.h", headers)
        self.assertFalse([name for name in headers if re.match("kernels/(cpu|cuda)/|bench/|tests/", name)])
        everything = self.folder / "everything.cpp"
        everything.write_text("".join(f'#include "{name}"\n' for name in headers))
        self.done("g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", include, everything)

    def test_as_a_folder(self):
        source = self.folder / "source"
        source.mkdir()
        (source / "main.cpp").write_text((CONSUMER / "main.cpp").read_text())
        lists = (CONSUMER / "CMakeLists.txt").read_text()
        (source / "CMakeLists.txt").write_text(
            re.sub(r"find_package\(wasserkern.*\)", f"add_subdirectory({ROOT} wasserkern)", lists))
        self.configure(source, "-DWASSERKERN_CUDA=OFF")
        # Building the library once more is left out: it is the same.
        self.done("cmake", "--build", self.folder / "build", "--target", "CMakeFiles/transport.dir/main.cpp.o")
        self.assertFalse((self.folder / "build/wasserkern/tests").exists())


if __name__ == "__main__":
    programs.main()
