#!/usr/bin/env python3
"""Tests tools/fetch-data on small data sets of its own, with archives, folders and a server on this machine.

The last line is `N passed, N failed`.
"""

import contextlib
import gzip
import hashlib
import http.server
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path
from unittest import mock

TOOL = Path(__file__).resolve().parent.parent.parent / "tools" / "fetch-data"
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("fetch_data", str(TOOL))
fetch_data = importlib.util.module_from_spec(importlib.util.spec_from_loader("fetch_data", loader))
loader.exec_module(fetch_data)

CONTENTS = {"one": bytes(range(256)) * 50, "two": b"second file"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def archive_of(contents, mode="w:gz", parent="folder/"):
    """A tar archive in memory, its files one folder down and a stranger among them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, content in {"../../stranger": b"", **contents}.items():
            member = tarfile.TarInfo(f"{parent}{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


ARCHIVE = archive_of(CONTENTS)
SUMS = {name: sha256(content) for name, content in CONTENTS.items()}
DATA_SETS = {
    "files": fetch_data.DataSet(SUMS, "http://nowhere.invalid"),
    "archive": fetch_data.DataSet(SUMS, "http://nowhere.invalid", archive="a.tar.gz", archive_sum=sha256(ARCHIVE)),
    "pictures": fetch_data.Pictures(4, "ask the authors"),
}
PICTURES = {"faces/1.jpg": b"one" * 5000, "faces/2.JPEG": b"two", "more/1.jpg": b"three", "4.png": b"four"}
STRANGERS = {"faces/list.txt": b"text", "faces/._1.jpg": b"hidden", "../../9.jpg": b"out"}


def zip_of(contents):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(f"all/{name}", content)
    return stream.getvalue()


class FetchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = Path(folder.name) / "source"
        self.target = Path(folder.name) / "target"
        self.source.mkdir()
        for patch in (mock.patch.object(fetch_data, "DATA_SETS", DATA_SETS), mock.patch.dict(os.environ)):
            patch.start()
            self.addCleanup(patch.stop)

    def fetch(self, name, *words):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            fetch_data.main([name, "--to", str(self.target), *map(str, words)])
        return output.getvalue()

    def assert_fails(self, expected, *words):
        with self.assertRaises(fetch_data.FetchError) as caught:
            self.fetch(*words)
        self.assertIn(expected, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)

    def names(self):
        return sorted(path.name for path in self.target.iterdir())


class FetchDataTest(FetchTest):
    def assert_complete(self):
        self.assertEqual(sorted(name.removesuffix(".gz") for name in self.names()), sorted(CONTENTS))
        for name, content in CONTENTS.items():
            path = fetch_data.present(self.target, name)
            found = path.read_bytes()
            self.assertEqual(gzip.decompress(found) if path.suffix == ".gz" else found, content)

    def serve(self, files, cut=0):
        """Serves files by name, `cut` bytes short of what it promises, and makes it the mirror."""
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content = files.get(self.path.lstrip("/"))
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write((content or b"")[:len(content or b"") - cut])

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        os.environ["WASSERKERN_MIRROR"] = f"http://127.0.0.1:{server.server_port}/"

    def test_takes_raw_and_packed_files_from_a_folder(self):
        (self.source / "one").write_bytes(CONTENTS["one"])
        (self.source / "below").mkdir()
        (self.source / "below" / "two.gz").write_bytes(gzip.compress(CONTENTS["two"]))
        self.fetch("files", "--from", self.source)
        self.assertEqual(self.names(), ["one", "two.gz"])
        self.assert_complete()

    def test_takes_archives_of_every_packing(self):
        for mode in ("w", "w:gz", "w:xz", "w:bz2"):
            self.target = self.source / mode
            (self.source / "archive").write_bytes(archive_of(CONTENTS, mode))
            self.fetch("files", "--from", self.source / "archive")
            self.assert_complete()
        self.assertFalse((self.source.parent / "stranger").exists())

    def test_second_call_touches_nothing(self):
        (self.source / "archive").write_bytes(ARCHIVE)
        self.assertNotIn("already", self.fetch("files", "--from", self.source / "archive"))
        before = [(self.target / name).stat() for name in self.names()]
        self.assertIn("already there", self.fetch("files"))
        self.assertEqual([(self.target / name).stat() for name in self.names()], before)

    def test_a_part_says_what_is_missing_and_can_be_completed(self):
        (self.source / "one").write_bytes(CONTENTS["one"])
        self.assertIn("without two", self.fetch("files", "--from", self.source))
        (self.source / "two").write_bytes(CONTENTS["two"])
        self.assertNotIn("without", self.fetch("files", "--from", self.source))
        self.assert_complete()

    def test_wrong_sources_leave_nothing(self):
        damaged = {**CONTENTS, "one": CONTENTS["one"][:-1] + b"?"}
        packed = gzip.compress(CONTENTS["one"])
        archive = archive_of(CONTENTS, "w:xz")
        cases = {
            "damaged.tar": archive_of(damaged),
            "cut.tar.xz": archive[:len(archive) // 2],
            "broken.tar.xz": archive[:60] + b"?" * 20 + archive[80:],
            "empty.tar": archive_of({}),
            "text": b"no archive",
            "empty": b"",
            "one.gz.tar": archive_of({"one.gz": packed[:-9]}),
        }
        for name, content in cases.items():
            (self.source / name).write_bytes(content)
            with self.subTest(name):
                self.assert_fails(str(self.source / name), "files", "--from", self.source / name)
                self.assertEqual(self.names(), [])
        self.assert_fails("has none of one, two", "files", "--from", self.source)
        self.assert_fails("no such folder or archive", "files", "--from", self.source / "missing")
        (self.source / "two").write_bytes(b"another file")
        self.assert_fails("has SHA-256", "files", "--from", self.source)
        (self.source / "two").unlink()
        (self.source / "two.gz").write_bytes(b"no gzip")
        self.assert_fails("not a whole gzip file", "files", "--from", self.source)
        self.assertEqual(self.names(), [])

    def test_downloads_files(self):
        self.serve({f"{name}.gz": gzip.compress(content) for name, content in CONTENTS.items()})
        self.fetch("files")
        self.assertEqual(self.names(), ["one.gz", "two.gz"])
        self.assert_complete()

    def test_downloads_an_archive(self):
        self.serve({"a.tar.gz": ARCHIVE})
        self.fetch("archive")
        self.assertEqual(self.names(), ["one", "two"])
        self.assert_complete()

    def test_downloads_from_a_file_url(self):
        (self.source / "a.tar.gz").write_bytes(ARCHIVE)
        os.environ["WASSERKERN_MIRROR"] = self.source.as_uri()
        self.fetch("archive")
        self.assert_complete()

    def test_a_stopped_download_keeps_what_is_complete(self):
        one, two = (gzip.compress(CONTENTS[name]) for name in ("one", "two"))
        self.serve({"one.gz": one})
        self.assert_fails("404", "files")
        self.assertEqual(self.names(), ["one.gz"])
        self.serve({"two.gz": two}, cut=3)
        self.assert_fails("ended after", "files")
        self.serve({"two.gz": two[:-3]})
        self.assert_fails("not a whole gzip file", "files")
        self.serve({"two.gz": one})
        self.assert_fails("has SHA-256", "files")
        self.assertEqual(self.names(), ["one.gz"])
        self.serve({"two.gz": two})
        self.fetch("files")
        self.assert_complete()

    def test_a_wrong_archive_is_not_unpacked(self):
        self.serve({"a.tar.gz": archive_of({"one": CONTENTS["one"]})})
        self.assert_fails("has SHA-256", "archive")
        self.assertEqual(self.names(), [])

    def test_no_network_says_what_to_do(self):
        os.environ["WASSERKERN_MIRROR"] = "http://127.0.0.1:9"
        self.assert_fails("bring the files with --from", "files")
        self.assertEqual(self.names(), [])


class PicturesTest(FetchTest):
    def assert_pictures(self, expected):
        found = {str(path.relative_to(self.target)): path.read_bytes()
                 for path in self.target.rglob("*") if path.is_file()}
        self.assertEqual(found, expected)

    def test_takes_archives_of_every_packing(self):
        whole = {**STRANGERS, **PICTURES}
        # An archive's own folder is the one that what lies in it directly gets, and no folder is left.
        expected = {**{name if "/" in name else f"all/{name}": content for name, content in PICTURES.items()},
                    "9.jpg": b"out"}
        archives = {mode: archive_of(whole, mode, "all/") for mode in ("w", "w:gz", "w:xz")}
        for name, content in {**archives, "zip": zip_of(whole)}.items():
            with self.subTest(name):
                self.target = self.source / name
                (self.source / "archive").write_bytes(content)
                self.assertIn("is there, 5 pictures", self.fetch("pictures", "--from", self.source / "archive"))
                self.assert_pictures(expected)

    def test_takes_a_folder_and_says_what_part_it_is(self):
        for name, content in {**PICTURES, "faces/list.txt": b"text"}.items():
            (self.source / name).parent.mkdir(exist_ok=True)
            (self.source / name).write_bytes(content)
        (self.source / "4.png").unlink()
        self.assertIn("is there, 3 of its 4 pictures", self.fetch("pictures", "--from", self.source))
        self.assert_pictures({name: content for name, content in PICTURES.items() if name != "4.png"})
        before = [path.stat() for path in sorted(self.target.rglob("*.jpg"))]
        self.assertIn("already there, 3 of its 4 pictures", self.fetch("pictures"))
        self.assertIn("is there, 3 of its 4 pictures", self.fetch("pictures", "--from", self.source))
        self.assertEqual([path.stat() for path in sorted(self.target.rglob("*.jpg"))], before)

    def test_without_a_source_it_says_where_to_get_them(self):
        self.assert_fails("pictures: ask the authors; then: tools/fetch-data pictures --from", "pictures")
        self.assertFalse(self.target.exists())

    def test_wrong_sources(self):
        whole = archive_of(PICTURES, "w")
        damaged = bytearray(zip_of({"1.jpg": bytes(range(256)) * 100}))
        damaged[200:220] = bytes(20)
        cases = {"text": b"no archive", "empty": b"", "cut.tar": whole[:2000], "cut.tar.xz": archive_of(PICTURES, "w:xz")[:150],
                 "damaged.zip": damaged, "cut.zip": zip_of(PICTURES)[:-30]}
        for name, content in cases.items():
            (self.source / name).write_bytes(content)
            with self.subTest(name):
                self.assert_fails(f"{self.source / name}: is not a whole", "pictures", "--from", self.source / name)
        self.assert_fails("no such folder or archive", "pictures", "--from", self.source / "missing")
        (self.source / "empty.zip").write_bytes(zip_of({}))
        self.assert_fails("has no .jpg", "pictures", "--from", self.source / "empty.zip")
        (self.source / "folder").mkdir()
        self.assert_fails("has no .jpg", "pictures", "--from", self.source / "folder")
        self.assertEqual(self.names(), [])

    def test_what_was_complete_of_a_cut_archive_is_kept(self):
        (self.source / "cut.tar").write_bytes(archive_of(PICTURES, "w")[:16_897])
        self.assert_fails("is not a whole", "pictures", "--from", self.source / "cut.tar")
        self.assert_pictures({"faces/1.jpg": PICTURES["faces/1.jpg"]})


class CommandTest(unittest.TestCase):
    def run_tool(self, *words):
        return subprocess.run([TOOL, *words], capture_output=True, text=True, check=False)

    def test_help_names_the_data_sets(self):
        result = self.run_tool("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("mnist, fashion-mnist, cifar-10, celeba", result.stdout)
        self.assertIn("CelebA", result.stdout)

    def test_an_unknown_name_is_a_usage_error(self):
        self.assertEqual(self.run_tool("imagenet").returncode, 2)
        self.assertEqual(self.run_tool().returncode, 2)

    def test_errors_are_one_line_and_status_1(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "file"
            file.touch()
            for words in (["--from", "missing", "--to", folder], ["--from", folder, "--to", file],
                          ["--from", folder, "--to", file / "below"]):
                result = self.run_tool("mnist", *words)
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, r"\Afetch-data: [^\n]+\n\Z")

    @unittest.skipUnless(FASHION_MNIST.is_dir(), "the package dataset-fashion-mnist is not installed")
    def test_fashion_mnist_comes_from_debian(self):
        with tempfile.TemporaryDirectory() as folder:
            result = self.run_tool("fashion-mnist", "--to", folder)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertEqual(sorted(os.listdir(folder)), sorted(os.listdir(FASHION_MNIST)))


def main():
    # Python warns of the sockets of failed downloads, which are closed when they are collected.
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, warnings="ignore")
    result = runner.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
