#!/usr/bin/env python3
"""Tests of what `bartizan fuzz --exhaustive` makes of the counts of its processes."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from fuzz import exhaustive  # noqa: E402 pylint: disable=wrong-import-position

PLAYED = """verdict 1 clean 3
verdict 2 harmless 30
broken fast:small,free0,again0 the free of a pointer to no live block was accepted
report 7 double free
harm 2 medium,medium,byte0 a live block was overwritten
played 40
end complete
"""


class ExhaustiveTest(unittest.TestCase):

    def tally(self, *outputs):
        tally = exhaustive.Tally()
        for output in outputs:
            tally.read(output)
        return tally

    def test_parts_add_up(self):
        other = "verdict 2 harmless 3\nharm 5 small,byte0 a live block was overwritten\nplayed 2\nend interrupted\n"
        tally = self.tally(PLAYED, other)
        self.assertEqual((tally.programs, tally.count("harmless"), tally.played, tally.shards), (36, 33, 42, 1))
        self.assertEqual(tally.harms, {"a live block was overwritten": (7, "small,byte0")})
        self.assertEqual(tally.broken, [("fast:small,free0,again0", "the free of a pointer to no live block was accepted")])

    def test_every_verdict_has_a_meaning(self):
        for words in exhaustive.VERDICTS.values():
            self.assertIn(f"**{words}**", exhaustive.MEANINGS)

    def test_page(self):
        page = exhaustive.page({"fast": self.tally(PLAYED)}, 2, 60, 2, "abc", "Linux")
        self.assertIn("3 of 1, 30 of 2", page)
        self.assertIn("| fast | 33 | 3 | 0 |", page)
        self.assertIn("--replay=exhaustive/fast:small,free0,again0", page)
        self.assertNotIn("None was broken.", page)
        self.assertIn("None was broken.", exhaustive.page({"fast": self.tally(PLAYED.replace("broken", "other"))}, 2, 60, 2, "", ""))


if __name__ == "__main__":
    unittest.main()
