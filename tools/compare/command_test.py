#!/usr/bin/env python3
"""Which allocators are chosen, and what is refused before anything is run."""

import contextlib
import io
import os
import shutil
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from compare import arguments, command  # noqa: E402
from compare.allocators import Allocator  # noqa: E402
from compare.invented import CATALOGUE  # noqa: E402


class Choose(unittest.TestCase):
    def choose(self, *words, present=lambda allocator: True):
        with mock.patch.object(Allocator, "is_missing", lambda self: not present(self)):
            chosen, missing = command.choose(arguments.parse([*words, "prog"]), CATALOGUE)
        return [each.name for each in chosen], [each.name for each in missing]

    def test_default(self):
        names, _ = self.choose()
        self.assertEqual(names, ["glibc", "hardened", "fast", "strict", "jemalloc", "mimalloc", "tcmalloc", "scudo"])

    def test_default_ones_may_be_missing(self):
        names, missing = self.choose(present=lambda each: each.name != "jemalloc")
        self.assertNotIn("jemalloc", names)
        self.assertEqual(missing, ["jemalloc"])

    def test_the_base_takes_part_once(self):
        self.assertEqual(self.choose("--base=fast", "--allocators=strict,fast,strict")[0], ["fast", "strict"])

    def test_layers(self):
        self.assertEqual(self.choose("--layers")[0],
                         ["glibc", "hardened", "fast", "hardened-zero_on_free", "hardened-reuse_check",
                          "fast+zero_on_free", "fast+reuse_check"])
        self.assertEqual(self.choose("--layers", "--profile=strict", "--allocators=jemalloc")[0][:4],
                         ["glibc", "strict", "fast", "jemalloc"])

    def test_one_alone_is_no_comparison(self):
        with self.assertRaises(arguments.WrongUse) as raised:
            self.choose("--allocators=glibc")
        self.assertEqual(str(raised.exception), "only glibc to run; name others with --allocators")

    def test_what_was_named_must_be_there(self):
        with self.assertRaises(command.Refusal) as raised:
            self.choose("--allocators=jemalloc,mine=/no/mine.so", present=lambda each: not each.library)
        self.assertEqual(raised.exception.code, 125)
        self.assertIn("install Debian's package libjemalloc2; mine: /no/mine.so is missing; is the path right?",
                      str(raised.exception))


class Refusals(unittest.TestCase):
    """Before anything is run."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.library = os.path.join(self.folder, "libbartizan.so")
        with open(self.library, "w", encoding="utf-8"):
            pass

    def main(self, *words):
        """Exit code and standard error."""
        errors = io.StringIO()
        with mock.patch.object(sys, "argv", ["x", *words]), contextlib.redirect_stderr(errors), \
                self.assertRaises(SystemExit) as raised:
            command.main()
        return raised.exception.code, errors.getvalue()

    def expect(self, words, code, message):
        found = self.main("--command=/no/bartizan", f"--library={self.library}", *words)
        self.assertEqual(found, (code, f"bartizan: compare: {message}\n"))

    def test_program(self):
        self.expect(["no-such"], 127, "no-such: program not found: it is not in PATH")
        self.expect(["./no-such"], 127, "./no-such: program not found: No such file or directory")
        self.expect([self.library], 126, f"{self.library}: Permission denied")
        self.expect([self.folder], 126, f"{self.folder}: is no program")

    def test_files_that_cannot_be_written(self):
        for flag in ("--report", "--json"):
            self.expect([f"{flag}=/no/such/file", "true"], 2, "/no/such/file: No such file or directory")
            self.expect([f"{flag}={self.folder}", "true"], 2, f"{self.folder}: Is a directory")

    def test_looking_whether_a_file_can_be_written_leaves_it_alone(self):
        path = os.path.join(self.folder, "new")
        command.check_writable(path)
        self.assertFalse(os.path.exists(path))
        with open(path, "w", encoding="utf-8") as file:
            file.write("old")
        command.check_writable(path)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "old")

    def test_library(self):
        self.assertEqual(self.main("--command=/no/bartizan", "true"), (125, (
            "bartizan: compare: libbartizan.so is not where it should be; build it (bazel build //:bartizan) or name it "
            "with --library=PATH\n")))
        self.assertEqual(self.main("--command=/no/bartizan", "--library=/no/lib.so", "true"),
                         (125, "bartizan: compare: --library=/no/lib.so: cannot be read\n"))

    def test_gnuplot(self):
        there = shutil.which
        with mock.patch("shutil.which", lambda name: None if name == "gnuplot" else there(name)):
            self.expect([f"--report={self.folder}/r.html", "true"], 125,
                        "--report needs gnuplot; install Debian's package gnuplot-nox")

    def test_started_by_hand(self):
        self.assertEqual(self.main("true"),
                         (2, "bartizan: compare: is a part of the command bartizan; start it by that\n"))

    def test_wrong_use(self):
        self.expect(["--rounds=x"], 2, "--rounds=x: expected a number from 1 to 10000\nTry: bartizan help compare")
        self.expect([], 2, "which program?\nTry: bartizan compare -- PROGRAM [ARGS]")


if __name__ == "__main__":
    unittest.main()
