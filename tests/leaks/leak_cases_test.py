#!/usr/bin/env python3
"""What is lost of each case of leak_cases.cc, in every profile: all of it, and nothing else."""

import json
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "cli"))

from bartizan_command import CommandTest, built, environment  # noqa: E402
import json_schema  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
FAST_LIBRARY = os.path.realpath(built("libbartizan-fast.so"))
PROGRAM = built("tests/leaks/leak_cases")
with open(built("docs/leaks.schema.json"), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
OPENED = os.path.realpath(built("tests/leaks/libleak_cases_library.so"))

# {bytes: the case}; every other block of the program is referred to.
DIRECT = {
    0: "Zero", 1010: "Direct", 1016: "Misaligned", 1792: "PastEnd", 1020: "Chain", 1026: "ToItself", 1030: "ByAFreedOne",
    3000040: "Large", 408: "LostArray", 16384: "Aligned", 1048: "Aligned", 5049: "Resized", 1063: "LeaveInAFrame",
    1064: "EndsWithABlock", 1065: "EndsWithABlock", 1068: "EndsWithAKey", 1073: "Unmapped", 24: "LostContainers",
    1092: "Epochs", 3000093: "Epochs"}
INDIRECT = {1021: "Chain", 1022: "Chain", 1082: "LostContainers"}
CIRCLE = {1023: "Circle", 1025: "Circle"}
REACHABLE = {
    1011: "Kept", 1012: "Interior", 1013: "LastByte", 1027: "Tree", 1028: "Tree", 3000041: "LargeKept", 3000042: "LargeKeeps",
    1043: "LargeKeeps", 308: "Array", 12288: "Aligned", 50050: "Resized", 1060: "HoldsInRegister",
    1061: "HoldsInThreadStorage", 1062: "HoldsOnStack", 1066: "HoldsByKeys", 1067: "HoldsByKeys",
    1069: "MainsThreadStorage", 1070: "Library", 1071: "Mapped", 1072: "MappedReadOnly", 1074: "MappedByMany",
    1090: "Epochs", 3000091: "Epochs", 1110: "Handles", 1095: "Handles"}


class LeakCases(CommandTest):
    def leaks(self, options, library=LIBRARY, words=(), of=None):
        """The leaks of the program, or of the process that `of` finds by what it says."""
        with subprocess.Popen([PROGRAM, OPENED, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment(LD_PRELOAD=library, BARTIZAN_OPTIONS=options)) as process:
            looked_at = of(process.stdout) if of else process.pid
            self.assertEqual(process.stdout.read(1), b"+")
            result = self.command("leaks", "--json", "--reachable", str(looked_at))
            process.stdin.close()
            self.assertEqual(process.wait(), 0)
        self.assertEqual((result.returncode, result.stderr), (23, ""), result.stdout)
        document = json.loads(result.stdout)
        self.assertEqual(json_schema.mistakes(document, SCHEMA), [])
        return document

    @staticmethod
    def sizes(document, kind):
        """Bytes of each block, in order."""
        sizes = []
        for leak in document["leaks"]:
            if leak["kind"] == kind:
                each, rest = divmod(leak["bytes"], leak["blocks"])
                assert rest == 0, leak
                sizes += [each] * leak["blocks"]
        return sorted(sizes)

    def expect_all(self, document):
        self.assertTrue(document["all_threads"])
        direct, indirect = self.sizes(document, "direct"), self.sizes(document, "indirect")
        # One of them stands for both: which, nobody knows.
        first = next((size for size in direct if size in CIRCLE), None)
        second = next((size for size in indirect if size in CIRCLE), None)
        self.assertEqual({first, second}, set(CIRCLE))
        self.assertEqual(direct, sorted([*DIRECT, first]))
        self.assertEqual(indirect, sorted([*INDIRECT, second]))
        reachable = self.sizes(document, "reachable")
        for size, case in REACHABLE.items():
            self.assertEqual(reachable.count(size), 1, case)
        self.assertEqual(reachable.count(1081), 10 + 7)
        self.assertIn(8, reachable, "EmptyArray")
        for kind in ("direct", "indirect"):
            leaks = [leak for leak in document["leaks"] if leak["kind"] == kind]
            self.assertEqual(document[kind], {"blocks": sum(leak["blocks"] for leak in leaks),
                                              "bytes": sum(leak["bytes"] for leak in leaks)})

    def test_debug(self):
        document = self.leaks("profile=debug")
        self.expect_all(document)
        # Every block has the stack that allocated it, but those without memory.
        for leak in document["leaks"]:
            each = leak["bytes"] // leak["blocks"]
            case = DIRECT.get(each) or INDIRECT.get(each) or CIRCLE.get(each)
            if leak["kind"] == "reachable" or each == 0:
                continue
            functions = [frame.get("function", "") for frame in leak["frames"]]
            self.assertTrue([name for name in functions if f"::{case}(" in name], leak)

    def test_strict(self):
        self.expect_all(self.leaks("profile=strict"))

    def test_hardened(self):
        self.expect_all(self.leaks("profile=hardened"))

    def test_many_samples_without_stacks(self):
        self.expect_all(self.leaks("profile=hardened:sampling=2:stacks=off"))

    def test_fast(self):
        self.expect_all(self.leaks("profile=fast"))

    def test_the_fast_library(self):
        self.expect_all(self.leaks("", library=FAST_LIBRARY))

    def test_a_forked_child(self):
        document = self.leaks("profile=debug", words=["fork"], of=lambda text: int(text.readline()))
        # The child has none of the threads: what only they referred to is lost there.
        # 1074 is referred to from shared memory that the child has never touched.
        of_threads = [1060, 1061, 1062, 1066, 1067, 1074]
        lost = self.sizes(document, "direct") + self.sizes(document, "indirect")
        self.assertEqual([size for size in sorted(lost) if size > 1000],
                         sorted([size for size in [*DIRECT, *INDIRECT, *CIRCLE] if size > 1000] + of_threads + [2000]))


if __name__ == "__main__":
    unittest.main()
