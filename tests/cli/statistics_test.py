#!/usr/bin/env python3
"""Statistics of real processes: from outside, at exit; all forms."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import (BARTIZAN, CommandTest, built, can_be_another_user, environment,  # noqa: E402
                              lines)
import json_schema  # noqa: E402
from prometheus_text import histograms, samples  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
FAST_LIBRARY = os.path.realpath(built("libbartizan-fast.so"))
PROGRAM = built("tests/cli/allocating_program")
WAITING = built("tests/cli/waiting_program")
OTHER_BUILD = os.path.realpath(built("tests/cli/libbartizan.so"))
with open(built("docs/statistics.schema.json"), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
with open(built("docs/summary.schema.json"), encoding="utf-8") as schema_file:
    SUMMARY_SCHEMA = json.load(schema_file)


def strict(text):
    """The value of a JSON text without doubled names and without NaN and its like."""
    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise ValueError(f"doubled names in {names}")
        return dict(pairs)

    def constant(word):
        raise ValueError(word)

    return json.loads(text, object_pairs_hook=members, parse_constant=constant)


class StatisticsTest(CommandTest):
    @contextlib.contextmanager
    def process(self, *arguments, program=PROGRAM, library=LIBRARY, sampling="off", **variables):
        if library:
            variables["LD_PRELOAD"] = library
        # A sample, which comes by chance, is a large block.
        variables["BARTIZAN_OPTIONS"] = ":".join([*filter(None, [variables.get("BARTIZAN_OPTIONS")]), f"sampling={sampling}"])
        with subprocess.Popen([program, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment(**variables)) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            yield process
            process.stdin.close()
            process.said = process.stderr.read()
            self.assertEqual(process.wait(), 0, process.said)

    def stats(self, *arguments):
        result = self.command("stats", *map(str, arguments))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def checked(self, text):
        value = strict(text)
        self.assertEqual(json_schema.mistakes(value, SCHEMA), [])
        return value


class FromOutside(StatisticsTest):
    def test_json(self):
        for library, profile in ((LIBRARY, "strict"), (LIBRARY, "fast"), (FAST_LIBRARY, "fast")):
            with self.process(1000, 100, 3, 1 << 20, library=library,
                              BARTIZAN_OPTIONS="profile=" + profile) as process:
                value = self.checked(self.stats("--json", process.pid))
            self.assertEqual(value["process"], {"id": process.pid, "program": os.path.basename(PROGRAM)[:15]})
            self.assertEqual(value["library"]["profile"], profile)
            self.assertEqual(value["library"]["variant"], "fast" if library == FAST_LIBRARY else "dynamic")
            self.assertTrue(value["complete"])
            self.assertEqual(value["large"]["live_blocks"], 3)
            self.assertEqual(value["large"]["live_bytes"], 3 << 20)
            classes = [of for of in value["classes"] if of["live_blocks"] >= 1000]
            self.assertEqual(len(classes), 1)
            self.assertGreaterEqual(classes[0]["live_bytes"], 100_000)
            self.assertEqual(value["totals"]["live_bytes"],
                             sum(of["live_bytes"] for of in value["classes"]) + value["large"]["live_bytes"])
            self.assertEqual(value["totals"]["attached_heaps"], 1)
            self.assertEqual(len(value["heaps"]), value["totals"]["heaps"])
            self.assertGreater(value["resident_bytes"], 0)
            self.assertGreater(value["counters"]["refills"], 0)
            self.assertGreater(value["system_calls"]["mmap"]["made"], 0)

    def test_the_process_itself_says_the_same(self):
        with self.process(500, 64, BARTIZAN_OPTIONS="stats_at_exit=json") as process:
            outside = self.checked(self.stats("--json", "--noresident", process.pid))
        inside = self.checked(process.said)
        self.assertEqual(inside["process"]["id"], process.pid)
        self.assertNotIn("resident_bytes", outside)
        for member in ("library", "complete", "large", "classes", "nodes", "heaps", "locks", "degraded", "catches", "handles",
                       "sampling"):
            self.assertEqual(inside[member], outside[member], member)

    def test_prometheus(self):
        with self.process(1000, 100) as one, self.process(2000, 100) as other:
            text = self.stats("--prometheus", one.pid, other.pid)
        found = samples(text)
        by_process = {}
        for (name, labels), value in found.items():
            if name == "bartizan_live_blocks":
                by_process[int(re.search(r'process="(\d+)"', labels)[1])] = value
        self.assertEqual(set(by_process), {one.pid, other.pid})
        self.assertEqual(by_process[other.pid] - by_process[one.pid], 1000)

    def test_text(self):
        with self.process(1000, 100) as process:
            text = self.stats(process.pid)
        self.assertRegex(text, rf"^bartizan: process {process.pid} \(allocating_prog\): Bartizan 0\.1\.0 \(dynamic\), "
                               r"profile hardened\n")
        self.assertRegex(text, r"(?m)^  live_blocks +1\d\d\d  ")

    def test_histograms_of_samples(self):
        with self.process("freed", 300, 100, 20, 5000, sampling=1, BARTIZAN_OPTIONS="profile=debug:exit_summary=off") as process:
            value = self.checked(self.stats("--json", process.pid))
            text = self.stats(process.pid)
            found = histograms(self.stats("--prometheus", process.pid))
        self.assertEqual(value["library"]["profile"], "debug")
        sizes = value["sampling"]["block_size"]
        in_bucket = {bucket.get("up_to"): bucket["count"] for bucket in sizes["buckets"]}
        self.assertGreaterEqual(in_bucket[128], 300)
        self.assertGreaterEqual(in_bucket[8192], 20)
        self.assertEqual(sum(in_bucket.values()), sizes["count"])
        self.assertEqual(sizes["count"], value["counters"]["samples"], "each is one")
        self.assertGreaterEqual(sizes["sum"], 300 * 100 + 20 * 5000)
        self.assertGreaterEqual(value["sampling"]["peak_bytes"], 5000)
        operations = value["sampling"]["block_lifetime_operations"]
        self.assertGreaterEqual(operations["count"], 320)
        self.assertEqual(operations["buckets"][0]["up_to"], 1)
        self.assertGreaterEqual(operations["buckets"][0]["count"], 320, "each was freed at once")
        self.assertEqual(value["sampling"]["block_lifetime"]["count"], operations["count"])
        # The same as Prometheus has it.
        by_name = {name: histogram for (name, _), histogram in found.items()}
        self.assertEqual(set(by_name), {"bartizan_block_size_bytes", "bartizan_block_lifetime_seconds",
                                        "bartizan_block_lifetime_operations"})
        self.assertEqual(by_name["bartizan_block_size_bytes"][1:], (sizes["sum"], sizes["count"]))
        self.assertAlmostEqual(by_name["bartizan_block_lifetime_seconds"][1],
                               value["sampling"]["block_lifetime"]["sum"] / 1e6)
        self.assertRegex(text, r"(?m)^block_size \(bytes, estimated from samples\): \d+ blocks, on average \d+$")

    def test_catches(self):
        with self.process("mistakes", 20, 100, BARTIZAN_OPTIONS="profile=strict:on_error=continue") as process:
            value = self.checked(self.stats("--json", process.pid))
            text = self.stats(process.pid)
            doctor = strict(self.command("doctor", "--json", str(process.pid)).stdout)
            top = self.command("top", "--once").stdout
        self.assertEqual({name: count for name, count in value["catches"].items() if count}, {"origin_check": 20})
        self.assertRegex(text, r"(?m)^  HEAP ERRORS were caught, and the process has gone on: 20 by origin_check$")
        self.assertEqual([found["rule"] for found in doctor["found"]], ["catches"])
        self.assertRegex(top, rf"(?m)^ +{process.pid} .* 20 strict ")

    def test_all(self):
        with self.process(10, 10) as process:
            texts = [strict(line) for line in self.stats("--all", "--json").splitlines()]
        self.assertIn(process.pid, [value["process"]["id"] for value in texts])

    def test_watching_ends_with_the_process(self):
        with self.process(10, 10) as process:
            once = self.stats("--watch", "--count=3", "--interval=0.01", "--json", process.pid)
            self.assertEqual(len([strict(line) for line in once.splitlines()]), 3)
            with subprocess.Popen([BARTIZAN, "stats", "--watch", "--json", "--interval=0.01", str(process.pid)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
                self.assertTrue(strict(watching.stdout.readline()))
                process.stdin.close()
                process.wait()
                rest, errors = watching.communicate()
                self.assertEqual(watching.returncode, 0)
        for line in rest.splitlines():
            strict(line)
        self.assertRegex(errors, r"^bartizan: stats: ")


class Refused(StatisticsTest):
    def test_not_protected(self):
        with self.process(program=WAITING, library=None) as process:
            self.expect(["stats", str(process.pid)], 1,
                        stderr=f"bartizan: stats: process {process.pid} (waiting_program): not protected\n")

    def test_ended(self):
        with subprocess.Popen(["true"]) as process:
            process.wait()
        self.expect(["stats", str(process.pid)], 2,
                    stderr=f"bartizan: stats: there is no process {process.pid}\n")

    def test_another_build(self):
        # The page is there; what it names is no engine of this command's.
        with self.process(program=WAITING, library=OTHER_BUILD) as process:
            result = self.command("stats", "--json", str(process.pid))
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"^bartizan: stats: process \d+ \(waiting_program\) runs another build of "
                                        r"Bartizan \(0\.1\.0, .*libbartizan\.so\): its records cannot be read; ")

    @unittest.skipUnless(can_be_another_user(), "only root can be somebody else")
    def test_of_another_user(self):
        command = shutil.copy(BARTIZAN, self.path("bartizan"))
        with self.process(10, 10) as process:
            result = self.command("stats", str(process.pid), command=command, user=65534, group=65534,
                                  extra_groups=[])
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"^bartizan: stats: cannot tell: process .* cannot be read \(Permission denied\)"
                                        r"; run this as root, or as the user of the process.*\n$")

    def test_wrong_use(self):
        self.expect(["stats"], 2, stderr=lines("bartizan: stats: which process?", "Try: bartizan stats PID"))
        self.expect(["stats", "x"], 2, stderr="bartizan: stats: 'x' is not a process id\n")
        self.expect(["stats", "--all", "1"], 2, stderr="bartizan: stats: --all takes no process\n")
        self.expect(["stats", "--json", "--prometheus", "1"], 2,
                    stderr="bartizan: stats: --json or --prometheus, not both\n")


class Doctor(StatisticsTest):
    def test_a_healthy_process(self):
        with self.process(1000, 100) as process:
            self.expect(["doctor", str(process.pid)], 0,
                        stdout=f"process {process.pid} (allocating_prog): nothing is wrong (19 rules)\n")
            value = strict(self.command("doctor", "--json", str(process.pid)).stdout)
        self.assertEqual(value, {"process": process.pid, "found": []})

    def test_holes(self):
        # Of each seven blocks, one stays.
        with self.process("holes", 100_000, 1000, BARTIZAN_OPTIONS="profile=fast") as process:
            text = self.command("doctor", str(process.pid))
            value = strict(self.command("doctor", "--json", str(process.pid)).stdout)
        self.assertEqual(text.returncode, 1)
        self.assertRegex(text.stdout, r"(?m)^  fragmentation: blocks of up to 1024 bytes: .* partly used slabs\n"
                                      r"    What to do: ")
        self.assertEqual([found["rule"] for found in value["found"]], ["fragmentation"])

    def test_refused(self):
        self.expect(["doctor"], 2, stderr=lines("bartizan: doctor: which process?", "Try: bartizan doctor PID"))
        self.expect(["doctor", "0"], 2, stderr="bartizan: doctor: '0' is not a process id\n")
        with self.process(program=WAITING, library=None) as process:
            self.expect(["doctor", str(process.pid)], 2,
                        stderr=f"bartizan: doctor: process {process.pid} (waiting_program): not protected\n")


class AtExit(StatisticsTest):
    def run_with(self, target, *arguments):
        with self.process(*arguments, BARTIZAN_OPTIONS="stats_at_exit=" + target) as process:
            pass
        return process

    def test_off_by_default(self):
        with self.process(10, 10) as process:
            pass
        self.assertEqual(process.said, b"")

    def test_text_to_standard_error(self):
        process = self.run_with("text", 10, 10)
        self.assertRegex(process.said.decode(), rf"^bartizan: process {process.pid} \(")

    def test_children_have_files_of_their_own(self):
        process = self.run_with(rf"json\:{self.folder}/stats-%p.json", "fork", 10, 10)
        files = sorted(os.listdir(self.folder))
        self.assertEqual(len(files), 2)
        self.assertIn(f"stats-{process.pid}.json", files)
        for name in files:
            with open(self.path(name), encoding="ascii") as file:
                self.assertEqual(f"stats-{self.checked(file.read())['process']['id']}.json", name)

    def test_one_file_is_appended_to(self):
        path = self.write("stats", "what was there\n")
        processes = [self.run_with(rf"json\:{path}", "fork", 10, 10) for _ in range(3)]
        with open(path, encoding="ascii") as file:
            first, *rest = file.read().splitlines()
        self.assertEqual(first, "what was there")
        self.assertEqual(len(rest), 6)
        ids = [self.checked(line)["process"]["id"] for line in rest]
        self.assertLess({process.pid for process in processes}, set(ids))

    def test_a_file_that_cannot_be_written_to_is_said(self):
        os.symlink("/dev/null", self.path("link"))
        for path in (self.path("no/such/folder"), self.path("link")):
            process = self.run_with(rf"json\:{path}", 10, 10)
            self.assertEqual(process.said, b"bartizan: cannot write to the file of stats_at_exit\n")


class ExitSummary(StatisticsTest):
    def run_with(self, *arguments, options):
        with self.process(*arguments, sampling=1, BARTIZAN_OPTIONS=options) as process:
            pass
        return process

    def test_in_the_profile_debug(self):
        process = self.run_with("freed", 300, 100, options="profile=debug")
        found = re.fullmatch(rf"bartizan: summary: process {process.pid} \(allocating_prog\w*\): 0 heap errors; "
                             r"(\d+) blocks allocated, at most (\d+) bytes at a time; "
                             r"\d+ blocks? of together \d+ bytes? in use at exit\n", process.said.decode())
        self.assertTrue(found, process.said)
        self.assertGreaterEqual(int(found[1]), 300)
        self.assertGreaterEqual(int(found[2]), 100)

    def test_off_elsewhere(self):
        for profile in ("fast", "hardened", "strict"):
            self.assertEqual(self.run_with(10, 10, options="profile=" + profile).said, b"")

    def test_it_counts_errors_and_goes_where_reports_go(self):
        path = self.path("log-%p")
        process = self.run_with("mistakes", 3, 10, options=f"profile=debug:report_file={path}:on_error=continue")
        self.assertEqual(process.said, b"")
        with open(self.path(f"log-{process.pid}"), encoding="utf-8") as file:
            text = file.read()
        self.assertRegex(text.splitlines()[-1], r"^bartizan: summary: .*: 3 heap errors; ")

    def test_json(self):
        process = self.run_with("freed", 50, 10, options="profile=debug:report_format=json")
        value = strict(process.said)
        self.assertEqual(json_schema.mistakes(value, SUMMARY_SCHEMA), [])
        self.assertEqual((value["format"], value["process"]["id"], value["errors"]), ("bartizan-summary", process.pid, 0))
        self.assertTrue(value["allocated"]["exact"])
        self.assertGreaterEqual(value["allocated"]["blocks"], 50)

    def test_without_samples(self):
        with self.process(5, 10, BARTIZAN_OPTIONS="exit_summary:report_format=json") as process:
            pass
        value = strict(process.said)
        self.assertEqual(json_schema.mistakes(value, SUMMARY_SCHEMA), [])
        self.assertNotIn("allocated", value)
        self.assertGreaterEqual(value["live"]["blocks"], 5)

    def test_children_of_fork_have_none(self):
        process = self.run_with("fork", 10, 10, options="profile=debug")
        self.assertEqual(process.said.count(b"\n"), 1)
        self.assertIn(f"process {process.pid} ".encode(), process.said)

    def test_before_the_statistics(self):
        process = self.run_with(10, 10, options="profile=debug:stats_at_exit=text")
        self.assertRegex(process.said.decode(), r"^bartizan: summary: .*\nbartizan: process ")


if __name__ == "__main__":
    unittest.main()
