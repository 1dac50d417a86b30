#!/usr/bin/env python3
"""bartizan bench from end to end, with a little of the real suite under the real libraries. No time is asserted."""

import json
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import CommandTest, built, environment  # noqa: E402

TOOL = os.path.realpath(built("tools/bench/bartizan-suite"))
MICRO = built("tools/bench/micro/bartizan-bench")
sys.path.insert(0, TOOL)

from bench import micro_works  # noqa: E402
from compare.measure import read_metric  # noqa: E402


class BenchTest(CommandTest):
    def bench(self, *words):
        return self.command("bench", *words, variables={"TMPDIR": self.folder}, stdin=subprocess.DEVNULL)

    def leftovers(self):
        return [name for name in os.listdir(self.folder) if name.startswith("bartizan-bench-")]


class Bench(BenchTest):
    def test_two_works(self):
        done = self.bench("--only=^(pair 16|mix 512)$", "--rounds=1", "--allocators=hardened,fast-static",
                          f"--out={self.path('results')}")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^pair 16: [\d.]+ ns, hardened [\d.]+, fast-static [\d.]+$")
        self.assertRegex(done.stdout, r"(?m)^(reached|missed) +hardened +mix 512: ")
        with open(self.path("results/performance.json"), encoding="utf-8") as file:
            found = json.load(file)
        self.assertEqual([each["name"] for each in found["allocators"]], ["glibc", "hardened", "fast-static"])
        for work in found["works"]:
            self.assertEqual((sorted(work["values"]), work["failures"]),
                             (["(null run)", "fast-static", "glibc", "hardened"], {}))
        with open(self.path("results/performance.md"), encoding="utf-8") as file:
            self.assertIn("\n## Goals\n", file.read())
        self.assertEqual(self.leftovers(), [])

    def test_a_program(self):
        done = self.bench("--quick", "--only=^lua$", "--rounds=1", "--allocators=hardened")
        if "left out: lua" in done.stderr:
            self.skipTest("lua5.4 is not installed")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^lua: [\d.]+ [mµ]?s, hardened [\d.]+$")
        self.assertIn("peak memory of programs", done.stdout)
        self.assertNotIn("Written", done.stdout)
        self.assertEqual(self.leftovers(), [])

    def test_wrong_use(self):
        for words, message in ((["--only=("], "no regular expression"), (["--rounds=0"], "a number from 1"),
                               (["--only=nothing has this name"], "finds no work"), (["--frobnicate"], "--frobnicate"),
                               (["--allocators=frobnicate", "--only=^pair"], "frobnicate")):
            done = self.bench(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(message, done.stderr)

    def test_a_library_that_is_not_there(self):
        done = self.bench("--allocators=mine=/nowhere/libmine.so", "--only=^pair")
        self.assertEqual(done.returncode, 125)
        self.assertIn("mine: /nowhere/libmine.so is missing", done.stderr)

    def test_help(self):
        done = self.command("help", "bench")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.startswith("usage: bartizan bench "), done.stdout)
        self.assertEqual(self.command("bench", "--help").stdout, done.stdout)


class MicroBenchmarks(BenchTest):
    def test_list_is_what_the_suite_consists_of(self):
        done = subprocess.run([MICRO, "--list"], stdout=subprocess.PIPE, text=True, check=True, env=environment())
        listed = [line.split("\t")[0] for line in done.stdout.splitlines()]
        self.assertEqual(sorted(listed), sorted(each.name for each in micro_works.MICRO))

    def test_every_figure_is_found_in_what_is_printed(self):
        done = subprocess.run([MICRO, "--all", "--minimal", "--seconds=0.001"], stdout=subprocess.PIPE, text=True,
                              check=True, env=environment())
        for each in micro_works.MICRO:
            for title, expression in each.work(MICRO, 1.0).figures.items():
                value, problem = read_metric(expression, done.stdout)
                self.assertEqual(problem, "", title)
                self.assertGreaterEqual(value, 0.0, title)

    def test_wrong_use(self):
        for words in ([], ["pair", "x"], ["pair", "16", "17"], ["frobnicate"], ["--seconds=0", "pair"],
                      ["--list", "pair"]):
            done = subprocess.run([MICRO, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertNotEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
