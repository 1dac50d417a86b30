#!/usr/bin/env python3
"""bartizan selftest: what it tries and promises, with the real library and with ones that protect nothing."""

import json
import os
import re
import resource
import shutil
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import BARTIZAN, IDLE_LIBRARY, LIBRARY, CommandTest, built, lines  # noqa: E402

REAL_LIBRARY = os.path.realpath(built("libbartizan.so"))
REAL_FAST_LIBRARY = os.path.realpath(built("libbartizan-fast.so"))
FAULTS = os.path.realpath(built("tools/faults/bartizan-faults"))

LAYERS = ("guard_pages", "freelist_encryption", "random_slots", "quarantine", "zero_on_free", "reuse_check", "canaries",
          "origin_check", "size_check", "bounded_libc", "sampling")


class SelftestTest(CommandTest):
    def selftest(self, *flags, library=REAL_LIBRARY, **options):
        return self.command("selftest", f"--library={library}", f"--faults={FAULTS}", *flags, **options)

    def found(self, *flags, status=0, **options):
        """The parsed result of a run that ends with that status."""
        result = self.selftest("--json", *flags, **options)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return json.loads(result.stdout)

    def states(self, found):
        return {layer["name"]: layer["state"] for layer in found["layers"]}


class Profiles(SelftestTest):
    def test_everything_that_each_profile_promises_is_caught(self):
        only_strict = {"neighbour_check", "origin_check", "bounded_libc"}
        for profile, off in (("fast", set(LAYERS)), ("hardened", only_strict), ("strict", set()), ("debug", set())):
            found = self.found(f"--profile={profile}")
            self.assertEqual((found["profile"], found["passed"]), (profile, True))
            self.assertEqual(found["caught"], found["tried"])
            states = self.states(found)
            self.assertEqual(states.pop("always on"), "always")
            for layer in LAYERS:
                self.assertEqual(states[layer], "off" if layer in off else "on", layer)
            for layer in found["layers"]:
                self.assertEqual(bool(layer["faults"]), layer["state"] != "off", layer["name"])

    def test_the_fast_library_has_the_checks_of_freed_pointers(self):
        found = self.found(library=REAL_FAST_LIBRARY)
        self.assertEqual((found["variant"], found["passed"]), ("fast", True))

    def test_each_ending_is_told(self):
        found = self.found("--profile=strict")
        faults = {(layer["name"], fault["name"]): fault for layer in found["layers"] for fault in layer["faults"]}
        for name, how, moment, message in (
                (("always on", "double_free_immediate"), "report", "free", "double free: "),
                (("always on", "realloc_interior"), "report", "call", "invalid realloc: "),
                (("guard_pages", "overflow_1m_store"), "guard", "access", "SIGSEGV"),
                (("reuse_check", "write_after_free_one_bit"), "report", "reuse", "write after free: "),
                (("zero_on_free", "read_after_free"), "harmless", "access", "reads zeros")):
            fault = faults[name]
            self.assertEqual((fault["caught"], fault["how"], fault["moment"]), (True, how, moment))
            self.assertTrue(fault["message"].startswith(message), fault)

    def test_text_for_people(self):
        result = self.selftest("--set=origin_check=off,size_check=off")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for line in (r"Bartizan 0\.1\.0 \(dynamic, .*\), profile hardened", "origin_check: off", "size_check: off",
                     r"canaries: on: (\d+) of \1 caught", r"always on: (\d+) of \1 caught",
                     r"  overflow_1_store +8 bytes +at free +heap overflow: \D+", r"(\d+) of \1 faults caught"):
            self.assertRegex(result.stdout, rf"(?m)^{line}$")


class Options(SelftestTest):
    def test_the_users_options_are_in_force(self):
        found = self.found("--set=canaries=off", variables={"BARTIZAN_OPTIONS": "profile=strict:size_check=off"})
        states = self.states(found)
        self.assertEqual(found["profile"], "strict")
        self.assertEqual([layer for layer in LAYERS if states[layer] == "off"], ["canaries", "size_check"])

    def test_mistakes_in_the_users_options_are_shown_once(self):
        result = self.selftest(variables={"BARTIZAN_OPTIONS": "canarys=off"})
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr.count("unknown option 'canarys'"), 1)

    def test_reports_do_not_go_to_the_report_file(self):
        path = self.path("report")
        self.assertTrue(self.found(f"--option=report_file={path}")["passed"])
        self.assertFalse(os.path.exists(path))


class Missed(SelftestTest):
    """LIBRARY says that its layers are on, and the C library's malloc serves the program."""

    def test_what_is_missed_is_told(self):
        found = self.found(library=LIBRARY, status=1)
        self.assertFalse(found["passed"])
        layers = {layer["name"]: layer for layer in found["layers"]}
        for layer in ("guard_pages", "quarantine", "zero_on_free", "reuse_check", "canaries", "size_check"):
            self.assertLess(layers[layer]["caught"], layers[layer]["tried"], layer)
        # The C library ends the process, which is not our report.
        double_free = next(fault for fault in layers["always on"]["faults"]
                           if fault["name"] == "double_free_immediate")
        self.assertFalse(double_free["caught"])

    def test_text(self):
        result = self.selftest(library=LIBRARY)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"(?m)^  overflow_1_store +100 bytes +MISSED ")
        self.assertRegex(result.stdout, r"(?m)^\d+ of \d+ faults caught; \d+ missed$")

    def test_no_core_dump_is_left(self):
        result = self.selftest(library=LIBRARY, cwd=self.folder, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2))
        self.assertEqual(result.returncode, 1)
        self.assertEqual(os.listdir(self.folder), [])


class NotPossible(SelftestTest):
    def test_a_library_that_does_not_serve_the_program(self):
        result = self.selftest(library=IDLE_LIBRARY)
        self.assertEqual(result.returncode, 126)
        self.assertRegex(result.stderr, r"cannot test .*: another malloc serves the program\n$")

    def test_missing_files(self):
        self.expect(["selftest", "--library=/nowhere"], 125,
                    stderr="bartizan: selftest: --library=/nowhere: No such file or directory\n")
        self.expect(["selftest", f"--library={REAL_LIBRARY}", "--faults=/nowhere"], 125,
                    stderr="bartizan: selftest: --faults=/nowhere: No such file or directory\n")

    def test_a_program_that_is_none_of_ours(self):
        program = self.write("program", "#!/bin/sh\nexit 0\n")
        result = self.command("selftest", f"--library={REAL_LIBRARY}", f"--faults={program}")
        self.assertEqual(result.returncode, 126)
        self.assertIn("does not start with", result.stderr)

    def test_wrong_use(self):
        self.expect(["selftest", "all"], 2, stderr="bartizan: selftest: takes no arguments, got 'all'\n")
        self.expect(["selftest", "--profile=x"], 2,
                    stderr="bartizan: selftest: profile=x: expected fast, hardened, strict or debug\n")
        self.expect(["selftest", "--off"], 2,
                    stderr=lines("bartizan: selftest: unknown flag '--off'", "Try: bartizan help selftest"))


class Installed(SelftestTest):
    def install(self, program_folder):
        for path, source in (("bin/bartizan", BARTIZAN), ("lib/libbartizan.so", REAL_LIBRARY),
                             (f"{program_folder}/bartizan-faults", FAULTS)):
            if source is None:
                continue
            os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
            shutil.copy(source, self.path(path))
        return self.path("bin/bartizan")

    def test_the_program_is_found_beside_the_command_or_in_libexec(self):
        for folder in ("bin", "libexec"):
            command = self.install(folder)
            result = self.command("selftest", "--profile=fast", command=command)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            os.remove(self.path(f"{folder}/bartizan-faults"))
        result = self.command("selftest", command=command)
        self.assertEqual(result.returncode, 125)
        self.assertTrue(re.search(r"not where it should be: .*/bin/bartizan-faults", result.stderr), result.stderr)


if __name__ == "__main__":
    unittest.main()
