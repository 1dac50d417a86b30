#!/usr/bin/env python3
"""bartizan run: what the program gets, and what happens when there is none to run."""

import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import (BARTIZAN, IDLE_LIBRARY, LIBRARY, CommandTest, built,  # noqa: E402
                              can_be_another_user, environment)

WITH_LIBRARY = f"--library={LIBRARY}"


class Program(CommandTest):
    """The command becomes the program."""

    def test_exit_code_and_streams_are_the_programs(self):
        self.expect(["run", WITH_LIBRARY, "--", "sh", "-c", "cat; echo err >&2; exit 7"], 7,
                    stdout="in", stderr="err\n", input="in")

    def test_signals_are_the_programs(self):
        result = self.command("run", WITH_LIBRARY, "sh", "-c", "kill -USR1 $$")
        self.assertEqual(result.returncode, -signal.SIGUSR1)
        with subprocess.Popen([BARTIZAN, "run", WITH_LIBRARY, built("tests/cli/waiting_program")],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment()) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(), -signal.SIGTERM)

    def test_its_flags_are_its_own(self):
        for separator in (["--"], []):
            self.expect(["run", WITH_LIBRARY, *separator, "echo", "--off", "--profile=x", "--"], 0,
                        stdout="--off --profile=x --\n")

    def test_flags_may_have_their_value_apart(self):
        result = self.command("run", "--library", LIBRARY, "--profile", "fast", "--", "env")
        self.assertIn("BARTIZAN_OPTIONS=profile=fast\n", result.stdout)

    def test_a_script_without_interpreter_is_one_of_the_shell(self):
        script = self.write("script", "echo $0 $1\n")
        self.expect(["run", WITH_LIBRARY, script, "word"], 0, stdout=f"{script} word\n")

    def test_the_library_is_loaded_with_its_options(self):
        result = self.command("run", WITH_LIBRARY, "--profile=strict", "--set=random_slots=off",
                              "--option=verbose", "true")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr,
                         r"^bartizan 0\.1\.0: profile strict, layers: guard_pages "
                         r"freelist_encryption quarantine zero_on_free reuse_check canaries "
                         r"neighbour_check origin_check size_check bounded_libc sampling; off: random_slots; "
                         r"quarantine 64k \(options from "
                         r".*BARTIZAN_OPTIONS\)\n$")

    def test_no_descriptor_is_left_open(self):
        result = self.command("run", WITH_LIBRARY, "ls", "/proc/self/fd")
        self.assertEqual(result.stdout.split(), ["0", "1", "2", "3"])


class Variables(CommandTest):
    """LD_PRELOAD and BARTIZAN_OPTIONS of the program."""

    def variables(self, *flags, **variables):
        result = self.command("run", *flags, "env", "-0", variables=variables)
        self.assertEqual(result.returncode, 0, result.stderr)
        pairs = dict(pair.split("=", 1) for pair in result.stdout.split("\0") if pair)
        return pairs.get("LD_PRELOAD"), pairs.get("BARTIZAN_OPTIONS")

    def test_ours_is_preloaded_first_and_once(self):
        libc = "libc.so.6"
        for before, after in (("", LIBRARY), (libc, f"{LIBRARY}:{libc}"),
                              (f"{libc}:{LIBRARY}", f"{LIBRARY}:{libc}"),
                              (f"{IDLE_LIBRARY} {libc}", f"{LIBRARY}:{libc}")):
            self.assertEqual(self.variables(WITH_LIBRARY, LD_PRELOAD=before), (after, None))

    def test_options_follow_those_that_are_there(self):
        self.assertEqual(self.variables(WITH_LIBRARY)[1], None)
        self.assertEqual(self.variables(WITH_LIBRARY, BARTIZAN_OPTIONS="decay=1")[1], "decay=1")
        self.assertEqual(self.variables(WITH_LIBRARY, "--profile=fast",
                                        BARTIZAN_OPTIONS="profile=strict:decay=1")[1],
                         "profile=strict:decay=1:profile=fast")

    def test_flags_may_repeat(self):
        self.assertEqual(
            self.variables(WITH_LIBRARY, "--set", "canaries=off", "--option=decay=1",
                           "--set=random_slots=off,guard_pages=on", "--option=verbose=off")[1],
            "decay=1:verbose=off:canaries=off:random_slots=off:guard_pages=on")

    def test_of_a_flag_that_cannot_repeat_the_last_counts(self):
        self.assertEqual(self.variables(WITH_LIBRARY, "--profile=fast", "--profile=strict")[1],
                         "profile=strict")

    def test_colons_in_values_are_escaped(self):
        self.assertEqual(self.variables(WITH_LIBRARY, "--option=report_file=/tmp/a:b,c")[1],
                         "report_file=/tmp/a\\:b,c")

    def test_off_takes_ours_out_and_leaves_the_rest(self):
        libc = "libc.so.6"
        self.assertEqual(self.variables("--off", LD_PRELOAD=f"{libc}:{LIBRARY}",
                                        BARTIZAN_OPTIONS="decay=1"), (libc, "decay=1"))
        self.assertEqual(self.variables("--off", LD_PRELOAD=LIBRARY), (None, None))
        self.assertEqual(self.variables("--off"), (None, None))
        self.assertEqual(self.variables("--nooff", WITH_LIBRARY), (LIBRARY, None))


class Failures(CommandTest):
    def test_program_not_found(self):
        self.expect(["run", WITH_LIBRARY, "no-such-program"], 127,
                    stderr="bartizan: run: no-such-program: program not found: it is not in PATH\n")
        self.expect(["run", WITH_LIBRARY, "./none"], 127, cwd=self.folder,
                    stderr="bartizan: run: ./none: program not found: No such file or directory\n")

    def test_program_cannot_be_run(self):
        self.expect(["run", WITH_LIBRARY, self.folder], 126,
                    stderr=f"bartizan: run: {self.folder}: it is a directory\n")
        data = self.write("data", "text\n", mode=0o644)
        self.expect(["run", WITH_LIBRARY, data], 126,
                    stderr=f"bartizan: run: {data}: Permission denied\n")
        script = self.write("script", "#!/no/such/shell\n")
        self.expect(["run", WITH_LIBRARY, script], 126,
                    stderr=f"bartizan: run: {script}: its interpreter /no/such/shell is missing\n")

    def test_off_fails_in_the_same_way(self):
        self.expect(["run", "--off", "no-such-program"], 127,
                    stderr="bartizan: run: no-such-program: program not found: it is not in PATH\n")

    def test_library_missing(self):
        self.expect(["run", "--library=/no/such/library.so", "true"], 125,
                    stderr="bartizan: run: --library=/no/such/library.so: "
                           "No such file or directory\n")
        text = self.write("libbartizan.so", "text")
        self.expect(["run", f"--library={text}", "true"], 125,
                    stderr=f"bartizan: run: {text} is not a shared library of this machine\n")

    def test_off_needs_no_library(self):
        command = shutil.copy(BARTIZAN, self.path("bartizan"))
        self.expect(["run", "--off", "echo", "ran"], 0, stdout="ran\n", command=command)
        result = self.command("run", "true", command=command)
        self.assertEqual(result.returncode, 125)
        self.assertIn("libbartizan.so is not where it should be", result.stderr)


class Layouts(CommandTest):
    """Where the library is found without --library."""

    def expect_found(self, command, library):
        os.makedirs(os.path.dirname(library), exist_ok=True)
        os.makedirs(os.path.dirname(command), exist_ok=True)
        shutil.copy(BARTIZAN, command)
        shutil.copy(LIBRARY, library)
        link = self.path("link")
        os.symlink(command, link)
        for name in (command, link):
            result = self.command("run", "sh", "-c", "echo $LD_PRELOAD", command=name)
            self.assertEqual((result.returncode, result.stdout), (0, library + "\n"))

    def test_installed(self):
        self.expect_found(self.path("usr/bin/bartizan"), self.path("usr/lib/libbartizan.so"))

    def test_built(self):
        self.expect_found(self.path("tools/cli/bartizan"), self.path("libbartizan.so"))


class Warnings(CommandTest):
    """Programs that a preloaded library cannot reach run, with a warning."""

    def expect_warning(self, program, why):
        self.expect(["run", WITH_LIBRARY, program], 0, stdout="+", stdin=subprocess.DEVNULL,
                    stderr=f"bartizan: run: warning: {why}: a preloaded library has no effect "
                           "on it\n")

    def test_static_program(self):
        program = built("tests/cli/static_program")
        self.expect_warning(program, f"{program} is statically linked")

    def test_script_of_a_static_program(self):
        program = os.path.realpath(built("tests/cli/static_program"))
        script = self.write("script", f"#!{program}\n")
        self.expect_warning(script, f"{program} is statically linked")

    @unittest.skipUnless(can_be_another_user(), "only root can make such a file")
    def test_program_that_gains_privileges(self):
        program = shutil.copy(built("tests/cli/waiting_program"), self.path("program"))
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o4755)
        self.expect_warning(program, f"{program} gains privileges when it starts (set-user-id, "
                                     "set-group-id or capabilities)")

    def test_off_warns_of_nothing(self):
        self.expect(["run", "--off", built("tests/cli/static_program")], 0, stdout="+",
                    stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main()
