#!/usr/bin/env python3
"""How the command explains itself, and what it says when it is used wrongly."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import BARTIZAN, CommandTest, lines  # noqa: E402


COMMANDS = ("run", "options", "status", "stats", "top", "doctor", "exporter", "symbolize", "profile", "samples",
            "leaks", "unreachable", "selftest", "compare", "bench", "fuzz", "version", "help")


class Help(CommandTest):
    def test_overview_lists_every_command(self):
        texts = {self.command(*words).stdout for words in (["help"], ["--help"], ["-h"])}
        self.assertEqual(len(texts), 1)
        text = texts.pop()
        for name in COMMANDS:
            self.assertRegex(text, rf"(?m)^  {name} +\w")

    def test_without_a_command_it_goes_to_standard_error(self):
        self.expect([], 2, stderr=self.command("help").stdout)

    def test_every_command_has_help(self):
        for name in COMMANDS:
            text = self.command("help", name).stdout
            self.assertTrue(text.startswith(f"usage: bartizan {name}"), text)
            self.expect([name, "--help"], 0, stdout=text)
            self.expect([name, "-h"], 0, stdout=text)

    def test_help_of_run_lists_its_flags_and_no_others(self):
        text = self.command("help", "run").stdout
        for flag in ("profile", "set", "option", "off", "library"):
            self.assertRegex(text, rf"(?m)^  --{flag} +\w")
        self.assertNotIn("--json", text)

    def test_version(self):
        self.expect(["version"], 0, stdout="bartizan 0.1.0\n")
        self.expect(["--version"], 0, stdout="bartizan 0.1.0\n")


class WrongUse(CommandTest):
    def test_unknown_command(self):
        self.expect(["runn"], 2,
                    stderr="bartizan: unknown command 'runn'; did you mean 'run'?\n")
        self.expect(["frobnicate"], 2,
                    stderr="bartizan: unknown command 'frobnicate'; \"bartizan help\" lists them\n")
        self.expect(["help", "statuss"], 2,
                    stderr="bartizan: unknown command 'statuss'; did you mean 'status'?\n")

    def test_unknown_flag(self):
        self.expect(["run", "--profil=fast", "true"], 2,
                    stderr=lines("bartizan: run: unknown flag '--profil'; "
                                 "did you mean '--profile'?", "Try: bartizan help run"))
        self.expect(["run", "-x", "true"], 2,
                    stderr=lines("bartizan: run: unknown flag '-x'", "Try: bartizan help run"))
        self.expect(["status", "--frobnicate", "1"], 2,
                    stderr=lines("bartizan: status: unknown flag '--frobnicate'",
                                 "Try: bartizan help status"))

    def test_a_flag_of_another_command_is_unknown(self):
        self.expect(["options", "--off"], 2,
                    stderr=lines("bartizan: options: unknown flag '--off'",
                                 "Try: bartizan help options"))

    def test_flag_without_value(self):
        self.expect(["run", "--profile"], 2,
                    stderr=lines("bartizan: run: --profile needs a value",
                                 "Try: bartizan help run"))
        self.expect(["run", "--off=perhaps", "true"], 2,
                    stderr=lines("bartizan: run: --off=perhaps: wrong value",
                                 "Try: bartizan help run"))
        self.expect(["run", "--noprofile", "true"], 2,
                    stderr=lines("bartizan: run: unknown flag '--noprofile'; "
                                 "did you mean '--profile'?", "Try: bartizan help run"))

    def test_superfluous_words(self):
        self.expect(["version", "now"], 2,
                    stderr="bartizan: version: takes no arguments, got 'now'\n")
        self.expect(["options", "all"], 2,
                    stderr="bartizan: options: takes no arguments, got 'all'\n")
        self.expect(["help", "run", "status"], 2, stderr="bartizan: help: takes one command\n")

    def test_run_needs_a_program(self):
        message = lines("bartizan: run: which program?", "Try: bartizan run -- PROGRAM [ARGS]")
        self.expect(["run"], 2, stderr=message)
        self.expect(["run", "--profile=fast", "--"], 2, stderr=message)

    def test_status_needs_a_process(self):
        message = lines("bartizan: status: which process?", "Try: bartizan status PID")
        self.expect(["status"], 2, stderr=message)
        self.expect(["status", "1", "2"], 2, stderr=message)
        for word in ("x", "0", "-5x", "1x", "99999999999"):
            arguments = ["status", "--", word]
            self.expect(arguments, 2, stderr=f"bartizan: status: '{word}' is not a process id\n")

    def test_wrong_options(self):
        for flag, message in (
                ("--profile=hardned", "profile=hardned: expected fast, hardened, strict or debug "
                                      "(did you mean 'hardened'?)"),
                ("--set=canarys=on", "unknown layer 'canarys'; did you mean 'canaries'?"),
                ("--set=speed=on", "unknown layer 'speed'; \"bartizan options\" lists them"),
                ("--set=canaries=maybe", "canaries=maybe: expected on or off"),
                ("--set=decay=5", "'decay' is not a layer; use --option=decay=5"),
                ("--option=decay=x", "decay=x: expected milliseconds from 0 to 3600000, such as "
                                     "500, 500ms or 2s"),
                ("--option=pace", "unknown option 'pace'; \"bartizan options\" lists them"),
        ):
            self.expect(["run", flag, "true"], 2, stderr=f"bartizan: run: {message}\n")

    def test_every_wrong_option_is_told(self):
        result = self.command("run", "--profile=x", "--set=y", "--option=z", "true")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(len(result.stderr.splitlines()), 3)

    def test_off_excludes_options(self):
        message = ("bartizan: run: --off runs the program without the library; "
                   "leave the other flags out\n")
        self.expect(["run", "--off", "--profile=fast", "true"], 2, stderr=message)
        self.expect(["run", "--off", "--library=/x", "true"], 2, stderr=message)

    def test_a_full_disk_is_no_success(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            import subprocess
            result = subprocess.run([BARTIZAN, "options"], stdout=full, stderr=subprocess.PIPE,
                                    text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr,
                         "bartizan: standard output: No space left on device\n")


if __name__ == "__main__":
    unittest.main()
