#!/usr/bin/env python3
"""bartizan leaks and leaks_at_exit: what they say, what is suppressed, what is refused, and that the process goes on."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "cli"))

from bartizan_command import BARTIZAN, CommandTest, built, can_be_another_user, environment  # noqa: E402
import json_schema  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
PROGRAM = built("tests/leaks/leaky_program")
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
LOST = ": 996 bytes in 5 blocks lost"
with open(built("docs/leaks.schema.json"), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
with open(built("docs/summary.schema.json"), encoding="utf-8") as schema_file:
    SUMMARY_SCHEMA = json.load(schema_file)
ALONE, FIRST = {"blocks": 3, "bytes": 600}, {"blocks": 1, "bytes": 300}


class LeaksTest(CommandTest):
    @contextlib.contextmanager
    def waiting(self, library=LIBRARY, **variables):
        with subprocess.Popen([PROGRAM, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment(LD_PRELOAD=library, **variables)) as process:
            self.assertEqual(process.stdout.readline(), b"started\n")
            yield process
            process.stdin.close()
            self.assertEqual(process.wait(), 0)

    def goes_on(self, process):
        process.stdin.write(b"x")
        process.stdin.flush()
        self.assertEqual(process.stdout.read(1), b"+")

    def of_program(self, *words, **options):
        return self.command("leaks", *words, **options)

    def described(self, text):
        """The value of a line of --json, which the schema describes whole."""
        value = json.loads(text)
        self.assertEqual(json_schema.mistakes(value, SCHEMA), [])
        return value


class AtExit(LeaksTest):
    def run_with(self, options, *words):
        return subprocess.run([PROGRAM, *words], env=environment(LD_PRELOAD=LIBRARY, BARTIZAN_OPTIONS=options),
                              capture_output=True, text=True, check=False)

    def test_tells_and_ends_with_another_status(self):
        result = self.run_with("profile=debug:exit_summary=off:leaks_at_exit=text")
        self.assertEqual((result.returncode, result.stdout), (23, "started\n"))
        first, *rest = result.stderr.splitlines()
        self.assertRegex(first, r"^bartizan: leaks: process \d+ \(leaky_program\)" + LOST)
        titles = [line for line in rest if not line.startswith("    #")]
        self.assertEqual(titles, ["  600 bytes in 3 blocks lost, allocated by:", "  300 bytes in 1 block lost, allocated by:",
                                  "  96 bytes in 1 block lost with others, allocated by:"])
        self.assertIn(f"({os.path.realpath(PROGRAM)}+0x", result.stderr)

    def test_the_status_of_choice(self):
        self.assertEqual(self.run_with("leaks_at_exit=text:leaks_exit_code=7").returncode, 7)
        result = self.run_with("leaks_at_exit=text:leaks_exit_code=0", "5")
        self.assertEqual(result.returncode, 5)
        self.assertIn(LOST, result.stderr)

    def test_nothing_is_lost(self):
        result = self.run_with("profile=debug:exit_summary=off:leaks_at_exit=text", "clean")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "started\n", ""))

    def test_into_a_file(self):
        path = self.path("leaks.json")
        result = self.run_with(f"profile=debug:exit_summary=off:leaks_at_exit=json\\:{path}")
        self.assertEqual((result.returncode, result.stderr), (23, ""))
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        self.assertEqual(document["direct"], {"blocks": 4, "bytes": 900})
        self.assertEqual(document["indirect"], {"blocks": 1, "bytes": 96})

    def test_a_full_disk_is_said(self):
        result = self.run_with("profile=debug:exit_summary=off:leaks_at_exit=text\\:/dev/full")
        self.assertEqual((result.returncode, result.stderr),
                         (23, "bartizan: leaks: the report could not be written whole\n"))

    def test_off_unless_asked_for(self):
        result = self.run_with("profile=debug:exit_summary=off")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def summary(self, options, *words):
        """The summary that the process writes in its last line."""
        result = self.run_with("profile=debug:report_format=json:leaks_exit_code=0:" + options, *words)
        value = json.loads(result.stderr.splitlines()[-1])
        self.assertEqual(json_schema.mistakes(value, SUMMARY_SCHEMA), [])
        self.assertEqual((value["format"], result.returncode), ("bartizan-summary", 0))
        return value

    def test_the_summary_tells(self):
        result = self.run_with("profile=debug:leaks_at_exit=text")
        last = result.stderr.splitlines()[-1]
        self.assertRegex(last, r"^bartizan: summary: .* in use at exit; 5 leaks of together 996 bytes$")
        self.assertEqual(result.stderr.count("bartizan: "), 2, "the report and the summary")
        self.assertEqual(self.summary("leaks_at_exit=text")["leaks"], {"blocks": 5, "bytes": 996})
        self.assertEqual(self.summary("leaks_at_exit=json")["leaks"], {"blocks": 5, "bytes": 996})

    def test_the_summary_tells_that_there_are_none(self):
        result = self.run_with("profile=debug:leaks_at_exit=text", "clean")
        self.assertRegex(result.stderr, r"^bartizan: summary: .* in use at exit; no leaks\n$")
        self.assertEqual(self.summary("leaks_at_exit=text", "clean")["leaks"], {"blocks": 0, "bytes": 0})

    def test_the_summary_says_nothing_of_what_was_not_looked_for(self):
        result = self.run_with("profile=debug")
        self.assertRegex(result.stderr, r"^bartizan: summary: .* in use at exit\n$")
        self.assertNotIn("leaks", self.summary("leaks_at_exit=off"))

    def test_without_stacks(self):
        result = self.run_with("profile=fast:leaks_at_exit=text")
        self.assertIn("  600 bytes in 3 blocks lost, no stack recorded\n", result.stderr)


class OfAProgram(LeaksTest):
    def test_names_and_status(self):
        result = self.of_program("--", PROGRAM)
        self.assertEqual((result.returncode, result.stdout), (23, "started\n"))
        self.assertRegex(result.stderr, r"#1 0x[0-9a-f]+ in LoseAlone \S*leaky_program.cc:\d+ \(")
        self.assertIn("\n96 bytes in 1 block lost with others: only lost blocks refer to them\n", "\n" + result.stderr)
        self.assertTrue(result.stderr.endswith(LOST + ", of these 96 bytes in 1 block with others\n"), result.stderr)

    def test_other_statuses(self):
        self.assertEqual(self.of_program("--", PROGRAM, "4").returncode, 4)
        self.assertEqual(self.of_program("--exit-code=9", "--", PROGRAM).returncode, 9)
        self.assertEqual(self.of_program("--exit-code=0", "--", PROGRAM).returncode, 0)
        self.assertEqual(self.of_program("--", "/no/such/program").returncode, 127)

    def test_nothing_is_lost(self):
        result = self.of_program("--", PROGRAM, "clean")
        self.assertEqual((result.returncode, result.stdout), (0, "started\n"))
        self.assertRegex(result.stderr, r"^bartizan: leaks: process \d+ \(leaky_program\): no leaks\n$")

    def test_programs_that_are_not_looked_at(self):
        complaint = "bartizan: leaks: no process was looked at: the program left by _exit, is linked statically, or may not be traced\n"
        result = self.of_program("--", "/usr/bin/python3", "-c", "import os; os._exit(0)")
        self.assertEqual((result.returncode, result.stderr), (2, complaint))
        result = self.of_program("--", "/usr/bin/python3", "-c", "import os; os._exit(5)")
        self.assertEqual((result.returncode, result.stderr), (5, ""))

    def test_programs_that_it_starts(self):
        result = self.of_program("--", "/bin/sh", "-c", f"{PROGRAM}; exit 0")
        self.assertIn("(leaky_program)" + LOST, result.stderr)
        self.assertEqual(result.returncode, 23)


class AsJson(LeaksTest):
    def test_leaks(self):
        document = self.described(self.of_program("--json", "--", PROGRAM).stderr)
        self.assertEqual((document["direct"], document["indirect"]),
                         ({"blocks": 4, "bytes": 900}, {"blocks": 1, "bytes": 96}))
        self.assertEqual([(leak["kind"], leak["blocks"], leak["bytes"]) for leak in document["leaks"]],
                         [("direct", 3, 600), ("direct", 1, 300), ("indirect", 1, 96)])
        frame = next(frame for frame in document["leaks"][0]["frames"] if frame.get("function") == "LoseAlone")
        self.assertEqual((frame["number"], frame["module"]), (1, os.path.realpath(PROGRAM)))
        self.assertTrue(frame["file"].endswith("leaky_program.cc"), frame)

    def test_without_names(self):
        document = self.described(self.of_program("--json", "--nosymbols", "--", PROGRAM).stderr)
        self.assertTrue(document["leaks"][0]["frames"])
        for frame in document["leaks"][0]["frames"]:
            self.assertNotIn("function", frame)

    def test_none(self):
        document = self.described(self.of_program("--json", "--", PROGRAM, "clean").stderr)
        none = {"blocks": 0, "bytes": 0}
        self.assertEqual((document["direct"], document["indirect"], document["leaks"]), (none, none, []))

    def test_reachable(self):
        for profile in ("debug", "fast"):
            with self.waiting(BARTIZAN_OPTIONS=f"profile={profile}") as process:
                without = self.described(self.of_program("--json", str(process.pid)).stdout)
                document = self.described(self.of_program("--json", "--reachable", str(process.pid)).stdout)
            self.assertNotIn("reachable", without)
            self.assertEqual(document["process"], process.pid)
            told = [leak["blocks"] for leak in document["leaks"] if leak["kind"] == "reachable"]
            self.assertEqual(document["reachable"]["blocks"], sum(told))
            self.assertGreater(sum(told), 0, "at least the buffer of standard output")


class Suppressions(LeaksTest):
    def document(self, text, status=23):
        path = self.write("suppressions", text)
        result = self.of_program("--json", f"--suppressions={path}", "--", PROGRAM)
        self.assertEqual(result.returncode, status, result.stderr)
        return self.described(result.stderr)

    def expect(self, pattern, remaining):
        document = self.document(f"# of the test\n\nleak:{pattern}\n", 23 if remaining else 0)
        self.assertEqual([leak["bytes"] for leak in document["leaks"]], remaining, pattern)
        return document

    def test_functions(self):
        everything = [600, 300, 96]
        self.expect("NoSuchFunction", everything)
        document = self.expect("LoseAlone", [300, 96])
        self.assertEqual(document["suppressed"], [dict(pattern="LoseAlone", **ALONE)])
        self.expect("seAlo", [300, 96])
        self.expect("^LoseAlone$", [300, 96])
        self.expect("^seAlo", everything)
        self.expect("LoseAl$", everything)
        self.expect("^L*se*e$", [300, 96])
        self.expect("Lose.lone", everything)

    def test_what_was_lost_with_it(self):
        document = self.expect("^LosePair$", [600])
        # That one has a stack of its own, without the function that is suppressed.
        document = self.expect("^MakeFirst$", [600])
        self.assertEqual(document["suppressed"], [dict(pattern="^MakeFirst$", **FIRST)])
        # Only what is lost with it has this function.
        self.expect("^MakeOther$", [600, 300])

    def test_files_and_modules(self):
        self.expect("leaky_program.cc", [])
        self.expect("/leaky_program$", [])
        self.expect("libother.so", [600, 300, 96])

    def test_wrong_lines(self):
        for line in ("race:x", "leak:", "leak", "leak:*", "x"):
            path = self.write("suppressions", "leak:Fine\n" + line + "\n")
            result = self.of_program(f"--suppressions={path}", "--", PROGRAM)
            self.assertEqual((result.returncode, result.stdout, result.stderr),
                             (2, "", f"bartizan: leaks: {path}:2: expected leak:PATTERN, not '{line}'\n"))
        result = self.of_program("--suppressions=/no/such/file", "--", PROGRAM)
        self.assertEqual((result.returncode, result.stderr), (2, "bartizan: leaks: /no/such/file: No such file or directory\n"))


class OfAProcess(LeaksTest):
    def expect_refused(self, process, status, message):
        result = self.of_program(str(process))
        self.assertEqual((result.returncode, result.stdout, result.stderr), (status, "", f"bartizan: leaks: {message}\n"))

    def test_text(self):
        with self.waiting(BARTIZAN_OPTIONS="profile=debug") as process:
            result = self.of_program(str(process.pid))
            self.assertEqual((result.returncode, result.stderr), (23, ""))
            self.assertTrue(result.stdout.startswith("900 bytes in 4 blocks lost: nothing refers to them\n"), result.stdout)
            self.assertTrue(result.stdout.endswith(LOST + ", of these 96 bytes in 1 block with others\n"), result.stdout)
            self.goes_on(process)

    def test_sizes_where_no_stack_is_known(self):
        with self.waiting(BARTIZAN_OPTIONS="profile=fast") as process:
            result = self.of_program(str(process.pid))
            self.assertRegex(result.stdout,
                             r"\n  600 bytes in 3 blocks of 200 bytes each, no stack recorded, for example at 0x[0-9a-f]+\n")

    def test_a_stopped_process_stays_stopped(self):
        with self.waiting() as process:
            process.send_signal(signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            self.assertEqual(self.of_program(str(process.pid)).returncode, 23)
            with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
                self.assertEqual(file.read().rsplit(")", 1)[1].split()[0], "T")
            process.send_signal(signal.SIGCONT)
            self.goes_on(process)

    def test_the_process_goes_on_when_the_command_is_killed(self):
        for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
            with self.waiting() as process:
                with subprocess.Popen([BARTIZAN, "unreachable", str(process.pid)], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, env=environment()) as command:
                    while command.poll() is None and self.tracer(process.pid) == 0:
                        pass
                    command.send_signal(number)
                self.goes_on(process)

    @staticmethod
    def tracer(process):
        with open(f"/proc/{process}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("TracerPid:"))

    def test_a_process_that_is_traced_already(self):
        libc = ctypes.CDLL(None, use_errno=True)
        with self.waiting() as process:
            # A thread is traced by a thread: this one, which does nothing else meanwhile.
            self.assertEqual(libc.ptrace(PTRACE_SEIZE, process.pid, None, None), 0)
            self.expect_refused(process.pid, 2, f"process {process.pid} (leaky_program) cannot be stopped: process {os.getpid()} "
                                "traces it, a debugger for example")
            self.goes_on(process)

    def test_a_process_of_somebody_else(self):
        if not can_be_another_user():
            self.skipTest("only root can be somebody else")
        command = shutil.copy(BARTIZAN, self.path("bartizan"))
        with self.waiting() as process:
            result = subprocess.run([command, "unreachable", str(process.pid)], env=environment(), capture_output=True,
                                    text=True, check=False, user=65534, group=65534, extra_groups=[])
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("run this as root, or as the user of the process", result.stderr)
            self.goes_on(process)

    def test_processes_that_are_none(self):
        with self.waiting(library="") as process:
            self.expect_refused(process.pid, 1, f"process {process.pid} (leaky_program): not protected")
        ended = process.pid
        self.expect_refused(ended, 2, f"there is no process {ended}")

    def test_wrong_use(self):
        for words in ([], ["--"], ["x"], ["0"], ["1", "--", "true"], ["--profile=debug", "1"], ["--exit-code=256", "1"],
                      ["--reachable", "--", "true"]):
            result = self.of_program(*words)
            self.assertEqual((result.returncode, result.stdout), (2, ""), words)
            self.assertTrue(result.stderr, words)


if __name__ == "__main__":
    unittest.main()
