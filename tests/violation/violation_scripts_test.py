#!/usr/bin/env python3
"""What the scripts of this folder make of outcomes: made-up ones, without a library."""

import contextlib
import io
import json
import os
import signal
import sys
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import checkers  # noqa: E402
import commit  # noqa: E402
import detection  # noqa: E402
import expectations  # noqa: E402
import precision  # noqa: E402
import run  # noqa: E402

REPORT = "double free: the block was freed before; address 0x10, size class 32. What to do: look"


def fault(name, group="double free", layer="always", least=0, most=1 << 62):
    return commit.Fault(name, group, layer, least, most, "does harm")


def case(name="double_free_immediate", size=100, **fields):
    return commit.Case(fault(name, **fields), size, False)


def outcome(kind, moment="free", text="", address="0x10"):
    return commit.Outcome(kind, moment, text, address)


class ReadOutcome(unittest.TestCase):
    def kind(self, status, stdout="address 0x10\nat access\n", stderr=""):
        found = commit.read_outcome(status, stdout, stderr)
        return found.kind, found.moment

    def test_reports(self):
        line = commit.PREFIX + REPORT + "\n"
        self.assertEqual(self.kind(-signal.SIGABRT, "at free\n", line), ("report", "free"))
        self.assertEqual(self.kind(-signal.SIGABRT, "at access\n", line), ("report", "call"))
        self.assertEqual(self.kind(-signal.SIGABRT, "at free\n", line * 2), ("crash", "free"))
        self.assertEqual(self.kind(-signal.SIGSEGV, "at access\n", line), ("guard", "access"))
        self.assertEqual(self.kind(-signal.SIGSEGV, "at free\n", line), ("crash", "free"))
        self.assertEqual(self.kind(0, "at free\nanswered x\n", line), ("crash", "free"))
        found = commit.read_outcome(-signal.SIGABRT, "address 0x10\nat free\n", line)
        self.assertEqual((found.address, found.text), ("0x10", REPORT))

    def test_stops_without_a_report(self):
        for number in (signal.SIGABRT, signal.SIGTRAP, signal.SIGILL):
            self.assertEqual(self.kind(-number, "at free\n"), ("stop", "free"))

    def test_only_the_access_itself_meets_a_guard(self):
        self.assertEqual(self.kind(-signal.SIGSEGV), ("guard", "access"))
        self.assertEqual(self.kind(-signal.SIGSEGV, "at access\nat free\n"), ("crash", "free"))
        self.assertEqual(self.kind(-signal.SIGALRM), ("crash", "access"))

    def test_guards_are_to_report(self):
        silent = commit.read_outcome(-signal.SIGSEGV, "at access\n", "")
        said = commit.read_outcome(-signal.SIGSEGV, "at access\n", commit.PREFIX + "use after free: x\n")
        self.assertEqual(said.text, "SIGSEGV: use after free: x")
        self.assertIsNone(expectations.missing_report("fast", silent))
        self.assertIsNotNone(expectations.missing_report("hardened", silent))
        self.assertIsNone(expectations.missing_report("hardened", said))

    def test_exit_statuses_count_with_their_word(self):
        self.assertEqual(self.kind(0, "at access\nanswered reads zeros\n"), ("answered", "access"))
        self.assertEqual(self.kind(3, "at exit\nunnoticed x\n"), ("unnoticed", "exit"))
        self.assertEqual(self.kind(4, "inapplicable x\n"), ("inapplicable", "start"))
        self.assertEqual(self.kind(0, "at access\n"), ("crash", "access"))
        self.assertEqual(self.kind(2, ""), ("crash", "start"))


OUR_REPORT = ('{"format":"bartizan-report","block":{"state":"live","requested":24},"allocation":{"stack":[{}]},'
              '"free":{"stack":[]}}\n')
ASAN_REPORT = """==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x50b
0x50b is located 0 bytes inside of 100-byte region [0x50b,0x5af)
freed by thread T0 here:
previously allocated by thread T0 here:
"""
MEMCHECK_REPORT = """==9== Invalid write of size 1
==9==  Address 0x4 is 0 bytes after a block of size 100 alloc'd
"""
MEMCHECK_FREED = """==9== Invalid free() / delete / delete[] / realloc()
==9==  Address 0x4 is 0 bytes inside a block of size 100 free'd
==9==  Block was alloc'd at
"""
GWP_REPORT = """*** GWP-ASan detected a memory error ***
Use After Free at 0x7f (0 bytes into a 100-byte allocation at 0x7f) by thread 1 here:
0x7f was deallocated by thread 1 here:
0x7f was allocated by thread 1 here:
"""


class Precision(unittest.TestCase):
    def found(self, text, checker=None, status=-signal.SIGABRT):
        return str(precision.judge(checker or checkers.Ours("debug", ""), status, text))

    def test_when(self):
        self.assertEqual(self.found("at prepare\nat access\n" + OUR_REPORT), "at once BA")
        self.assertEqual(self.found("at prepare\nat access\nat free\n" + OUR_REPORT), "at free BA")
        self.assertEqual(self.found("at free\nat reuse\nat free\n" + OUR_REPORT), "at a later free BA")
        # memcheck goes on: what comes after the report says nothing of it.
        self.assertEqual(self.found("at access\n" + MEMCHECK_REPORT + "at free\nunnoticed x\n", checkers.Memcheck(), 3),
                         "at once BA")

    def test_without_a_report(self):
        self.assertEqual(self.found("at access\n", status=-signal.SIGSEGV), "stopped")
        self.assertEqual(self.found("at access\nat free\n", status=-signal.SIGABRT), "stopped later")
        self.assertEqual(self.found("at access\nat exit\nunnoticed x\n", status=3), "never")
        self.assertEqual(self.found("at access\nanswered reads zeros\n", status=0), "harmless")

    def test_what_each_names(self):
        for checker, text, named in ((checkers.AddressSanitizer(), ASAN_REPORT, "BAF"), (checkers.Scudo(), GWP_REPORT, "BAF"),
                                     (checkers.Memcheck(), MEMCHECK_FREED, "BAF"),
                                     (checkers.AddressSanitizer(), ASAN_REPORT.splitlines()[0], ""),
                                     (checkers.Scudo(), "Scudo ERROR: corrupted chunk header", "")):
            self.assertEqual(self.found("at access\n" + text, checker), f"at once {named}".rstrip())


class Judgement(unittest.TestCase):
    def mistake(self, expected, *arguments, **fields):
        return expected.mistake(outcome(*arguments, **fields))

    def test_kind_moment_message_and_address_must_be_right(self):
        expected = expectations.report("double free", "free")
        self.assertIsNone(self.mistake(expected, "report", "free", REPORT))
        self.assertIsNotNone(self.mistake(expected, "report", "reuse", REPORT))
        self.assertIsNotNone(self.mistake(expected, "report", "free", "in" + REPORT))
        self.assertIsNotNone(self.mistake(expected, "guard", "free", REPORT))
        self.assertIsNotNone(self.mistake(expected, "report", "free", REPORT, address="0x1"))
        self.assertIsNone(self.mistake(expectations.no_address(expected), "report", "free", REPORT, address="0x1"))
        self.assertIsNotNone(self.mistake(expectations.no_address(expected), "report", "free", "double free: x"))

    def test_a_fault_that_is_expected_to_be_missed_must_be_missed(self):
        expected = expectations.missed("a reason")
        self.assertIsNone(self.mistake(expected, "unnoticed", "exit", "x"))
        self.assertIsNotNone(self.mistake(expected, "report", "free", REPORT))
        self.assertIsNotNone(self.mistake(expected, "answered", "access", "x"))
        chance = expectations.by_chance("a reason", expectations.GUARD)
        self.assertIsNone(self.mistake(chance, "unnoticed", "exit", "x"))
        self.assertIsNone(self.mistake(chance, "guard", "access", "SIGSEGV"))
        self.assertIsNotNone(self.mistake(chance, "crash", "free", "SIGSEGV"))


class Table(unittest.TestCase):
    def rows(self):
        for name in expectations.TABLE:
            for profile in expectations.PROFILES:
                for size in commit.SIZES:
                    yield name, profile, expectations.expected_of(name, profile, size)

    def test_every_miss_has_a_reason(self):
        for name, profile, expected in self.rows():
            if expected.is_miss():
                self.assertGreater(len(expected.reason), 10, (name, profile))

    def test_strict_misses_only_what_needs_a_page_per_block(self):
        missed = {name for name, profile, expected in self.rows() if profile == "strict" and expected.is_miss()}
        self.assertEqual(missed, {"overread_1"})

    def test_fast_misses_no_double_and_no_invalid_free(self):
        for name, profile, expected in self.rows():
            if name.startswith(("double_free", "free_")) and not name.startswith(("free_sized", "free_aligned")):
                self.assertFalse(expected.is_miss(), (name, profile))


class Tally(unittest.TestCase):
    def tally(self, profile, *pairs, whole=False):
        tally = run.Tally(profile, show_outcomes=False)
        self.printed = io.StringIO()
        with contextlib.redirect_stdout(self.printed):
            for pair in pairs:
                tally.take(*pair)
            status = tally.finish(whole)
        return status

    def test_a_wrong_outcome_fails(self):
        self.assertEqual(self.tally("fast", (case(), outcome("report", "free", REPORT))), 0)
        self.assertIn("1 passed, 0 failed", self.printed.getvalue())
        self.assertEqual(self.tally("fast", (case(), outcome("unnoticed", "exit"))), 1)
        self.assertIn("FAIL double_free_immediate 100", self.printed.getvalue())

    def test_what_is_caught_against_the_table_fails(self):
        new_free = case("new_free", group="family mismatch", layer="origin_check")
        self.assertEqual(self.tally("hardened", (new_free, outcome("report", "free", "origin mismatch"))), 1)

    def test_what_is_pending_is_printed_and_does_not_fail(self):
        marked = expectations.pending(expectations.report("double free", "free"))
        rows = {"double_free_immediate": expectations.all_profiles(marked)}
        caught, missed = (case(), outcome("report", "free", REPORT)), (case(size=24), outcome("unnoticed", "exit", "x"))
        with mock.patch.object(expectations, "TABLE", rows):
            self.assertEqual(self.tally("strict", caught, missed, whole=True), 0)
        self.assertIn("pending double_free_immediate: unnoticed at exit: x [24]", self.printed.getvalue())
        self.assertIn("1 runs that are marked as pending end as demanded", self.printed.getvalue())

    def test_nothing_run_is_no_success(self):
        self.assertEqual(self.tally("fast"), 1)

    def test_promises_of_the_whole(self):
        caught = (case(), outcome("report", "free", REPORT))
        missed = (case("new_free", group="family mismatch", layer="origin_check"), outcome("unnoticed", "exit", "x"))
        self.assertEqual(self.tally("hardened", *[caught] * 9, missed, whole=True), 0)
        self.assertEqual(self.tally("hardened", *[caught] * 8, missed, whole=True), 1)
        self.assertIn("hardened catches 88.9% only", self.printed.getvalue())
        self.assertEqual(expectations.broken_promises("fast", [(case(), outcome("unnoticed", "exit"))]),
                         ["double_free_immediate 100: not caught in fast"])
        overread = (case("overread_1", group="overflow"), outcome("unnoticed", "exit"))
        self.assertEqual(expectations.broken_promises("strict", [overread]), [])
        self.assertEqual(len(expectations.broken_promises("strict", [(case(), outcome("unnoticed", "exit"))])), 1)


class Cells(unittest.TestCase):
    def test_shares_and_moments(self):
        free = outcome("report", "free")
        self.assertEqual(detection.cell([free] * 3), "100 % free")
        self.assertEqual(detection.cell([free, outcome("guard", "access"), outcome("unnoticed")]), "67 % access, free")
        self.assertEqual(detection.cell([outcome("answered", "access")]), "100 % harmless")
        self.assertEqual(detection.cell([outcome("unnoticed")]), "-")
        self.assertEqual(detection.cell([outcome("inapplicable")]), "not there")
        self.assertEqual(detection.cell([free, outcome("crash", "free")]), "50 % free; *crash 50 %*")

    def test_figures_count_what_could_be_tried(self):
        found = {("mine", "a"): [outcome("report"), outcome("unnoticed")], ("mine", "b"): [outcome("guard")] * 2,
                 ("mine", "c"): [outcome("inapplicable"), outcome("crash")]}
        faults = [fault("a", "overflow"), fault("b", "overflow"), fault("c", "contents")]
        figures = json.loads(detection.figures(faults, [detection.allocators.Allocator("mine")], found))
        self.assertEqual(figures, {"overflow": {"mine": [3, 4]}, "contents": {"mine": [0, 1]}})


if __name__ == "__main__":
    unittest.main()
