#!/usr/bin/env python3
"""bartizan symbolize: names for frames, from programs with and without debug information of their own."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import CommandTest  # noqa: E402

SOURCE = """\
#include <stdlib.h>
static inline __attribute__((always_inline)) void* inner(int n) {
  return malloc(n);
}
__attribute__((noinline)) void* outer(int n) {
  return inner(n);
}
int main(void) {
  return outer(3) == 0;
}
"""
SYMBOLIZERS = ["llvm-symbolizer-19", "addr2line"]


class Symbolize(CommandTest):
    def setUp(self):
        super().setUp()
        source = self.write("program.c", SOURCE)
        self.program = self.path("program")
        subprocess.run(["clang-19", "-g", "-O1", "-Wl,--build-id=sha1", "-fuse-ld=lld", "-o", self.program, source], check=True)
        code = subprocess.run(["llvm-objdump-19", "-d", "--disassemble-symbols=outer", self.program], check=True,
                              capture_output=True, text=True).stdout
        self.offset = re.search(r"(?m)^ *([0-9a-f]+):.*malloc", code)[1]
        notes = subprocess.run(["llvm-readelf-19", "-n", self.program], check=True, capture_output=True, text=True).stdout
        self.build_id = re.search(r"Build ID: ([0-9a-f]+)", notes)[1]

    def frame(self, module=None, build_id=None):
        return (f"    #2 0x7f0000{self.offset} ({module or self.program}+0x{self.offset})"
                f" (BuildId: {build_id or self.build_id})")

    def symbolized(self, text, *arguments):
        report = self.write("report", text)
        result = self.command("symbolize", *arguments, report)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def expect_names(self, *arguments):
        module = f"({self.program}+0x{self.offset}) (BuildId: {self.build_id})"
        source = self.path("program.c")
        for program in SYMBOLIZERS:
            self.assertEqual(
                self.symbolized("before\n" + self.frame() + "\nafter\n", f"--symbolizer={program}", *arguments),
                "before\n"
                f"    #2 0x7f0000{self.offset} in inner {source}:3 {module}\n"
                f"    #2 0x7f0000{self.offset} in outer {source}:6 {module}\n"
                "after\n")

    def test_functions_files_and_lines(self):
        self.expect_names()

    def test_json(self):
        text = json.dumps({"stack": [{"address": "0x5", "module": self.program, "offset": "0x" + self.offset,
                                      "build_id": self.build_id}, {"address": "0x10"}]})
        frames = json.loads(self.symbolized(text))["stack"]
        self.assertEqual([place["function"] for place in frames[0]["places"]], ["inner", "outer"])
        self.assertEqual([place["line"] for place in frames[0]["places"]], [3, 6])
        self.assertEqual(frames[1], {"address": "0x10"})

    def test_standard_input(self):
        result = self.command("symbolize", "-", input=self.frame() + "\n")
        self.assertIn(" in outer ", result.stdout)

    def test_what_is_no_frame_goes_through(self):
        text = "#1 (x+0x1)\n#2 0x1 (/nowhere)\n\t{\"module\": 1}\nlast line without an end"
        self.assertEqual(self.symbolized(text), text)

    def strip(self):
        debug = self.path("program.debug")
        subprocess.run(["llvm-objcopy-19", "--only-keep-debug", self.program, debug], check=True)
        subprocess.run(["llvm-strip-19", self.program], check=True)
        return debug

    def test_stripped_with_a_folder_of_build_ids(self):
        debug = self.strip()
        self.assertNotIn("program.c", self.symbolized(self.frame()))
        place = self.path(f"debug/.build-id/{self.build_id[:2]}/{self.build_id[2:]}.debug")
        os.makedirs(os.path.dirname(place))
        shutil.move(debug, place)
        self.expect_names(f"--debug-dir={self.path('debug')}")

    def test_stripped_with_a_debug_link(self):
        debug = self.strip()
        subprocess.run(["llvm-objcopy-19", f"--add-gnu-debuglink={debug}", self.program], check=True)
        self.expect_names()
        os.mkdir(self.path(".debug"))
        shutil.move(debug, self.path(".debug/program.debug"))
        self.expect_names()

    def test_another_build_is_said_and_left_out(self):
        other = "0" * len(self.build_id)
        report = self.write("report", self.frame(build_id=other) + "\n")
        result = self.command("symbolize", report)
        self.assertEqual(result.stdout, self.frame(build_id=other) + "\n")
        self.assertEqual(result.stderr, f"bartizan: symbolize: {self.program}: is another build ({self.build_id}) than that "
                                        f"of the stacks ({other})\n")

    def test_a_module_that_is_gone(self):
        report = self.write("report", self.frame(module="/no/such/file") + "\n")
        result = self.command("symbolize", report)
        self.assertEqual((result.returncode, result.stdout), (0, self.frame(module="/no/such/file") + "\n"))
        self.assertEqual(result.stderr, "bartizan: symbolize: /no/such/file: No such file or directory\n")

    def test_no_symbolizer(self):
        os.mkdir(self.path("bin"))
        os.symlink(shutil.which("python3"), self.path("bin/python3"))
        report = self.write("report", self.frame() + "\n")
        result = self.command("symbolize", report, variables={"PATH": self.path("bin")})
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertEqual(result.stderr, "bartizan: symbolize: needs a symbolizer, and there is none of llvm-symbolizer-19, "
                                        "llvm-symbolizer, addr2line in PATH; install Debian's package llvm-19 or binutils\n")

    def test_wrong_use(self):
        result = self.command("symbolize", "/no/such/report")
        self.assertEqual((result.returncode, result.stderr),
                         (2, "bartizan: symbolize: /no/such/report: No such file or directory\n"))
        self.assertEqual(self.command("symbolize").returncode, 2)


if __name__ == "__main__":
    unittest.main()
