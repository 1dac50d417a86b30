#!/usr/bin/env python3
"""Tests of what `bartizan fuzz` reads: targets, engines' outputs, crashes, coverage."""

import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from fuzz import coverage, crashes, document, engines, targets  # noqa: E402 pylint: disable=wrong-import-position
from fuzz.campaign import Outcome  # noqa: E402 pylint: disable=wrong-import-position

BUILD = '''
load("//fuzz:fuzz_target.bzl", "fuzz_target")

cc_library(
    name = "no_target",
)

fuzz_target(
    name = "options",
    srcs = ["options.cc"],
    dictionary = "dictionaries/options.dict",
    length = 600,
    deps = [
        "//src/options:parser",
    ],
)

fuzz_target(
    name = "large",
    srcs = ["large.cc"],
    engine = True,
)
'''

CRASH = '''
fuzz: found: fuzz/attacker.cc:146: expected !must_be_reported: the overflow of 0x171700e00000 of 77 bytes was not seen
==2173== ERROR: libFuzzer: deadly signal
    #0 0x55a7947dbc91 in __sanitizer_print_stack_trace (/x/attacker_libfuzzer+0x1adc91) (BuildId: 5139f9bcd9c05644)
    #6 0x7f453ec24471 in abort stdlib/abort.c:79:7
    #7 0x55a794846ceb in fuzz::Found(char const*, int, char const*, char const*, ...) /proc/self/cwd/fuzz/harness/check.cc:17:3
    #8 0x55a79482533c in fuzz::(anonymous namespace)::Attack::FreeBlock(fuzz::Block&, bartizan::FreeClaim) /x/fuzz/attacker.cc:1
    #9 0x55a794812119 in fuzz::(anonymous namespace)::Attack::Step() /proc/self/cwd/fuzz/attacker.cc
    #14 0x55a794717706 in fuzzer::Fuzzer::ExecuteCallback(unsigned char const*, unsigned long) crtstuff.c
'''


class ReadingTest(unittest.TestCase):

    def test_targets(self):
        self.assertEqual(targets.parse(BUILD), [targets.Target("options", 600, "dictionaries/options.dict"),
                                                targets.Target("large", 256)])

    def test_targets_of_this_checkout(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
        if not os.path.exists(os.path.join(root, "fuzz", "BUILD")):
            self.skipTest("no checkout")
        names = [target.name for target in targets.read(root)]
        self.assertIn("attacker", names)
        for name in names:
            self.assertTrue(os.path.isdir(os.path.join(root, "fuzz", "corpus", name)), name)

    def test_figures_of_libfuzzer(self):
        output = ("#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb\n"
                  "#500\tNEW    cov: 1785 ft: 9 corp: 61/2Kb lim: 4 exec/s: 9 rss: 31Mb L: 1/4 MS: 1 X-\n")
        self.assertEqual(engines.read_libfuzzer(output), engines.Figures(500, 1785, 61))
        ended = output + "stat::number_of_executed_units: 612\n"
        self.assertEqual(engines.read_libfuzzer(ended).executions, 612)
        self.assertEqual(engines.read_libfuzzer(""), engines.Figures())

    def test_figures_of_afl(self):
        text = "execs_done        : 116324\nexecs_per_sec     : 7720.45\ncorpus_count      : 714\nedges_found       : 1785\n"
        self.assertEqual(engines.read_afl(text), engines.Figures(116324, 1785, 714))

    def test_coverage_of_the_library_only(self):
        exported = ('{"data": [{"files": [{"filename": "/proc/self/cwd/src/base/a.cc", "summary": {"lines": {"count": 10, '
                    '"covered": 9}}}, {"filename": "/proc/self/cwd/fuzz/b.cc", "summary": {"lines": {"count": 5, "covered": '
                    '5}}}, {"filename": "hardening/c.h", "summary": {"lines": {"count": 10, "covered": 1}}}]}]}')
        files = coverage.read(exported)
        self.assertEqual(files, {"src/base/a.cc": (10, 9), "hardening/c.h": (10, 1)})
        self.assertEqual(coverage.share(files), 0.5)


class CrashesTest(unittest.TestCase):

    def test_equal_defects_have_one_name(self):
        other_addresses = CRASH.replace("0x55a79", "0x66b80").replace("0x171700e00000", "0x4").replace("2173", "99")
        self.assertEqual(crashes.key_of(CRASH), crashes.key_of(other_addresses))

    def test_other_places_and_reasons_have_other_names(self):
        names = {crashes.key_of(text) for text in (CRASH, CRASH.replace("FreeBlock", "ResizeLegally"),
                                                   CRASH.replace("!must_be_reported", "zero"), "")}
        self.assertEqual(len(names), 4)

    def test_sort_keeps_one_of_each(self):
        folder = tempfile.mkdtemp(prefix="bartizan-fuzz-test-")
        self.addCleanup(shutil.rmtree, folder)
        found, kept = os.path.join(folder, "found"), os.path.join(folder, "kept")
        os.mkdir(found)
        for name, text in (("a", "one"), ("b", "one"), ("c", "two"), ("d", "harmless")):
            with open(os.path.join(found, name), "w", encoding="utf-8") as file:
                file.write(text)
        # Prints what it found by the input's words, and minimises nothing.
        binary = os.path.join(folder, "target")
        with open(binary, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nfor path; do :; done\nread -r word < "$path" || true\n[ "$word" = harmless ] && exit 0\n'
                       'echo "fuzz: found: fuzz/x.cc:1: expected $word: words"\nexit 77\n')
        os.chmod(binary, 0o755)
        self.assertEqual(len(crashes.sort(binary, found, kept)), 2)
        self.assertEqual(os.listdir(found), [])
        self.assertEqual(len(crashes.open_ones(kept)), 2)


class DocumentTest(unittest.TestCase):

    def test_page(self):
        outcome = Outcome(targets.Target("large", 256), executions=72000, seconds=3600, edges=1700, inputs=9)
        page = document.page([outcome], "afl", {"src/a.cc": (10, 1), "src/b.cc": (10, 10)}, "abc", "Linux")
        self.assertIn("| `large` | 72,000 | 20 | 1,700 | 9 | 0 |", page)
        self.assertIn("None is open.", page)
        self.assertIn("55.0 percent", page)
        self.assertIn("| `src/a.cc` | 10 | 10 % |", page)
        self.assertNotIn("src/b.cc", page)

    def test_page_with_a_crash(self):
        outcome = Outcome(targets.Target("large", 256), crashes=["overlap-1234"])
        self.assertIn("--replay=large/overlap-1234", document.page([outcome], "afl", {}, "abc", "Linux"))


if __name__ == "__main__":
    unittest.main()
