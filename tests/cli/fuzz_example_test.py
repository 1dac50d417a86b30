#!/usr/bin/env python3
"""What `bartizan fuzz --example` rests on: planted bugs, found by fuzzing engines without sanitizers, by the real library."""

import os
import shutil
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import built  # noqa: E402

sys.path.insert(0, os.path.realpath(built("tools/fuzz/bartizan-fuzz")))

from fuzz import example  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
EXECUTIONS = 20000


def record(letter, *contents):
    return letter.encode() + bytes([len(contents)]) + bytes(contents)


# One input for each bug that is promised to be seen at once, and what hardened says of it.
HARMFUL = {
    "overflow_one": (record("N", *b'"abcdefgh'), "heap overflow"),
    "overflow_many": (record("T", *b"a\tb\tc"), "heap overflow"),
    "off_by_null": (record("S", *b"12345678"), "heap overflow"),
    "use_after_free_read": (record("I", 1) + record("D", 0) + record("R", 0), "SEGV"),
    "double_free": (record("I", 1) + record("D", 0) + record("I", 2) + record("D", 0), "double free"),
    "invalid_free": (record("B", *b"#234567890123456 body"), "invalid free"),
}
# Of these, what goes unnoticed under glibc's malloc.
MISSED_BY_GLIBC = ("overflow_one", "off_by_null", "use_after_free_read")
# The other modes differ in how the program is started and ended, not in what it does meanwhile.
WITH_AFL = ("overflow_one", "double_free")


class ExampleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        modes = [mode.name for mode in example.MODES if mode.name == "libfuzzer" or shutil.which("afl-fuzz")]
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(built("fuzz/example/parser.c")))))
        cls.example = example.Example(root, LIBRARY, modes, EXECUTIONS)
        cls.addClassCleanup(cls.example.remove)
        cls.columns = {column.name: column for column in cls.example.columns}

    def cases(self):
        return [(mode, bug) for mode in self.example.modes for bug in (HARMFUL if mode.name == "libfuzzer" else WITH_AFL)]

    def replay(self, mode, name, bug, contents):
        path = os.path.join(self.example.folder, "input")
        with open(path, "wb") as file:
            file.write(contents)
        column = self.columns[name]
        status, output = mode.replay(self.example.build(mode, column, bug), column, path)
        return status, example.said(output) or ("SEGV" if status == -11 else ""), output

    def test_every_bug_is_reached(self):
        for bug, (contents, _) in HARMFUL.items():
            self.assertNotEqual(self.replay(self.example.modes[0], "reached", bug, contents)[0], 0, bug)

    def test_hardened_and_strict_see_them(self):
        for mode, bug in self.cases():
            contents, expected = HARMFUL[bug]
            for profile in ("hardened", "strict"):
                status, said, output = self.replay(mode, profile, bug, contents)
                self.assertNotEqual(status, 0, f"{bug}, {profile}, {mode.title}: {output}")
                self.assertEqual(said, expected, f"{bug}, {profile}, {mode.title}: {output}")

    def test_fast_sees_wrong_frees(self):
        for bug in ("double_free", "invalid_free"):
            status, said, output = self.replay(self.example.modes[0], "fast", bug, HARMFUL[bug][0])
            self.assertNotEqual(status, 0, output)
            self.assertEqual(said, HARMFUL[bug][1], output)

    def test_glibc_misses_some(self):
        for bug in MISSED_BY_GLIBC:
            status, _, output = self.replay(self.example.modes[0], "glibc", bug, HARMFUL[bug][0])
            self.assertEqual(status, 0, f"{bug}: {output}")

    def test_without_a_bug_nothing_is_seen(self):
        for mode in self.example.modes:
            for contents, _ in HARMFUL.values():
                status, _, output = self.replay(mode, "strict", "no_bug", contents)
                self.assertEqual(status, 0, output)

    def test_found_in_the_execution_that_does_harm(self):
        # libFuzzer goes the same ways for a seed, whatever the allocator.
        libfuzzer = self.example.modes[0]
        for bug in ("off_by_null", "double_free"):
            reached = self.example.find(libfuzzer, self.columns["reached"], bug)
            self.assertTrue(reached.found, reached)
            found = self.example.find(libfuzzer, self.columns["hardened"], bug)
            self.assertEqual((found.found, found.executions, found.again, found.said),
                             (True, reached.executions, True, HARMFUL[bug][1]))

    def test_with_afl(self):
        if len(self.example.modes) == 1:
            self.skipTest("afl-fuzz is not installed")
        for mode in self.example.modes[1:]:
            found = self.example.find(mode, self.columns["hardened"], "double_free")
            self.assertEqual((found.found, found.again, found.said), (True, True, "double free"))

    def test_nothing_is_found_where_there_is_no_bug(self):
        for name in ("hardened", "strict"):
            find = self.example.find(self.example.modes[0], self.columns[name], "no_bug")
            self.assertEqual((find.found, find.executions), (False, EXECUTIONS), find)


class Promises(unittest.TestCase):
    def test_what_was_reached_and_not_found_is_missed(self):
        nothing = example.Find(100, False)
        finds = {(name, bug): nothing for name in ("reached", *example.PROMISED) for bug in example.BUGS}
        self.assertEqual(example.missed({"x": finds}, 100), [])
        finds["reached", "double_free"] = example.Find(10, True)
        self.assertEqual(len(example.missed({"x": finds}, 100)), len(example.PROMISED))
        self.assertEqual(example.missed({"x": finds}, 15), [])  # too late for every engine to get there again
        finds |= {(name, "double_free"): example.Find(10, True) for name in example.PROMISED}
        self.assertEqual(example.missed({"x": finds}, 100), [])


if __name__ == "__main__":
    unittest.main()
