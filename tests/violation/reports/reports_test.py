#!/usr/bin/env python3
"""Reports as JSON: what they say of faults of tools/faults, member by member, and that docs/reports.schema.json describes them."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests/cli"))

import json_schema  # noqa: E402

PROGRAM = "tools/faults/bartizan-faults"
LIBRARY = os.path.abspath("libbartizan.so")
SLAB = 100
LARGE = 262144

with open("docs/reports.schema.json", encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)


@dataclasses.dataclass
class Run:
    status: int
    said: dict
    stderr: str

    def reports(self):
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]


def commit(fault, size, *more, options="profile=strict:report_format=json"):
    """What became of a fault."""
    done = subprocess.run([PROGRAM, fault, str(size), *more], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                          timeout=90, env=os.environ | {"LD_PRELOAD": LIBRARY, "BARTIZAN_OPTIONS": options})
    said = dict(re.findall(r"^(\w+) (.*)$", done.stdout.decode(), re.MULTILINE))
    return Run(done.returncode, said, done.stderr.decode())


@dataclasses.dataclass(frozen=True)
class Case:
    """A fault, and members of its report; a name with dots is a member of a member, `None`: it is not there."""

    fault: str
    size: int
    members: dict
    profile: str = "strict"
    thread: bool = False


def at_slab(state="live", **members):
    return {"block.state": state, "block.own_pages": False, "slot_bytes": 112, "block.slot_bytes": 112, **members}


def own_pages(state="live", **members):
    return {"block.state": state, "block.own_pages": True, "slot_bytes": None, "block.slot_bytes": None, **members}


def found(kind, layer, **members):
    return {"kind": kind, "layer": layer, "ending": "abort", "access": None, **members}


def stopped(kind, layer, access, place, distance, **members):
    return {"kind": kind, "layer": layer, "ending": "signal", "access.type": access,
            "access.bytes": 1, "position.place": place, "position.distance": distance, **members}


def library_call(kind, size, **members):
    return {"kind": kind, "layer": "bounded_libc", "ending": "abort", "access.type": "write", "access.bytes": size, **members}


ANYTHING = object()
SAMPLED_ALIVE = own_pages("live", **{"allocation.thread.name": ANYTHING, "allocation.age_ns": ANYTHING,
                                     "allocation.stack": ANYTHING, "free": None})
SAMPLED_FREED = own_pages("freed", **{"allocation.stack": ANYTHING, "free.age_ns": ANYTHING, "free.stack": ANYTHING})

OVERFLOW = "heap_buffer_overflow"
UNDERFLOW = "heap_buffer_underflow"
CASES = [
    # The checks of pointers, in every profile.
    *(Case("double_free_immediate", SLAB, found("double_free", "always on", **at_slab("freed")), profile, thread)
      for profile in ("fast", "hardened", "strict") for thread in (False, True)),
    Case("double_free_immediate", LARGE, found("double_free", "always on", slot_bytes=None)),
    Case("free_interior_16", SLAB, found("invalid_free", "always on", requested=SLAB, **at_slab(**{
        "position.place": "inside", "position.distance": 16, "position.words": "16 bytes into a block of 100 bytes"}))),
    Case("free_interior_16", LARGE, found("invalid_free", "always on", requested=LARGE, **own_pages(**{
        "position.place": "inside", "position.distance": 16}))),
    Case("free_stack", SLAB, found("invalid_free", "always on", block=None, position=None, slot_bytes=None, requested=None)),
    Case("free_never_issued", 20000, found("invalid_free", "always on")),
    Case("realloc_freed", SLAB, found("use_after_free_in_realloc", "always on", **at_slab("freed"))),
    Case("realloc_interior", SLAB, found("invalid_realloc", "always on", requested=SLAB, **at_slab())),
    Case("usable_size_freed", SLAB, found("use_after_free_in_malloc_usable_size", "always on")),
    Case("usable_size_interior", SLAB, found("invalid_malloc_usable_size", "always on", requested=SLAB)),
    # What layers find afterwards.
    Case("overflow_1_store", SLAB, found("heap_overflow", "canaries", requested=SLAB, position=None, **at_slab(**{
        "block.requested": SLAB, "block.family": "malloc"}))),
    Case("underflow_1_store", SLAB, found("heap_underflow", "neighbour_check", **at_slab())),
    Case("write_after_free_first_byte", SLAB, found("write_after_free", "reuse_check", slot_bytes=112)),
    Case("malloc_delete", SLAB, found("origin_mismatch", "origin_check", requested=SLAB, **{"block.family": "malloc"})),
    Case("new_free", SLAB, found("origin_mismatch", "origin_check", **{"block.family": "new"})),
    Case("new_array_free", LARGE, found("origin_mismatch", "origin_check", requested=LARGE, **own_pages("freed", **{
        "block.family": "new[]"}))),
    Case("sized_delete_one_more", SLAB, found("size_mismatch", "size_check", requested=SLAB, stated=SLAB + 1)),
    Case("overflow_1_memcpy", SLAB, library_call("out_of_bounds_library_call", SLAB + 1, requested=SLAB, **at_slab())),
    Case("overflow_1_memcpy", LARGE, library_call("out_of_bounds_library_call", LARGE + 1, **own_pages())),
    # Samples: every block in debug.
    Case("overflow_1_store", 24, found("heap_overflow", "sampling", requested=24, **SAMPLED_ALIVE), "debug"),
    Case("overflow_32_store", 24, stopped(OVERFLOW, "sampling", "write", "after", 8, requested=24, **SAMPLED_ALIVE), "debug"),
    Case("read_after_free", SLAB, stopped("use_after_free", "sampling", "read", "inside", 0, requested=SLAB, **SAMPLED_FREED),
         "debug", True),
    Case("write_after_free_last_byte", SLAB, stopped("use_after_free", "sampling", "write", "inside", 99, **SAMPLED_FREED),
         "debug"),
    Case("double_free_immediate", SLAB, found("double_free", "always on", **SAMPLED_FREED), "debug", True),
    Case("free_interior_16", SLAB, found("invalid_free", "always on", **SAMPLED_ALIVE), "debug"),
    Case("malloc_delete", SLAB, found("origin_mismatch", "origin_check", **SAMPLED_ALIVE), "debug"),
    Case("sized_delete_one_more", SLAB, found("size_mismatch", "size_check", **SAMPLED_ALIVE), "debug"),
    # What the processor stops.
    *(Case("overflow_1_store", LARGE, stopped(OVERFLOW, "guard_pages", "write", "after", 0, requested=LARGE, **own_pages(**{
        "block.requested": LARGE, "block.family": "malloc",
        "position.words": "0 bytes after a block of 262144 bytes"})), profile, thread)
      for profile in ("hardened", "strict") for thread in (False, True)),
    Case("overread_1", LARGE, stopped(OVERFLOW, "guard_pages", "read", "after", 0, **own_pages()), "hardened"),
    Case("underflow_1m_store", SLAB, {"kind": UNDERFLOW, "layer": "guard_pages", "block.slot_bytes": 112,
                                      "position.place": "before"}, "hardened"),
    Case("underflow_1m_store", LARGE, {"kind": UNDERFLOW, "block.requested": LARGE}, "strict"),
    Case("read_after_free", LARGE, {"kind": "use_after_free", "layer": "quarantine", "access.type": "read",
                                    "position.place": "inside", "position.distance": 0, "requested": LARGE,
                                    "ending": "signal", **own_pages("freed")}, "hardened"),
    Case("zero_size_write", 8, stopped(OVERFLOW, "always on", "write", "after", 0, requested=0, slot_bytes=0), "hardened"),
    Case("execute_heap", SLAB, {"kind": "execution_of_heap_memory", "layer": "always on", "access.type": "execution",
                                "ending": "signal", **at_slab()}, "hardened"),
]


def member(report, name):
    for part in name.split("."):
        report = report.get(part) if isinstance(report, dict) else None
    return report


class Reports(unittest.TestCase):
    def check(self, case):
        options = f"profile={case.profile}:report_format=json"
        run = commit(case.fault, case.size, *(["thread"] if case.thread else []), options=options)
        reports = run.reports()
        self.assertEqual(len(reports), 1, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        report = reports[0]
        self.assertEqual(json_schema.mistakes(report, SCHEMA), [])
        for name, value in case.members.items():
            if value is ANYTHING:
                self.assertTrue(member(report, name), f"{name} of {report}")
            else:
                self.assertEqual(member(report, name), value, f"{name} of {report}")
        self.assertEqual(run.status, -(signal.SIGSEGV if report["ending"] == "signal" else signal.SIGABRT))
        self.assertEqual(report["incomplete"], [])
        self.assertEqual(report["process"]["program"], "bartizan-faults")
        self.assertEqual(re.sub("[ -]", "_", report["what"]), report["kind"])
        self.assertTrue(report["detail"])
        # The first thread has the number of the process.
        if not case.thread:
            self.assertEqual(report["thread"], {"id": report["process"]["id"], "name": "bartizan-faults"})
        self.check_history(report)
        if report["layer"] not in ("reuse_check", "neighbour_check", "guard_pages"):
            self.assertIn(run.said["address"], (report["address"], member(report, "block.address")))

    def check_history(self, report):
        """What is known of the block's life is in order, and in the program."""
        allocation, free = report.get("allocation"), report.get("free")
        for event in filter(None, (allocation, free)):
            self.assertTrue(event["stack"][0]["module"].endswith("/bartizan-faults"), event)
            self.assertIn(event["thread"]["name"], ("bartizan-faults", ""))
        if free:
            self.assertLess(allocation["number"], free["number"])
            self.assertGreater(allocation["age_ns"], free["age_ns"])

    def test_every_kind(self):
        for case in CASES:
            with self.subTest(fault=case.fault, size=case.size, profile=case.profile, thread=case.thread):
                self.check(case)

    def test_the_seed_in_force_is_named(self):
        run = commit("overflow_1_store", SLAB, options="profile=hardened:report_format=json:seed=4711")
        report, = run.reports()
        self.assertEqual(report["seed"], 4711)
        self.assertEqual(json_schema.mistakes(report, SCHEMA), [])
        self.assertNotIn("seed", commit("overflow_1_store", SLAB).reports()[0])
        for options, named in (("profile=hardened:seed=4711", True), ("profile=hardened", False)):
            first = commit("overflow_1_store", SLAB, options=options).stderr.splitlines()[0]
            self.assertEqual(", seed 4711. What to do: " in first, named, first)

    def test_the_accessing_thread_is_named(self):
        report = commit("overflow_1_store", LARGE, "thread").reports()[0]
        self.assertGreaterEqual(report["thread"]["id"], report["process"]["id"])

    def test_the_stack_begins_in_the_program(self):
        for fault, size in (("overflow_1_store", LARGE), ("double_free_immediate", SLAB)):
            for thread in ((), ("thread",)):
                stack = commit(fault, size, *thread).reports()[0]["stack"]
                self.assertTrue(stack[0]["module"].endswith("/bartizan-faults"), stack)
                self.assertTrue(any("/libc.so" in frame["module"] for frame in stack), stack)
                self.assertTrue(all(re.match("0x[0-9a-f]+$", frame["offset"]) for frame in stack), stack)

    def test_neighbours_are_live_blocks_of_the_slab(self):
        neighbours = []
        # Which slots are taken is drawn by lot, and the next live one may be far.
        for _ in range(20):
            report = commit("overflow_1_store", SLAB).reports()[0]
            neighbours += report["neighbours"]
            for neighbour in report["neighbours"]:
                distance = int(neighbour["address"], 16) - int(report["block"]["address"], 16)
                self.assertEqual((distance % 112, neighbour["requested"]), (0, SLAB))
                self.assertEqual(distance > 0, neighbour["side"] == "above")
        self.assertTrue(neighbours)


class Text(unittest.TestCase):
    def lines(self, fault, size, **options):
        return commit(fault, size, **options).stderr.splitlines()

    def test_a_fault_has_a_line_and_what_is_known(self):
        lines = self.lines("overflow_1_store", LARGE, options="profile=hardened")
        self.assertRegex(lines[0], r"^bartizan: fatal: heap buffer overflow: write of 1 byte, 0 bytes after a block of 262144 "
                                   r"bytes; address 0x[0-9a-f]+, requested 262144, process \d+ \(bartizan-faults\) thread \d+\. "
                                   r"What to do: ")
        text = "\n".join(lines)
        for part in (r"^  Write of 1 byte at 0x[0-9a-f]+ by thread \d+ \(bartizan-faults\):$", r"^    #0 0x[0-9a-f]+",
                     r"^  Block: the address is 0 bytes after a block of 262144 bytes at 0x[0-9a-f]+, from malloc, with pages",
                     r"^  Caught by guard_pages$"):
            self.assertRegex(text, re.compile(part, re.MULTILINE))

    def test_other_blocks_have_a_line(self):
        self.assertEqual(len(self.lines("double_free_immediate", SLAB, options="profile=strict")), 1)

    def test_no_colours_but_on_a_terminal(self):
        self.assertNotIn("\033", commit("overflow_1_store", LARGE, options="profile=hardened").stderr)


class Endings(unittest.TestCase):
    def test_exit(self):
        for fault, size in (("double_free_immediate", SLAB), ("overflow_1_store", LARGE)):
            run = commit(fault, size, options="profile=hardened:report_format=json:on_error=exit:exit_code=77")
            self.assertEqual(run.status, 77)
            self.assertEqual([report["ending"] for report in run.reports()], ["exit"])
        self.assertEqual(commit("double_free_immediate", SLAB, options="on_error=exit").status, 99)

    def test_continue_where_nothing_is_damaged(self):
        for fault, kind in (("sized_delete_one_more", "size_mismatch"), ("malloc_delete", "origin_mismatch")):
            for size in (SLAB, LARGE):
                run = commit(fault, size, options="profile=strict:report_format=json:on_error=continue")
                self.assertEqual([(report["kind"], report["ending"]) for report in run.reports()], [(kind, "continue")])
                # The program goes on to its end, where it says that nothing came of the fault.
                self.assertEqual(run.status, 3)

    def test_no_continuing_otherwise(self):
        run = commit("double_free_immediate", SLAB, options="on_error=continue")
        self.assertEqual(run.status, -signal.SIGABRT)
        self.assertRegex(run.stderr, "^bartizan: fatal: double free: .*\nbartizan: on_error=continue: not after this, ")

    def test_without_fault_reports(self):
        run = commit("overflow_1_store", LARGE, options="profile=hardened:fault_reports=off")
        self.assertEqual((run.status, run.stderr), (-signal.SIGSEGV, ""))

    def test_to_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report")
            run = commit("overflow_1_store", LARGE, options=f"profile=hardened:report_file={path}")
            self.assertEqual((run.status, run.stderr), (-signal.SIGSEGV, ""))
            with open(path, encoding="utf-8") as file:
                self.assertRegex(file.read(), r"(?s)^bartizan: fatal: heap buffer overflow: .*  Caught by guard_pages\n$")


if __name__ == "__main__":
    unittest.main()
