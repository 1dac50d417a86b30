#!/usr/bin/env python3
"""In which order allocators are run, and what becomes of disturbed rounds and of failures: with invented runs."""

import os
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from compare import measure, rounds  # noqa: E402
from compare.allocators import Allocator  # noqa: E402
from compare.measure import Memory, Run, Work  # noqa: E402
from compare.rounds import NULL_RUN  # noqa: E402


class Order(unittest.TestCase):
    def test_forwards_then_backwards_then_turned(self):
        self.assertEqual([rounds.order_of(list("abc"), number) for number in range(6)],
                         [list("abc"), list("cba"), list("bca"), list("acb"), list("cab"), list("bac")])

    def test_everybody_is_first_and_last_equally_often(self):
        names = list("abcd")
        orders = [rounds.order_of(names, number) for number in range(8)]
        for name in names:
            self.assertEqual([order[0] for order in orders].count(name), 2)
            self.assertEqual([order[-1] for order in orders].count(name), 2)


class Compare(unittest.TestCase):
    """`run` and `watch` stand for the real ones; `calls` has the names in order, the null run as the base's."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.calls = []
        self.run = lambda name: Run(wall=1.0)
        self.watch = lambda name: Memory(peak=1)
        self.texts = []
        for target, attribute in (("run_once", "run"), ("watch_once", "watch")):
            patch = mock.patch.object(measure, target, self.stand_in(attribute))
            patch.start()
            self.addCleanup(patch.stop)

    def stand_in(self, attribute):
        def call(work, allocator, output):
            with open(output, "w", encoding="utf-8") as file:
                file.write("said")
            if attribute == "run":
                self.calls.append(allocator.name)
            return getattr(self, attribute)(allocator.name)
        return call

    def compare(self, wanted=2, names="ab", **named):
        results = rounds.compare([Work("w", ("w",))], [Allocator(name) for name in names], wanted, names[0],
                                 lambda text, share: self.texts.append((text, share)), self.folder, **named)
        return results, results.works[0]

    def test_the_warm_up_is_dropped_and_rounds_interleave(self):
        _, result = self.compare(3)
        # The base, its null run in the middle, the other: a a b, then backwards, then beginning with the null run.
        self.assertEqual(self.calls, list("aab") + list("aab") + list("baa") + list("aba"))
        self.assertEqual(len(result.rounds), 3)
        self.assertEqual(list(result.rounds[0].runs), ["a", NULL_RUN, "b"])
        self.assertEqual(list(result.rounds[1].runs), ["b", NULL_RUN, "a"])

    def test_memory_is_the_most_of_its_runs(self):
        peaks = iter([5, 6, 9, 2])
        self.watch = lambda name: Memory(peak=next(peaks))
        _, result = self.compare(memory_rounds=2)
        self.assertEqual({name: memory.peak for name, memory in result.memory.items()}, {"a": 9, "b": 6})

    def test_a_disturbed_round_is_repeated_in_the_same_order(self):
        numbers = iter(range(100))
        self.run = lambda name: Run(wall=1.0, others=0.5 if next(numbers) == 4 else 0.0)
        _, result = self.compare(2)
        self.assertEqual(self.calls, list("aab") + list("aab") + list("aab") + list("baa"))
        self.assertEqual((len(result.rounds), len(result.disturbed), result.used_although_disturbed), (2, 1, 0))

    def test_when_others_never_cease_the_least_disturbed_rounds_count(self):
        shares = iter([0] * 3 + [0.5] * 3 + [0.9] * 3 + [0.2] * 3 + [0.7] * 3)
        self.run = lambda name: Run(wall=1.0, others=next(shares))
        _, result = self.compare(2)
        self.assertEqual([each.others() for each in result.rounds], [0.2, 0.5])
        self.assertEqual([each.others() for each in result.disturbed], [0.7, 0.9])
        self.assertEqual(result.used_although_disturbed, 2)

    def test_one_busy_run_disturbs_a_round(self):
        self.assertEqual(rounds.Round({"a": Run(others=0.01), "b": Run(others=0.3)}).others(), 0.3)
        self.assertEqual(rounds.Round({}).others(), 0.0)

    def test_who_fails_is_left_out_and_the_others_go_on(self):
        self.run = lambda name: Run(failure="exit status 3") if name == "b" else Run(wall=1.0)
        _, result = self.compare(2, "abc")
        self.assertEqual(set(result.failures), {"b"})
        path = os.path.join(self.folder, "w-b.out")
        self.assertEqual(result.failures["b"], f"exit status 3; its output ends with 'said': {path}")
        self.assertEqual(result.kept, [path])
        self.assertEqual(self.calls.count("b"), 1)
        self.assertEqual([set(each.runs) for each in result.rounds], [{"a", NULL_RUN, "c"}] * 2)

    def test_who_fails_late_keeps_its_rounds(self):
        self.run = lambda name: Run(failure="late") if self.calls.count("b") == 3 and name == "b" else Run(wall=1.0)
        _, result = self.compare(3, "abc")
        self.assertEqual([("b" in each.runs) for each in result.rounds], [True, False, False])

    def test_without_the_base_there_is_no_point(self):
        self.watch = lambda name: Memory(failure="exit status 1") if name == "a" else Memory(peak=1)
        _, result = self.compare(2)
        self.assertEqual(set(result.failures), {"a", NULL_RUN})
        self.assertEqual(result.rounds, [])
        self.assertNotIn("a", self.calls)

    def test_a_library_that_is_not_loaded_is_a_failure(self):
        self.watch = lambda name: Memory(peak=1, preloaded=name != "b")
        _, result = self.compare(2, "abc")
        self.assertIn("statically linked", result.failures["b"])

    def test_an_interrupt_keeps_what_there_is(self):
        def run(_name):
            if len(self.calls) == 8:
                raise KeyboardInterrupt
            return Run(wall=1.0, others=share)
        self.run = run
        for share in (0.0, 0.5):
            self.calls.clear()
            results, result = self.compare(5)
            self.assertTrue(results.interrupted)
            self.assertEqual((len(result.rounds), result.used_although_disturbed), (1, int(share > 0)))

    def test_progress_rises_from_nothing_to_nearly_all(self):
        self.compare(4)
        shares = [share for _, share in self.texts]
        self.assertEqual(shares, sorted(shares))
        self.assertEqual(shares[0], 0)
        self.assertLess(shares[-1], 1)
        self.assertEqual(self.texts[0][0], "memory, a")
        self.assertIn("round 4 of 4, a against itself", dict(self.texts))

    def test_names_make_file_names(self):
        allocator = Allocator("b/../c")
        rounds.compare([Work("w", ("w",))], [Allocator("a"), allocator], 1, "a", lambda *_: None, self.folder)
        self.assertEqual(sorted(os.listdir(self.folder)), ["w-_null_run_.out", "w-a.out", "w-b_.._c.out"])


if __name__ == "__main__":
    unittest.main()
