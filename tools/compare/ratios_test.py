#!/usr/bin/env python3
"""Ratios and intervals against known values."""

import math
import os
import random
import statistics
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from compare import measures, ratios  # noqa: E402
from compare.measure import Run, Work  # noqa: E402
from compare.rounds import NULL_RUN, Round, WorkResult  # noqa: E402

WALL = measures.WALL.of


def result(**walls):
    """Rounds in which each allocator took these times; `null` is the base's second."""
    names = {"null": NULL_RUN}
    count = len(next(iter(walls.values())))
    rounds = [Round({names.get(name, name): Run(wall=values[number]) for name, values in walls.items()
                     if values[number] is not None}) for number in range(count)]
    return WorkResult(Work("w", ("w",)), rounds)


class Bootstrap(unittest.TestCase):
    def test_equal_values_leave_no_doubt(self):
        self.assertEqual(ratios.bootstrap([1.5] * 10), ratios.Ratio(1.5, 1.5, 1.5, 10))

    def test_few_rounds_give_their_extremes(self):
        self.assertEqual(ratios.bootstrap([1.0, 3.0, 2.0]), ratios.Ratio(2.0, 1.0, 3.0, 3))
        self.assertEqual(ratios.bootstrap([5.0, 1.0, 2.0, 3.0, 4.0]), ratios.Ratio(3.0, 1.0, 5.0, 5))

    def test_the_same_values_give_the_same_interval(self):
        values = [random.Random(1).gauss(1, 0.1) for _ in range(20)]
        self.assertEqual(ratios.bootstrap(values), ratios.bootstrap(list(values)))

    def test_interval_is_that_of_the_median(self):
        # The median of resampled 1..101 has the standard error 1.2533 * s / sqrt(n) = 3.65 in the normal approximation.
        found = ratios.bootstrap([float(value) for value in range(1, 102)])
        self.assertEqual(found.median, 51)
        half = 1.96 * 1.2533 * statistics.stdev(range(1, 102)) / math.sqrt(101)
        self.assertAlmostEqual(found.low, 51 - half, delta=4)
        self.assertAlmostEqual(found.high, 51 + half, delta=4)

    def test_interval_encloses_the_truth_nearly_always(self):
        source = random.Random(7)
        hits = 0
        for _ in range(100):
            found = ratios.bootstrap([source.gauss(1.0, 0.05) for _ in range(15)])
            hits += found.low <= 1.0 <= found.high
        self.assertGreaterEqual(hits, 88)

    def test_one_outlier_does_not_move_it(self):
        found = ratios.bootstrap([1.0] * 19 + [50.0])
        self.assertEqual((found.median, found.low, found.high), (1.0, 1.0, 1.0))


class OfRounds(unittest.TestCase):
    def test_ratios_are_taken_within_rounds(self):
        # The machine became ten times slower in the middle; the ratio did not.
        found = ratios.ratio(result(base=[1, 1, 1, 10, 10, 10], other=[2, 2, 2, 20, 20, 20]), "other", "base", WALL)
        self.assertEqual(found, ratios.Ratio(2, 2, 2, 6))

    def test_rounds_without_one_of_them_tell_nothing(self):
        made = result(base=[1, 1, None, 1], other=[2, None, 2, 4])
        self.assertEqual(ratios.ratio(made, "other", "base", WALL), ratios.Ratio(3, 2, 4, 2))
        self.assertIsNone(ratios.ratio(made, "nobody", "base", WALL))

    def test_nothing_is_a_multiple_of_nothing(self):
        self.assertIsNone(ratios.ratio(result(base=[0, 0], other=[1, 1]), "other", "base", WALL))

    def test_what_is_not_known_is_left_out(self):
        made = result(base=[1, 1], other=[2, 2])
        self.assertIsNone(ratios.ratio(made, "other", "base", lambda run: run.metric))
        self.assertEqual(ratios.values_of(made, "other", lambda run: run.metric), [])

    def test_geometric_mean(self):
        self.assertAlmostEqual(ratios.geometric_mean([0.5, 2.0]), 1.0)
        self.assertAlmostEqual(ratios.geometric_mean([1.0, 8.0, 27.0]), 6.0)


class Claims(unittest.TestCase):
    def test_noise_is_what_the_base_differs_from_itself(self):
        made = result(base=[1.0] * 8, null=[0.97] * 8)
        self.assertAlmostEqual(ratios.noise(made, "base", WALL), 0.03)
        made = result(base=[1.0] * 8, null=[0.99, 1.04] * 4)
        self.assertAlmostEqual(ratios.noise(made, "base", WALL), 0.04)

    def test_noise_is_unknown_from_few_rounds(self):
        self.assertIsNone(ratios.noise(result(base=[1.0] * 5, null=[1.0] * 5), "base", WALL))
        self.assertIsNone(ratios.noise(result(base=[1.0] * 8), "base", WALL))

    def test_a_difference_is_claimed_above_noise_only(self):
        found = ratios.Ratio(1.05, 1.04, 1.06, 10)
        self.assertTrue(found.is_different(0.04))
        self.assertFalse(found.is_different(0.06))
        self.assertTrue(ratios.Ratio(0.9, 0.88, 0.95, 10).is_different(0.04))

    def test_no_difference_is_claimed_when_the_interval_holds_one(self):
        self.assertFalse(ratios.Ratio(1.2, 0.99, 1.4, 10).is_different(0.01))

    def test_no_difference_is_claimed_from_few_rounds(self):
        self.assertFalse(ratios.Ratio(1.2, 1.1, 1.3, 5).is_different(0.01))


if __name__ == "__main__":
    unittest.main()
