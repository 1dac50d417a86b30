#!/usr/bin/env python3
"""What is said of invented figures: sentences, table, JSON, page, progress."""

import html.parser
import io
import json
import os
import sys
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from compare import document, measures, pictures, progress, report, rounds, table  # noqa: E402
from compare.comparison import Comparison  # noqa: E402
from compare.measure import Memory, Run, Work  # noqa: E402
from compare.invented import CATALOGUE, LAYERS  # noqa: E402


def invented(walls, layers=(), **work):
    """The comparison of these times per round; of `b` it is known what it held."""
    names = {"null": rounds.NULL_RUN}
    count = len(next(iter(walls.values())))
    made = [rounds.Round({names.get(name, name): Run(wall=values[number], user=values[number], minor_faults=1000,
                                                     metric=values[number])
                          for name, values in walls.items()}) for number in range(count)]
    work = Work("prog", ("prog", "<x>"), **work)
    held = {name: Memory(2 << 20, 1 << 20, 30, [(0.0, 1 << 20), (0.1, 2 << 20)]) for name in walls if name != "null"}
    result = rounds.WorkResult(work, made, memory=held)
    results = rounds.Results([CATALOGUE.find(name) for name in walls if name != "null"], "glibc", count, [result])
    return Comparison(results, result, "hardened", layers)


PLAIN = {"glibc": [1.0] * 8, "null": [1.0, 1.01] * 4, "hardened": [1.2] * 8, "fast": [1.005] * 8}


class Sentences(unittest.TestCase):
    def test_verdicts(self):
        comparison = invented(PLAIN)
        self.assertEqual([comparison.verdict(comparison.ratio(name)) for name in ("hardened", "fast")],
                         ["slower", "no difference"])
        comparison = invented(PLAIN | {"hardened": [0.9] * 8})
        self.assertEqual(comparison.verdict(comparison.ratio("hardened")), "faster")

    def test_a_metric_is_better_or_worse(self):
        for higher, word in ((True, "better"), (False, "worse")):
            comparison = invented(PLAIN, metric="x", higher_is_better=higher)
            self.assertEqual(comparison.verdict(comparison.ratio("hardened")), word)

    def test_few_rounds(self):
        comparison = invented({name: values[:4] for name, values in PLAIN.items()})
        self.assertEqual(comparison.verdict(comparison.ratio("hardened")), "too few rounds")
        self.assertEqual(comparison.notes(), [
            "Rounds: 4, which is not enough for a claim; it takes at least 6 (--rounds). Intervals go from the least to "
            "the greatest."])

    def test_notes(self):
        comparison = invented(PLAIN)
        self.assertEqual(comparison.notes(), [
            "glibc against itself: 1.000 to 1.010; differences below 1.0 % are noise here. Rounds: 8."])
        comparison.result.disturbed = [rounds.Round({})] * 3
        comparison.result.used_although_disturbed = 2
        comparison.results.interrupted = True
        comparison.results.wanted_rounds = 20
        self.assertEqual(comparison.notes()[1:], [
            "Rounds dropped because other programs disturbed them: 3.",
            "The machine was busy: in 2 of 8 rounds other programs used more than 10 % of it. Measure again when it is "
            "idle.",
            "Interrupted after 8 of 20 rounds."])

    def test_a_program_with_another_malloc(self):
        comparison = invented(PLAIN)
        comparison.memory("glibc").linked_malloc = "libx.so"
        self.assertEqual(comparison.notes()[1:],
                         ["The program is linked with libx.so, which counts under the name own only (--base=own)."])

    def test_layers(self):
        walls = PLAIN | {"hardened-zero_on_free": [1.0] * 8, "hardened-reuse_check": [1.1] * 8,
                         "fast+zero_on_free": [1.206] * 8}
        comparison = invented(walls, LAYERS)
        costs = comparison.layer_costs()
        self.assertEqual([cost.layer for cost in costs], ["zero_on_free", "reuse_check"])
        self.assertAlmostEqual(costs[0].taken_away.median, 1.2)
        self.assertAlmostEqual(costs[0].alone.median, 1.2)
        self.assertIsNone(costs[1].alone)
        self.assertEqual(comparison.compared(), ["glibc", "hardened", "fast"])
        self.assertEqual(comparison.layer_notes(), ["without zero_on_free there is no reuse_check either",
                                                    "reuse_check alone is with zero_on_free, which it needs"])

    def test_units(self):
        self.assertEqual([measures.seconds_in_words(value) for value in (123.4, 12.34, 1.234, 0.01234, 0.0001234, 0)],
                         ["123 s", "12.3 s", "1.23 s", "12.3 ms", "123 µs", "0.00 µs"])
        self.assertEqual([measures.number_in_words(value) for value in (7, 24.5, 3.14159, 1234567.8)],
                         ["7", "24.5", "3.14", "1,234,568"])
        self.assertEqual([measures.bytes_in_words(value) for value in (1 << 20, 12345678, 1 << 34)],
                         ["1.00 MiB", "11.8 MiB", "16.0 GiB"])
        self.assertEqual([measures.per_cent(part, 999) for part in (0, 1, 998, 999)], [0, 1, 99, 100])


class Outputs(unittest.TestCase):
    LAYERED = PLAIN | {"hardened-zero_on_free": [1.0] * 8, "fast+zero_on_free": [1.206] * 8}

    def test_table(self):
        lines = table.text(invented(PLAIN)).splitlines()
        self.assertEqual(lines[0].split(), "time ratio 95 % interval user+system ratio 95 % interval".split())
        self.assertEqual(lines[1].split(), "glibc 1.00 s 1 base 1.00 s 1".split())
        self.assertEqual(lines[2].split(),
                         "hardened 1.20 s 1.200 1.200 to 1.200 slower 1.20 s 1.200 1.200 to 1.200".split())
        self.assertEqual(lines[5].split(), "peak memory ratio final ratio page faults switches mappings".split())
        self.assertEqual(lines[7].split(), "hardened 2.00 MiB 1.00 1.00 MiB 1.00 1,000 0 30".split())
        self.assertEqual(len({len(line) for line in lines[2:4]}), 1)

    def test_table_of_layers(self):
        text = table.text(invented(self.LAYERED, LAYERS))
        self.assertRegex(text, r"(?m)^zero_on_free +\+20.0 % +\+20.0 to \+20.0 +\+20.0 % +\+20.0 to \+20.0$")
        self.assertRegex(text, r"(?m)^reuse_check +- +- +- +-$")
        self.assertNotIn("hardened-zero_on_free", text)

    def test_nothing_measured(self):
        comparison = invented({"glibc": [], "hardened": []})
        self.assertEqual(table.text(comparison), "")
        json.loads(document.text(comparison, "1"))

    def test_json(self):
        found = json.loads(document.text(invented(self.LAYERED, LAYERS), "1.2.3"))
        self.assertEqual(list(found), ["format", "bartizan", "date", "machine", "program", "command", "load", "measure",
                                       "higher_is_better", "base", "noise", "null", "rounds", "interrupted", "notes",
                                       "allocators", "layers"])
        self.assertEqual((found["format"], found["bartizan"], found["command"], found["measure"]),
                         (1, "1.2.3", "prog '<x>'", "wall"))
        self.assertEqual(found["rounds"], {"wanted": 8, "counted": 8, "dropped": 0, "counted_although_disturbed": 0})
        hardened = found["allocators"][1]
        self.assertEqual(list(hardened), ["name", "library", "variables", "version", "failure", "medians", "ratios",
                                          "memory", "runs"])
        self.assertEqual(hardened["ratios"]["wall"],
                         {"median": 1.2, "low": 1.2, "high": 1.2, "rounds": 8, "different": True})
        self.assertEqual(hardened["medians"]["page_faults"], 1000)
        self.assertEqual(hardened["memory"]["peak"], 2 << 20)
        self.assertEqual(len(hardened["runs"]), 8)
        self.assertEqual(hardened["runs"][0]["wall"], 1.2)
        self.assertEqual([layer["layer"] for layer in found["layers"]], ["zero_on_free", "reuse_check"])
        self.assertEqual(set(found["machine"]), {"processor", "processors", "memory_bytes", "kernel", "architecture"})

    def test_page(self):
        comparison = invented(self.LAYERED, LAYERS)
        comparison.result.failures["strict"] = "exit status 1; its output: <file>"
        text = report.page(comparison, "1.2.3")
        Wellformed().feed(text)
        self.assertEqual(text.count("<svg"), 3)
        for part in ("prefers-color-scheme: dark", "prog &#x27;&lt;x&gt;&#x27;",
                     "strict: exit status 1; its output: &lt;file&gt;", "What it catches, beside its cost",
                     "double free", "zero_on_free"):
            self.assertIn(part, text)
        # Nothing is fetched from anywhere, and nothing keeps a colour of its own that one of the screens would swallow.
        self.assertNotRegex(text, r"(src|href)=.(?!#)")
        self.assertNotRegex(text, r"(stroke|fill|color)\s*=\s*.rgb\(")
        for name in ("var(--c1)", "var(--c3)", "var(--ink)", "var(--shade)", "var(--line)"):
            self.assertIn(name, text)

    def test_page_without_pictures(self):
        with mock.patch.object(pictures, "_draw", side_effect=pictures.CannotDraw("no <pen>")):
            text = report.page(invented(PLAIN), "1")
        self.assertIn("No picture: no &lt;pen&gt;", text)

    def test_a_picture_that_gnuplot_refuses(self):
        with self.assertRaises(pictures.CannotDraw):
            pictures._draw(100, "plot nonsense(", {})  # pylint: disable=protected-access


class Wellformed(html.parser.HTMLParser):
    """Every element is closed in its turn."""

    VOID = {"meta", "br"}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if len({name for name, _ in attrs}) != len(attrs):
            raise AssertionError(f"{tag} has an attribute twice: {attrs}")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing")


class Line(unittest.TestCase):
    """Progress, by a clock of ours."""

    def setUp(self):
        self.now = 0.0
        self.stream = io.StringIO()

    def progress(self, in_place):
        self.stream.isatty = lambda: in_place
        return progress.Progress(self.stream, lambda: self.now)

    def test_on_a_terminal_it_is_one_line_that_goes_away(self):
        shown = self.progress(True)
        shown("round 1", 0.0)
        self.now = 30.0
        shown("round 2", 0.25)
        shown.end()
        self.assertEqual(self.stream.getvalue(),
                         "\rround 1 (0 %)\033[K\rround 2 (25 %, 90 s left)\033[K".replace("90 s", "2 min") + "\r\033[K")

    def test_elsewhere_it_is_a_line_now_and_then(self):
        shown = self.progress(False)
        for second in range(40):
            self.now = float(second)
            shown(f"at {second}", 0.5)
        shown.end()
        self.assertEqual(self.stream.getvalue(),
                         "bartizan: at 15 (50 %, 15 s left)\nbartizan: at 30 (50 %, 30 s left)\n")


if __name__ == "__main__":
    unittest.main()
