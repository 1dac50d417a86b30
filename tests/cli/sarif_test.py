#!/usr/bin/env python3
"""bartizan symbolize --sarif: of reports of real faults, and of invented ones."""

import json
import os
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import CommandTest, built, environment  # noqa: E402
import sarif  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
# Each fault in a function of its own; the number of the line is found by its mark.
SOURCE = """\
#include <stdlib.h>
#include <string.h>
static char* make(void) {
  return malloc(24);  // made
}
static void drop(char* block) {
  free(block);  // dropped
}
static char use(char* block) {
  return *(volatile char*)block;  // used
}
int main(int argc, char** argv) {
  char* block = make();
  if (block == NULL || argc < 2) return 1;
  drop(block);
  if (strcmp(argv[1], "use") == 0) return use(block);
  drop(block);
  return 0;
}
"""


def frame(offset):
    return {"address": "0x7f0000001000", "module": "/no/such/program", "offset": hex(offset), "build_id": "00"}


def report(**members):
    """An invented one."""
    result = {"format": "bartizan-report", "version": 1, "time_ms": 1, "kind": "double_free", "what": "double free",
              "detail": "the block was freed before", "advice": "look for a second owner", "layer": "always on",
              "ending": "abort", "process": {"id": 7, "program": "program"}, "thread": {"id": 7, "name": "program"},
              "address": "0x10", "stack": [frame(0x100)], "neighbours": [], "incomplete": []}
    return json.dumps(result | members, separators=(",", ":"))


class Sarif(CommandTest):
    def sarif(self, *paths, code=0, errors=""):
        result = self.command("symbolize", "--sarif", *paths)
        self.assertEqual((result.returncode, result.stderr), (code, errors))
        return sarif.checked(result.stdout)

    def problems(self, run):
        return [note["message"]["text"] for note in run["invocations"][0].get("toolExecutionNotifications", [])]


class OfRealFaults(Sarif):
    def build(self, source, name="program"):
        self.write(name + ".c", source)
        program = self.path(name)
        subprocess.run(["clang-19", "-g", "-O1", "-fno-inline", "-fno-optimize-sibling-calls", "-fno-builtin", "-fuse-ld=lld",
                        "-Wl,--build-id=sha1", "-o", program, self.path(name + ".c")], check=True)
        return program

    def commit(self, program, fault):
        os.makedirs(self.path("reports"), exist_ok=True)
        options = f"profile=debug:report_format=json:report_file={self.path('reports')}/%p.json:on_error=exit"
        done = subprocess.run([program, fault], check=False, timeout=90, capture_output=True,
                              env=environment(LD_PRELOAD=LIBRARY, BARTIZAN_OPTIONS=options))
        self.assertEqual((done.returncode, done.stderr), (99, b""))

    def result(self):
        """Of the reports so far, which are removed."""
        run = self.sarif(f"--source-root={self.folder}", self.path("reports"))
        shutil.rmtree(self.path("reports"))
        self.assertEqual(len(run["results"]), 1)
        return run["results"][0]

    def line(self, mark, source=SOURCE):
        return next(number for number, line in enumerate(source.splitlines(), 1) if line.endswith("// " + mark))

    def test_a_use_after_free(self):
        self.commit(self.build(SOURCE), "use")
        result = self.result()
        self.assertEqual(result["ruleId"], "use_after_free")
        self.assertRegex(result["message"]["text"], r"^use after free: read of 1 byte, 0 bytes into a freed block of 24 bytes\. ")
        self.assertEqual(sarif.place_of(result["locations"][0]), ("program.c", self.line("used")))
        self.assertEqual([(sarif.place_of(location), location["message"]["text"]) for location in result["relatedLocations"]],
                         [(("program.c", self.line("made")), "the block was allocated here"),
                          (("program.c", self.line("dropped")), "the block was freed here")])
        self.assertEqual([stack["message"]["text"] for stack in result["stacks"]], ["access", "allocation", "free"])
        functions = [frame["location"]["logicalLocations"][0]["fullyQualifiedName"]
                     for frame in result["stacks"][0]["frames"][:2]]
        self.assertEqual(functions, ["use", "main"])
        self.assertEqual(result["properties"]["layer"], "sampling")

    def test_equal_mistakes_are_one_result(self):
        program = self.build(SOURCE)
        for _ in range(3):
            self.commit(program, "use")
        self.assertEqual(self.result()["occurrenceCount"], 3)

    def test_a_fingerprint_outlives_builds_and_tells_mistakes_apart(self):
        def fingerprint(source, fault):
            self.commit(self.build(source), fault)
            return self.result()["partialFingerprints"]["bartizanStack/v1"]

        use = fingerprint(SOURCE, "use")
        moved = "// A new line.\n" + SOURCE.replace("if (block == NULL", "if (getenv(argv[0]) != NULL) return 5;\n  if (block == NULL")
        self.assertEqual(fingerprint(moved, "use"), use)
        self.assertNotEqual(fingerprint(SOURCE, "free"), use)
        self.assertNotEqual(fingerprint(SOURCE.replace("make(", "create("), "use"), use)

    def test_files_elsewhere_are_named_in_full(self):
        self.commit(self.build(SOURCE), "free")
        os.mkdir(self.path("other"))
        run = self.sarif(f"--source-root={self.path('other')}", self.path("reports"))
        uri, line = sarif.place_of(run["results"][0]["locations"][0])
        self.assertEqual((uri, line), ("file://" + os.path.realpath(self.path("program.c")), self.line("dropped")))


class OfInventedReports(Sarif):
    GONE = "/no/such/program: No such file or directory"

    def invented(self, *lines):
        return self.sarif(self.write("log", "\n".join(lines) + "\n"), errors=f"bartizan: symbolize: {self.GONE}\n")

    def test_without_symbols(self):
        run = self.invented("some line", report(), '{"format":"bartizan-summary","version":1}')
        self.assertEqual(self.problems(run), [self.GONE])
        self.assertEqual(sarif.place_of(run["results"][0]["locations"][0]), ("file:///no/such/program", 1))

    def test_each_kind_is_a_rule(self):
        with open(built("docs/reports.schema.json"), encoding="utf-8") as file:
            kinds = json.load(file)["properties"]["kind"]["enum"]
        lines = [report(kind=kind, what=kind.replace("_", " ")) for kind in kinds]
        run = self.invented(*lines, lines[0])
        self.assertEqual([rule["id"] for rule in run["tool"]["driver"]["rules"]], kinds)
        self.assertEqual([result["ruleId"] for result in run["results"]], kinds)
        self.assertEqual([result["occurrenceCount"] for result in run["results"]], [2] + [1] * (len(kinds) - 1))

    def test_other_stacks_are_other_results(self):
        event = {"thread": {"id": 7, "name": "x"}, "age_ns": 1, "number": 1, "stack": [frame(0x200)]}
        run = self.invented(report(), report(stack=[frame(0x101)]), report(allocation=event), report(free=event))
        self.assertEqual(len(run["results"]), 4)

    def test_no_reports(self):
        run = self.sarif(self.write("log", "nothing is wrong\n"))
        self.assertEqual((run["results"], run["tool"]["driver"]["rules"]), ([], []))
        os.mkdir(self.path("empty"))
        self.assertEqual(self.sarif(self.path("empty"))["results"], [])

    def test_a_stack_of_nothing(self):
        run = self.sarif(self.write("log", report(stack=[]) + "\n" + report(stack=[{"address": "0x10"}]) + "\n"))
        self.assertEqual(sarif.place_of(run["results"][0]["locations"][0]), ("program", 1))

    def test_what_is_left_out_is_said(self):
        path = self.write("log", report(stack=[])[:-9] + "\n" + report(stack=[], version=2) + "\n")
        said = [f"{path}:1: this report was cut, and is left out", f"{path}:2: a report of another version, which is left out"]
        run = self.sarif(path, errors="".join(f"bartizan: symbolize: {line}\n" for line in said))
        self.assertEqual((run["results"], self.problems(run)), ([], said))

    def test_reports_as_text_are_not_passed_over_silently(self):
        path = self.write("log", "bartizan: fatal: double free: ...\n")
        said = [f"{path}: its reports are text, and are left out: report_format=json is what this reads"]
        run = self.sarif(path, errors=f"bartizan: symbolize: {said[0]}\n")
        self.assertEqual((run["results"], self.problems(run)), ([], said))

    def test_wrong_use(self):
        result = self.command("symbolize", "--sarif", "/no/such/report")
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (2, "", "bartizan: symbolize: /no/such/report: No such file or directory\n"))
        result = self.command("symbolize", self.write("a", ""), self.write("b", ""))
        self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
