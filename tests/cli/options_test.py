#!/usr/bin/env python3
"""bartizan options, in its three forms."""

import json
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import CommandTest  # noqa: E402

LAYERS = ["guard_pages", "freelist_encryption", "random_slots", "quarantine", "zero_on_free",
          "reuse_check", "canaries", "neighbour_check", "origin_check", "size_check",
          "bounded_libc", "sampling"]
OTHERS = ["profile", "large_quarantine", "fill", "fill_freed", "sample_bytes", "sample_budget", "sample_memory", "sample_side", "large_cache", "decay", "epoch_depth",
          "stacks", "stack_depth", "guard_gaps", "reuse_check_whole", "huge_pages", "numa", "wide_vectors", "fault_reports",
          "report_format", "report_to", "on_error", "exit_code", "container_limits", "seed", "report_file", "stats_at_exit",
          "report_symbols", "exit_summary", "leaks_at_exit", "leaks_exit_code", "verbose"]


class Options(CommandTest):
    def output(self, *flags):
        result = self.command("options", *flags)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_text_lists_every_option(self):
        text = self.output()
        names = [line.split()[0] for line in text.split("\n\n")[0].splitlines()]
        self.assertEqual(names, ["OPTION", "Layers:", *LAYERS, "Others:", *OTHERS])
        self.assertRegex(text, r"(?m)^quarantine +on, off, 1k-4m +off +16k +64k +\w")

    def test_markdown_is_one_table(self):
        rows = [line.strip("|").split("|") for line in self.output("--markdown").splitlines()]
        self.assertEqual({len(row) for row in rows}, {7})
        self.assertEqual([row[0].strip() for row in rows[2:]],
                         [f"`{name}`" for name in LAYERS + OTHERS])

    def test_json(self):
        options = {option["name"]: option for option in json.loads(self.output("--json"))}
        self.assertEqual(list(options), LAYERS + OTHERS)
        self.assertEqual([name for name in options if options[name]["layer"]], LAYERS)
        self.assertEqual(options["quarantine"]["defaults"],
                         {"fast": 0, "hardened": 16384, "strict": 65536, "debug": 65536})
        self.assertEqual(options["quarantine"]["kind"], "switch-or-bytes")
        self.assertEqual((options["decay"]["min"], options["decay"]["max"]), (0, 3600000))
        self.assertEqual(options["origin_check"]["defaults"],
                         {"fast": False, "hardened": False, "strict": True, "debug": True})
        self.assertEqual(options["reuse_check"]["needs"], ["zero_on_free"])
        self.assertEqual(options["profile"]["values"], ["fast", "hardened", "strict", "debug"])
        self.assertIsNone(options["report_file"]["defaults"]["fast"])
        for option in options.values():
            self.assertTrue(option["help"])

    def test_one_form_at_a_time(self):
        self.expect(["options", "--json", "--markdown"], 2,
                    stderr="bartizan: options: --markdown and --json exclude each other\n")
        self.assertEqual(self.output("--nojson"), self.output())


if __name__ == "__main__":
    unittest.main()
