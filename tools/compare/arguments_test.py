#!/usr/bin/env python3
"""What the words behind the command mean, and the names of allocators."""

import json
import os
import sys
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from compare import allocators, arguments  # noqa: E402
from compare.allocators import Layer, UnknownAllocator  # noqa: E402
from compare.invented import CATALOGUE  # noqa: E402


class Parse(unittest.TestCase):
    def test_flags_end_at_the_program(self):
        found = arguments.parse(["--rounds=3", "--layers", "--report", "r.html", "prog", "--rounds=9", "--", "x"])
        self.assertEqual((found.rounds, found.layers, found.report), (3, True, "r.html"))
        self.assertEqual(found.program, ("prog", "--rounds=9", "--", "x"))

    def test_two_dashes_end_flags(self):
        self.assertEqual(arguments.parse(["--", "--prog", "--", "x"]).program, ("--prog", "--", "x"))

    def test_json_takes_a_file_only_behind_an_equals_sign(self):
        found = arguments.parse(["--json", "prog"])
        self.assertEqual((found.json, found.program), ("-", ("prog",)))
        self.assertEqual(arguments.parse(["--json=f", "prog"]).json, "f")

    def test_all_of_them(self):
        words = ["--allocators=a,b", "--base=x", "--profile=strict", "--metric=(.)", "--higher-is-better", "--load=l l",
                 "--ready=r", "--timeout=2.5", "--library=/l", "--command=/c", "prog"]
        found = arguments.parse(words)
        self.assertEqual((found.allocators, found.base, found.profile, found.metric, found.higher_is_better, found.load,
                          found.ready, found.timeout, found.library, found.command),
                         ("a,b", "x", "strict", "(.)", True, "l l", "r", 2.5, "/l", "/c"))

    def test_help(self):
        self.assertTrue(arguments.parse(["--rounds=3", "--help", "--nonsense"]).help)
        self.assertTrue(arguments.parse(["-h"]).help)
        self.assertFalse(arguments.parse(["prog", "--help"]).help)
        text = arguments.help_text()
        self.assertTrue(text.startswith("usage: bartizan compare"))
        for flag in arguments.FLAGS:
            self.assertIn(f"  --{flag.name}", text)
        self.assertNotIn("--command", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 125)

    def test_wrong_use(self):
        for words, message in (
                ([], "which program?\nTry: bartizan compare -- PROGRAM [ARGS]"),
                (["--layers", "--"], "which program?\nTry: bartizan compare -- PROGRAM [ARGS]"),
                (["--round=3", "p"], "unknown flag '--round'; did you mean '--rounds'?"),
                (["--frobnicate", "p"], "unknown flag '--frobnicate'"),
                (["-x", "p"], "unknown flag '-x'"),
                (["--rounds"], "--rounds needs a value"),
                (["--report=", "p"], "--report needs a value"),
                (["--layers=3", "p"], "--layers takes no value"),
                (["--rounds=0", "p"], "--rounds=0: expected a number from 1 to 10000"),
                (["--rounds=x", "p"], "--rounds=x: expected a number from 1 to 10000"),
                (["--timeout=-1", "p"], "--timeout=-1: expected seconds, such as 600"),
                (["--timeout=nan", "p"], "--timeout=nan: expected seconds, such as 600"),
                (["--profile=x", "p"], "--profile=x: expected fast, hardened, strict"),
                (["--metric=(", "p"],
                 "--metric=(: no regular expression: missing ), unterminated subpattern at position 0"),
                (["--higher-is-better", "p"],
                 "--higher-is-better says something of --metric; without it time is measured"),
                (["--ready=x", "p"], "--ready is for servers; say with --load what to do with it"),
                (["--layers", "--profile=fast", "p"], "--layers --profile=fast: this profile has no layers")):
            with self.assertRaises(arguments.WrongUse, msg=words) as raised:
                arguments.parse(words)
            self.assertEqual(str(raised.exception), message)


class Names(unittest.TestCase):
    def options(self, name):
        return CATALOGUE.find(name).variables["BARTIZAN_OPTIONS"]

    def test_profiles_and_layers(self):
        self.assertEqual(self.options("strict"), "profile=strict")
        self.assertEqual(self.options("hardened-zero_on_free"), "profile=hardened:zero_on_free=off")
        self.assertEqual(self.options("fast+reuse_check"), "profile=fast:zero_on_free=on:reuse_check=on")
        self.assertEqual(self.options("fast+origin_check-reuse_check"), "profile=fast:origin_check=on:reuse_check=off")

    def test_libraries(self):
        self.assertEqual(CATALOGUE.find("fast").library, "/lib/libbartizan.so")
        self.assertEqual(CATALOGUE.find("fast-static").library, "/lib/libbartizan-fast.so")
        self.assertTrue(CATALOGUE.find("glibc").library.endswith("/libc.so.6"))
        self.assertEqual(CATALOGUE.find("own").library, "")
        self.assertEqual(CATALOGUE.find("mine=/some/a=b.so").library, "/some/a=b.so")
        self.assertIn("zero_contents=1", CATALOGUE.find("scudo-hard").variables["SCUDO_OPTIONS"])

    def test_unknown_names(self):
        for name, part in (("hardend", "'hardend' is no allocator; known: fast, hardened, strict, fast-static, glibc"),
                           ("glibc+canaries", "is no allocator"), ("", "is no allocator"),
                           ("fast+canary", "'canary' is no layer; known: zero_on_free, reuse_check, origin_check"),
                           ("fast+", "'' is no layer"), ("=x.so", "expected NAME=path.so"),
                           ("x=", "expected NAME=path.so"),
                           ("glibc=x.so", "glibc has a meaning already")):
            with self.assertRaises(UnknownAllocator, msg=name) as raised:
                CATALOGUE.find(name)
            self.assertIn(part, str(raised.exception))

    def test_each_layer(self):
        self.assertEqual([each.name for each in CATALOGUE.one_off("hardened")],
                         ["hardened-zero_on_free", "hardened-reuse_check"])
        self.assertEqual([each.name for each in CATALOGUE.each_alone("strict")],
                         ["fast+zero_on_free", "fast+reuse_check", "fast+origin_check"])

    def test_layers_are_read_from_the_command(self):
        rows = [{"name": "a", "layer": True, "needs": ["b"],
                 "defaults": {"fast": 0, "hardened": 16384, "strict": True}},
                {"name": "c", "layer": False, "needs": [], "defaults": {}}]
        with mock.patch("subprocess.run", return_value=mock.Mock(stdout=json.dumps(rows))):
            self.assertEqual(allocators.read_layers("x"), [Layer("a", ("b",), ("hardened", "strict"))])


if __name__ == "__main__":
    unittest.main()
