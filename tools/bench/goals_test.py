#!/usr/bin/env python3
"""How far goals are reached, with invented records."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from bench import figures, goals  # noqa: E402
from bench.record import Figures, Record  # noqa: E402


def work(name, kind="program", unit="s", **rest):
    """`values` by allocator: one number is that number in each of two rounds."""
    values = {each: value if isinstance(value, list) else [value] * 2 for each, value in rest.pop("values").items()}
    return Figures(name, kind, unit, values=values, **rest)


def record(*works):
    return Record("full", "glibc", 2, works=list(works))


class Slowness(unittest.TestCase):
    def test_is_the_median_of_the_rounds_ratios(self):
        found = work("w", values={"a": [2.0, 30.0, 4.0], "b": [1.0, 10.0, 4.0]})
        self.assertEqual(found.slowness("a", "b"), 2.0)

    def test_of_throughput_is_turned_round(self):
        found = work("w", "server", "1/s", higher_is_better=True, values={"a": 50.0, "b": 100.0})
        self.assertEqual(found.slowness("a", "b"), 2.0)

    def test_rounds_in_which_one_failed_do_not_count(self):
        found = work("w", values={"a": [None, 3.0], "b": [1.0, 1.0]})
        self.assertEqual(found.slowness("a", "b"), 3.0)

    def test_is_unknown_without_a_common_round(self):
        self.assertIsNone(work("w", values={"a": [None, 3.0], "b": [1.0, None]}).slowness("a", "b"))
        self.assertIsNone(work("w", values={"a": 1.0}).slowness("a", "b"))


class Reaching(unittest.TestCase):
    def reach(self, function, *works, limit=1.0):
        return function(record(*works), limit)

    def test_mean_leaves_out_controls_and_what_is_not_known(self):
        works = [work("p", values={"x": 2.0, "glibc": 1.0}), work("q", values={"x": 0.5, "glibc": 1.0}),
                 work("xz", control=True, values={"x": 9.0, "glibc": 1.0}), work("r", values={"glibc": 1.0})]
        reached = self.reach(figures.mean(figures.programs, "x"), *works)
        self.assertAlmostEqual(reached.value, 1.0)
        self.assertEqual(reached.note, "of 2")

    def test_largest_names_what_is_above_the_limit(self):
        works = [work(name, values={"x": value, "glibc": 1.0}) for name, value in (("p", 1.2), ("q", 1.5), ("r", 0.9))]
        reached = self.reach(figures.largest(figures.programs, "x"), *works, limit=1.1)
        self.assertEqual((reached.value, reached.note), (1.5, "q of 3; 2 above: q 1.50, p 1.20"))

    def test_nothing_measured(self):
        for function in (figures.mean(figures.programs, "x"), figures.largest(figures.programs, "x"),
                         figures.least_throughput(figures.servers, "x"), figures.memory_mean(figures.programs, "x"),
                         figures.mean_to_best_peer(figures.programs, "x"), figures.milliseconds_more("start", "x"),
                         figures.largest_to_best_peer(figures.programs, "x"), figures.kibibytes("idle", "x"),
                         figures.most_to_first(("a", "b"), "x"), figures.least_to_first(("a", "b"), "x")):
            self.assertIsNone(self.reach(function))

    def test_throughput(self):
        works = [work("s", "server", values={"x": 1.25, "glibc": 1.0}),
                 work("t", "server", "1/s", higher_is_better=True, values={"x": 99.0, "glibc": 100.0})]
        reached = self.reach(figures.least_throughput(figures.servers, "x"), *works)
        self.assertAlmostEqual(reached.value, 0.8)
        self.assertEqual(reached.note, "s 0.80, t 0.99")

    def test_memory(self):
        works = [work("p", values={}, memory={"x": 400, "glibc": 100}),
                 work("q", values={}, memory={"x": 100, "glibc": 100})]
        self.assertAlmostEqual(self.reach(figures.memory_mean(figures.programs, "x"), *works).value, 2.0)
        self.assertEqual(self.reach(figures.memory_largest(figures.programs, "x"), *works).value, 4.0)

    def test_best_peer_by_mean_and_by_work(self):
        works = [work("p", values={"x": 1.0, "glibc": 1.0, "jemalloc": 0.5}),
                 work("q", values={"x": 1.0, "glibc": 1.0, "jemalloc": 4.0})]
        reached = self.reach(figures.mean_to_best_peer(figures.programs, "x"), *works)
        self.assertEqual((reached.value, reached.note), (1.0, "of glibc's"))
        self.assertEqual(self.reach(figures.largest_to_best_peer(figures.programs, "x"), *works).value, 2.0)

    def test_milliseconds(self):
        found = work("start", "micro", "ns", values={"x": 1.5e6, "glibc": 1e6})
        self.assertAlmostEqual(self.reach(figures.milliseconds_more("start", "x"), found).value, 0.5)

    def test_growth_is_that_of_medians(self):
        works = [work(name, "micro", "ns", values={"x": value})
                 for name, value in (("a", 10.0), ("b", 15.0), ("c", 5.0))]
        self.assertEqual(self.reach(figures.most_to_first(("a", "b", "c"), "x"), *works).value, 1.5)
        self.assertAlmostEqual(self.reach(figures.least_to_first(("a", "b", "c"), "x"), *works).value, 1 / 1.5)


class Table(unittest.TestCase):
    def test_limits(self):
        most = goals.Goal("p", "w", 1.0, None)
        least = goals.Goal("p", "w", 0.98, None, at_least=True)
        self.assertEqual([most.is_reached(value) for value in (0.9, 1.0, 1.01)], [True, True, False])
        self.assertEqual([least.is_reached(value) for value in (0.97, 0.98, 1.0)], [False, True, True])
        self.assertEqual((most.wanted(), least.wanted()), ("at most 1", "at least 0.98"))

    def test_verdicts(self):
        table = (goals.Goal("p", "a", 1.0, lambda record, limit: figures.Reached(0.5)),
                 goals.Goal("p", "b", 1.0, lambda record, limit: figures.Reached(1.5)),
                 goals.Goal("p", "c", 1.0, lambda record, limit: None))
        self.assertEqual([verdict.text() for verdict in goals.evaluate(record(), table)],
                         ["reached", "missed", "not measured"])

    def test_every_goal_is_answered_by_the_full_suite(self):
        from bench import suite  # pylint: disable=import-outside-toplevel
        works = []
        for item in suite.program_items(suite.FULL) + suite.micro_items(suite.FULL, "bartizan-bench"):
            for title in item.titles or (item.name,):
                names = [name for name in suite.FULL.allocators
                         if not item.ours_only or name in (*suite.OURS, suite.BASE)]
                works.append(work(title, item.kind, item.unit, small_blocks=item.small_blocks, control=item.control,
                                  timed=item.timed, values=dict.fromkeys(names, 1.0), memory=dict.fromkeys(names, 1)))
        unanswered = [(verdict.goal.profile, verdict.goal.what) for verdict in goals.evaluate(record(*works))
                      if verdict.reached is None]
        # Nobody builds the library that it asks for.
        self.assertEqual(unanswered, [("hardened", "programs, to the static composition, geometric mean")])


if __name__ == "__main__":
    unittest.main()
