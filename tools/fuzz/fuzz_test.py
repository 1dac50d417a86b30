#!/usr/bin/env python3
"""Tests of what `bartizan fuzz` reads: targets, engines' outputs, crashes, coverage."""

import os
import shutil
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from fuzz import (campaign, coverage, crashes, document, engines, reasons, targets,  # noqa: E402 pylint: disable=wrong-import-position
                  totals)
from fuzz.campaign import Outcome, Place  # noqa: E402 pylint: disable=wrong-import-position

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
        exported = ("SF:/proc/self/cwd/src/base/a.cc\nDA:1,5\nDA:2,0\nend_of_record\n"
                    "SF:/proc/self/cwd/fuzz/b.cc\nDA:1,0\nend_of_record\n"
                    "SF:/x/tests/unit/hardening/d.cc\nDA:1,0\nend_of_record\n"
                    "SF:hardening/c.h\nDA:7,0\nDA:7,3\nDA:8,0\nend_of_record\n")
        files = coverage.parse(exported, "/x")
        self.assertEqual(files, {"src/base/a.cc": {1: 5, 2: 0}, "hardening/c.h": {7: 3, 8: 0}})
        self.assertEqual(coverage.share(files), 0.5)
        self.assertEqual(coverage.uncovered(files), [("hardening/c.h", 8), ("src/base/a.cc", 2)])

    def test_reasons(self):
        root = tempfile.mkdtemp(prefix="bartizan-fuzz-test-")
        self.addCleanup(shutil.rmtree, root)
        for name, text in (("fuzz/uncovered.toml", "[[lines]]\nfile = 'a.cc'\ntext = 'Abort'\nwhy = 'it ends'\n"),
                           ("a.cc", "one\n  Abort();\nthree\n")):
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.write(text)
        every = reasons.load(root)
        self.assertEqual(reasons.sort(root, [("a.cc", 2), ("a.cc", 3)], every), [("a.cc", 3, "three")])
        self.assertEqual((every[0].lines, every[0].why), ([2], "it ends"))


class SharedFolderTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bartizan-fuzz-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_instances_of_two_machines_have_other_names(self):
        names = {engines.instance_name(instance, host) for instance in (0, 1, 17)
                 for host in ("one", "two", "a.long.name.example.org", "a.long.name.example.com", "one.example", "one-example")}
        self.assertEqual(len(names), 18)
        for name in names:
            self.assertRegex(name, r"^[A-Za-z0-9_-]{1,32}$")  # what afl-fuzz takes

    def test_command_lines_of_two_machines_differ(self):
        target, place = targets.Target("large", 256), campaign.Place(self.folder)
        binaries = {"afl": "large_afl", "cmplog": "large_cmplog"}
        words = {}
        for host in ("one", "two"):
            with unittest.mock.patch("platform.node", return_value=host):
                words[host] = [engines.afl_words(binaries, target, place, 1, 0, "/", instance) for instance in (0, 1)]
                self.assertIn(f"{host}-main", words[host][0])
                self.assertIn(f"{host}-secondary1", words[host][1])

    def test_what_is_not_yet_sorted_is_of_one_machine(self):
        places = []
        for host in ("one", "two"):
            with unittest.mock.patch("platform.node", return_value=host):
                places.append(campaign.Place(self.folder))
        self.assertEqual(places[0].corpus, places[1].corpus)
        self.assertNotEqual(places[0].found, places[1].found)

    def test_minimising_leaves_what_came_meanwhile(self):
        corpus, smaller = os.path.join(self.folder, "corpus"), os.path.join(self.folder, "smaller")
        for folder, names in ((corpus, ("kept", "superfluous", "gone", "new of another")), (smaller, ("kept", "merged"))):
            os.mkdir(folder)
            for name in names:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(folder)
        os.remove(os.path.join(corpus, "gone"))  # the other machine minimises, too
        campaign.keep_only(corpus, ["kept", "superfluous", "gone"], smaller)
        self.assertEqual(sorted(os.listdir(corpus)), ["kept", "merged", "new of another"])


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

    def setUp(self):
        self.outcome = Outcome(targets.Target("large", 256), "afl", executions=72000, seconds=3600, edges=1700, inputs=9)

    def test_page(self):
        measured = document.Measured("def", 50.0, 96.04, ["//x:y"], [("src/a.cc", [2, 3, 4, 9], "it ends")],
                                     [("src/b.cc", 5, "text"), ("src/b.cc", 6, "text")])
        page = document.page([self.outcome], [], measured, "abc", "Linux")
        self.assertIn("| `large` | afl | 72,000 | 20 | 1,700 | 9 | 1.00 |", page)
        self.assertIn("72,000 executions in 1.0 hours of processors", page)
        self.assertIn("None is open.", page)
        self.assertIn("reach 50.0 percent, and these together with the tests 96.0 percent", page)
        self.assertIn("`//x:y`", page)
        self.assertIn("| `src/a.cc` | 2-4, 9 | it ends |", page)
        self.assertIn("| `src/b.cc` | 5-6 | no reason", page)

    def test_what_was_measured_last(self):
        folder = tempfile.mkdtemp(prefix="bartizan-fuzz-test-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "measured.json")
        self.assertIsNone(document.load(path))
        measured = document.Measured("def", 50.0, 96.0, [], [["src/a.cc", [2], "it ends"]], [])
        document.keep(measured, path)
        self.assertEqual(document.load(path), measured)

    def test_page_with_a_crash(self):
        page = document.page([self.outcome], [("large", "overlap-1234")], None, "abc", "Linux")
        self.assertIn("--replay=large/overlap-1234", page)
        self.assertNotIn("None is open.", page)

    def test_runs_add_up(self):
        place = Place(tempfile.mkdtemp(prefix="bartizan-fuzz-test-"))
        self.addCleanup(shutil.rmtree, place.folder)
        totals.add(place, self.outcome)
        totals.add(place, self.outcome)
        totals.add(place, Outcome(self.outcome.target, "libfuzzer", executions=5))
        both = totals.outcomes(self.outcome.target, place)
        self.assertEqual([(each.engine, each.executions, each.seconds) for each in both],
                         [("afl", 144000, 7200), ("libfuzzer", 5, 0.0)])


if __name__ == "__main__":
    unittest.main()
