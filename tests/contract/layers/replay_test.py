#!/usr/bin/env python3
"""seed: what is drawn at random in one run is drawn in the next, in every profile; without it, or with another, it is not.

Distances between blocks are compared, not addresses: a mapping of somebody else may lie in the way of those.
"""

import os
import subprocess
import sys
import unittest

LIBRARY, PROGRAM = (os.path.abspath(path) for path in sys.argv[1:3])
del sys.argv[1:]

PROFILES = ("hardened", "strict", "debug", "debug:sample_side=alternate:sample_budget=1m")


def drawn(options, *arguments):
    """What each process drew: parent, first and second child."""
    environment = dict(os.environ, LD_PRELOAD=LIBRARY, BARTIZAN_OPTIONS=options)
    output = subprocess.run([PROGRAM, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[0]: line.split()[1:] for line in output.splitlines()}


class Replay(unittest.TestCase):

    def test_the_same_seed_draws_the_same(self):
        for profile in PROFILES:
            options = f"profile={profile}:seed=42"
            self.assertEqual(drawn(options), drawn(options), profile)
            self.assertEqual(drawn(options, "thread"), drawn(options, "thread"), profile)

    def test_time_that_passes_changes_nothing(self):
        for profile in PROFILES[:3]:
            options = f"profile={profile}:seed=42:decay=8"
            self.assertEqual(drawn(options), drawn(options, "slowly"), profile)

    def test_children_differ_from_the_parent_and_from_each_other(self):
        found = drawn("profile=hardened:seed=42")
        self.assertEqual(set(found), {"parent", "first", "second"})
        self.assertEqual(len({tuple(words) for words in found.values()}), 3)

    def test_other_seeds_draw_otherwise(self):
        # Of blocks with pages of their own, each lies behind the one before.
        for profile in PROFILES[:2]:
            found = [drawn(f"profile={profile}:seed={seed}")["parent"] for seed in (1, 2, 2**53 - 1, 0, 0)]
            self.assertEqual(len({tuple(words) for words in found}), len(found), profile)

    def test_secrets_follow_from_it_too(self):
        options = "profile=hardened:sampling=off:seed="
        self.assertEqual(drawn(options + "3", "canary"), drawn(options + "3", "canary"))
        self.assertNotEqual(drawn(options + "3", "canary"), drawn(options + "4", "canary"))


if __name__ == "__main__":
    unittest.main()
