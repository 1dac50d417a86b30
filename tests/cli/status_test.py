#!/usr/bin/env python3
"""bartizan status, looking into processes of every kind."""

import contextlib
import os
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import (BARTIZAN, IDLE_LIBRARY, LIBRARY, CommandTest, built,  # noqa: E402
                              can_be_another_user, environment)

WAITING = built("tests/cli/waiting_program")


class Status(CommandTest):
    @contextlib.contextmanager
    def process(self, *words, **variables):
        """A process that has started and waits; its id."""
        with subprocess.Popen(words or [WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=environment(**variables)) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            yield process.pid
            process.stdin.close()
            self.assertEqual(process.wait(), 0)

    def expect_protected(self, process, module, profile="hardened"):
        result = self.command("status", str(process))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        name = os.path.basename(WAITING)[:15]
        first, *rest = result.stdout.splitlines()
        self.assertRegex(first, rf"^process {process} \(\S+\): protected by Bartizan 0\.1\.0 "
                                rf"\(dynamic, {module}\)$", name)
        facts = dict(line.strip().split(":", 1) for line in rest)
        self.assertEqual(facts["profile"].strip(), profile)
        return {key: value.strip() for key, value in facts.items()}

    def test_protected(self):
        with self.process(BARTIZAN, "run", f"--library={LIBRARY}", "--profile=strict",
                          "--set=quarantine=off", "--option=decay=2s",
                          "--option=report_file=/tmp/r", "--option=seed=7", WAITING) as process:
            facts = self.expect_protected(process, LIBRARY, "strict")
        self.assertEqual(facts["layers on"], "guard_pages freelist_encryption random_slots "
                                             "zero_on_free reuse_check canaries "
                                             "neighbour_check origin_check size_check bounded_libc sampling")
        self.assertEqual(facts["layers off"], "quarantine")
        self.assertEqual(facts["quarantine"], "off")
        self.assertEqual(facts["decay"], "2000 ms")
        self.assertEqual(facts["large cache"], "16m")
        self.assertEqual(facts["seed"], "7 (every secret follows from it: for debugging only)")
        self.assertEqual(facts["reports to"], "/tmp/r")
        self.assertRegex(facts["options from"], "BARTIZAN_OPTIONS$")

    def test_quarantine_has_its_sizes(self):
        with self.process(LD_PRELOAD=LIBRARY,
                          BARTIZAN_OPTIONS="profile=hardened:quarantine=8k") as process:
            facts = self.expect_protected(process, LIBRARY)
        self.assertEqual(facts["quarantine"], "8k per thread and size class; large blocks 32m")
        self.assertEqual(facts["seed"], "none")

    def test_not_protected(self):
        with self.process() as process:
            self.expect(["status", str(process)], 1,
                        stdout=f"process {process} ({os.path.basename(WAITING)[:15]}): "
                               "not protected\n")

    def test_library_without_effect(self):
        with self.process(LD_PRELOAD=IDLE_LIBRARY) as process:
            self.expect(["status", str(process)], 1,
                        stdout=f"process {process} ({os.path.basename(WAITING)[:15]}): "
                               f"not protected: {IDLE_LIBRARY} is loaded, but another malloc "
                               "serves the process\n")

    def test_library_replaced_while_it_runs(self):
        library = shutil.copy(LIBRARY, self.path("libbartizan.so.0"))
        with self.process(LD_PRELOAD=library, BARTIZAN_OPTIONS="profile=hardened") as process:
            os.remove(library)
            self.write("libbartizan.so.0", "another file")
            self.expect_protected(process, library)

    def test_linked_into_the_program(self):
        program = os.path.realpath(built("tests/cli/linked_program"))
        with self.process(program, BARTIZAN_OPTIONS="profile=hardened") as process:
            self.expect_protected(process, program)

    def test_linked_into_a_stripped_and_deleted_program(self):
        program = shutil.copy(built("tests/cli/linked_program"), self.path("program"))
        os.chmod(program, 0o755)
        subprocess.run(["llvm-strip-19", program], check=True)
        with self.process(program, BARTIZAN_OPTIONS="profile=hardened") as process:
            os.remove(program)
            self.expect_protected(process, program)

    @unittest.skipUnless(can_be_another_user(), "only root can make such a file")
    def test_program_that_gains_privileges_ignores_the_environment(self):
        program = shutil.copy(built("tests/cli/linked_program"), self.path("program"))
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o4755)
        with self.process(program, BARTIZAN_OPTIONS="profile=fast:decay=77") as process:
            facts = self.command("status", str(process)).stdout
        self.assertRegex(facts, r"(?m)^  options from: .* \(BARTIZAN_OPTIONS ignored: the program "
                                r"gains privileges\)$")
        self.assertNotIn("77 ms", facts)

    def test_no_such_process(self):
        with subprocess.Popen(["true"]) as process:
            process.wait()
        self.expect(["status", str(process.pid)], 2,
                    stderr=f"bartizan: status: there is no process {process.pid}\n")

    def test_ended_process(self):
        with subprocess.Popen(["true"]) as process:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.expect(["status", str(process.pid)], 1,
                        stdout=f"process {process.pid} (true): not protected: a kernel thread, or "
                               "a process that has ended\n")

    @unittest.skipUnless(can_be_another_user(), "only root can be somebody else")
    def test_process_of_another_user(self):
        command = shutil.copy(BARTIZAN, self.path("bartizan"))
        with self.process(LD_PRELOAD=LIBRARY) as process:
            result = self.command("status", str(process), command=command, user=65534, group=65534,
                                  extra_groups=[])
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr,
                         rf"^bartizan: status: cannot tell: process {process} \(\S+\): its memory "
                         r"cannot be read \(Permission denied\); run this as root, or as the user "
                         r"of the process.*\n$")


if __name__ == "__main__":
    unittest.main()
