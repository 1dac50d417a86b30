#!/usr/bin/env python3
"""The suite from its inputs to its document, with invented works that say what they took: no time is asserted."""

import os
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from bench import command, document, generate, goals, micro_works, record, suite  # noqa: E402
from bench.figures import Reached  # noqa: E402
from bench.workshop import CannotPrepare  # noqa: E402
from compare.allocators import Allocator  # noqa: E402
from compare.measure import Work, read_metric  # noqa: E402

# Says 5 or 10 and, in the second figure, 7, as its allocator's variable wants.
_MICRO = 'echo "invented 1 first: $SAYS.0 ns"; echo "invented 1 first.9: 7.00 ns"'
_ALLOCATORS = [Allocator("glibc", variables={"SAYS": "5"}),
               Allocator("other", variables={"SAYS": "10"}, note="invented")]
_FORM = suite.Form("tiny", 2, 0.001, ("glibc", "other"), True)


def micro_item():
    each = micro_works.Micro("invented 1", ("first", "first.9"))
    expressions = each.work("", 1.0).figures
    return suite.Item("invented", "micro", lambda shop: Work(
        "invented", ("/bin/sh", "-c", _MICRO), metric=expressions["invented 1 first"], figures=expressions),
                      0.1, tuple(each.titles()), "ns")


def program_item(name="program", script="exit 0", **rest):
    return suite.Item(name, "program", lambda shop: Work(name, ("/bin/sh", "-c", script)), 0.1, **rest)


class SuiteTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.progress = []
        # Otherwise rounds are repeated when the machine is busy.
        patch = mock.patch("compare.machine.share_of_others", return_value=0.0)
        patch.start()
        self.addCleanup(patch.stop)

    def run_suite(self, *items, allocators=_ALLOCATORS):
        return suite.Runner(_FORM, allocators, self.folder, lambda words, share: self.progress.append(share)).run(items)


class Running(SuiteTest):
    def test_two_works_to_the_document(self):
        found = self.run_suite(micro_item(), program_item())
        self.assertEqual([work.name for work in found.works], ["invented 1 first", "invented 1 first.9", "program"])
        self.assertEqual(found.find("invented 1 first").values["other"], [10.0, 10.0])
        self.assertEqual(found.find("invented 1 first").slowness("other", "glibc"), 2.0)
        self.assertEqual(found.find("invented 1 first.9").slowness("other", "glibc"), 1.0)
        self.assertGreater(found.find("program").memory["other"], 0)
        self.assertEqual(found.find("program").unit, "s")
        self.assertFalse(found.interrupted)
        self.assertTrue(all(0 <= share <= 1 for share in self.progress))
        self.assertEqual(self.progress, sorted(self.progress))

        table = (goals.Goal("other", "invented", 1.0, lambda record, limit: Reached(
            record.find("invented 1 first").slowness("other", "glibc"))),)
        page = document.page(record.from_json(found.to_json()), table)
        self.assertIn("| `other` | invented | at most 1 | 2.00 | **missed: 2.00** |", page)
        self.assertIn("| invented 1 first | 5 ns | 2.00 |", page)
        self.assertIn("| other | - | invented |", page)
        self.assertRegex(page, r"(?m)^\| program \| \d")

    def test_failures_are_kept_without_paths(self):
        found = self.run_suite(program_item(script='echo some/file: no; test "$SAYS" = 5'))
        self.assertEqual(found.works[0].failures, {"other": "exit status 1"})
        page = document.page(found)
        self.assertIn("- program under other: exit status 1\n", page)
        self.assertNotIn(self.folder, page)

    def test_what_is_missing_is_left_out(self):
        def broken(shop):
            raise CannotPrepare("no disk")
        found = self.run_suite(program_item("absent", missing=("some-package",)),
                               suite.Item("broken", "program", broken, 1.0))
        self.assertEqual(found.works, [])
        self.assertEqual(found.missing, ["absent: some-package", "broken: no disk"])
        self.assertIn("absent: some-package; broken: no disk.", document.page(found))

    def test_an_interrupt_keeps_what_is_there(self):
        def interrupt(shop):
            raise KeyboardInterrupt
        found = self.run_suite(program_item(), suite.Item("later", "program", interrupt, 1.0), program_item("never"))
        self.assertTrue(found.interrupted)
        self.assertEqual([work.name for work in found.works], ["program"])
        self.assertIn("**Interrupted**", document.page(found))

    def test_an_interrupt_within_a_work(self):
        with mock.patch("compare.measure.run_once", side_effect=KeyboardInterrupt):
            found = self.run_suite(program_item(), program_item("never"))
        self.assertTrue(found.interrupted)
        self.assertEqual([work.name for work in found.works if work.name == "never"], [])

    def test_scaling_runs_under_ours_and_the_base_only(self):
        found = self.run_suite(program_item(ours_only=True), program_item("all"),
                               allocators=[*_ALLOCATORS, Allocator("fast")])
        self.assertEqual([name in found.find("program").values for name in ("glibc", "fast", "other")],
                         [True, True, False])
        self.assertIn("other", found.find("all").values)

    def test_libraries_of_the_system_are_not_copied(self):
        system = Allocator("glibc", "/usr/lib/x86_64-linux-gnu/libc.so.6")
        self.assertEqual(suite.Runner(_FORM, [system, Allocator("own")], self.folder, None).allocators,
                         [system, Allocator("own")])

    def test_libraries_are_copied_where_others_can_read_them(self):
        private = os.path.join(self.folder, "private")
        allocators = []
        for number, text in enumerate(("one", "two")):
            path = os.path.join(private, str(number), "libsame.so")
            os.makedirs(os.path.dirname(path), mode=0o700)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, 0o600)
            allocators.append(Allocator(text, path))
        copies = [each.library for each in suite.Runner(_FORM, allocators, self.folder, None).allocators]
        for path, text in zip(copies, ("one", "two")):
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), text)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o755)
            self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o777, 0o755)


class Records(unittest.TestCase):
    def test_what_is_no_record(self):
        for text in ("", "[]", "{}", '{"format": 0}', '{"format": 1}', '{"format": 1, "works": [{"x": 1}]}'):
            with self.assertRaises(record.NoRecord, msg=text):
                record.from_json(text)


class MicroWorks(unittest.TestCase):
    def test_expressions_find_their_own_lines_only(self):
        output = "single 1 malloc p99.9: 9.00 ns\nsingle 1 malloc p99: 8.00 ns\nsingle 16 malloc p99: 7.00 ns\n"
        work = micro_works.Micro("single 1", ("malloc p99", "malloc p99.9")).work("program", 0.5)
        found = {name: read_metric(expression, output) for name, expression in work.figures.items()}
        self.assertEqual(found, {"single 1 malloc p99": (8.0, ""), "single 1 malloc p99.9": (9.0, "")})
        self.assertEqual(work.argv, ("program", "single", "1", "--seconds=0.5"))

    def test_units_must_agree(self):
        work = micro_works.Micro("idle 1", unit="bytes").work("program", 0.5)
        self.assertEqual(read_metric(work.metric, "idle 1: 5.00 bytes")[0], 5.0)
        self.assertIsNone(read_metric(work.metric, "idle 1: 5.00 ns")[0])

    def test_names_are_told_apart(self):
        titles = [title for each in micro_works.MICRO for title in each.titles()]
        self.assertEqual(len(titles), len(set(titles)))


class Inputs(unittest.TestCase):
    def test_are_the_same_each_time(self):
        for make in (generate.text, generate.rows, generate.formulas, generate.history):
            first = make(20)
            self.assertEqual(first, make(20))
            self.assertGreater(len(make(40)), len(first))


class Command(SuiteTest):
    def test_part_of_the_suite_does_not_replace_the_results(self):
        parse = command.parser().parse_args
        os.makedirs(os.path.join(self.folder, "docs", "results"))
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)
        with self.assertRaisesRegex(command.Refusal, "--out"):
            command.results_folder(parse([]))
        with open("WORKSPACE", "w", encoding="utf-8"):
            pass
        self.assertEqual(command.results_folder(parse([])), "docs/results")
        for words in (["--quick"], ["--only=x"], ["--allocators=fast"]):
            self.assertEqual(command.results_folder(parse(words)), "")
            self.assertEqual(command.results_folder(parse([*words, "--out=here"])), "here")
        with self.assertRaisesRegex(command.Refusal, "exists"):
            command.results_folder(parse(["--out=WORKSPACE"]))

    def test_rewriting_a_document(self):
        found = self.run_suite(micro_item())
        command.write(self.folder, found)
        path = os.path.join(self.folder, "performance.md")
        with open(path, encoding="utf-8") as file:
            first = file.read()
        os.remove(path)
        self.assertEqual(command.run([f"--from={self.folder}/performance.json"]), command.SUCCESS)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), first)

    def test_refusals(self):
        for words, message in (([f"--from={self.folder}/none.json"], "No such file"), ([], "part of the command"),
                               (["--command=/bin/true", "--library=/none.so"], "not where it should be")):
            with self.assertRaisesRegex(command.Refusal, message):
                command.run(words)


class Quantities(unittest.TestCase):
    def test_units(self):
        cases = ((0.5, "s", "500 ms"), (12.34, "s", "12.3 s"), (8.53, "ns", "8.53 ns"), (1234.5, "ns", "1.23 µs"),
                 (2e6, "ns", "2 ms"), (18074.2, "1/s", "18,074/s"), (2048, "bytes", "2 KiB"),
                 (3 * 2**20, "bytes", "3.0 MiB"), (None, "s", "-"), (0.0, "ns", "0 ns"))
        for value, unit, text in cases:
            self.assertEqual(document.quantity(value, unit), text)


if __name__ == "__main__":
    unittest.main()
