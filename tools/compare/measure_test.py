#!/usr/bin/env python3
"""One run of real, tiny programs: how they end, what they hold, servers under load. No time is asserted."""

import os
import re
import shutil
import signal
import sys
import tempfile
import unittest
import unittest.mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from compare import machine, measure, process  # noqa: E402
from compare.allocators import Allocator  # noqa: E402
from compare.measure import Work, read_metric  # noqa: E402
from compare.memory import Watch  # noqa: E402

PLAIN = Allocator("plain")
MIB = 2**20


def python(text, **named):
    return Work("python", (sys.executable, "-c", text), **named)


# Listens on a socket of the file system, answers each connection with a line, writes "gone" to a file when stopped.
SERVER = """
import os, signal, socket, sys
def leave(*_):
    open("gone", "a").write("gone")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
server = socket.socket(socket.AF_UNIX)
server.bind("socket")
os.remove("bound") if os.path.exists("bound") else None
server.listen()
while True:
    peer, _ = server.accept()
    peer.sendall(b"rate 125.5\\n")
    peer.close()
"""
LOAD = f"""{sys.executable} -c 'import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect("socket")
print(peer.recv(100).decode())'"""


class MeasureTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.output = os.path.join(self.folder, "output")

    def run_once(self, work, allocator=PLAIN):
        return measure.run_once(work, allocator, self.output)

    def watch_once(self, work, allocator=PLAIN):
        return measure.watch_once(work, allocator, self.output)

    def said(self):
        with open(self.output, encoding="utf-8") as file:
            return file.read()


class Endings(MeasureTest):
    def both(self, work):
        """What went wrong, timed and watched."""
        failures = {self.run_once(work).failure, self.watch_once(work).failure}
        self.assertEqual(len(failures), 1)
        return failures.pop()

    def test_success(self):
        run = self.run_once(python("print(sum(range(10**6)))"))
        self.assertEqual(run.failure, "")
        self.assertGreater(run.wall, 0)
        self.assertGreater(run.user + run.system, 0)
        self.assertGreater(run.minor_faults, 100)
        self.assertEqual(self.said(), "499999500000\n")

    def test_exit_status(self):
        self.assertEqual(self.both(Work("sh", ("sh", "-c", "exit 3"))), "exit status 3")

    def test_signal(self):
        self.assertEqual(self.both(Work("sh", ("sh", "-c", "kill -SEGV $$"))), "ended by SIGSEGV")

    def test_time_limit(self):
        self.assertEqual(self.both(Work("sleep", ("sleep", "1000"), timeout=0.2)), "did not end within 0.2 s")

    def test_no_such_program(self):
        self.assertEqual(self.both(Work("none", ("no-such-program",))), "no-such-program: No such file or directory")

    def test_both_streams_are_kept_and_nothing_of_the_run_before(self):
        self.run_once(Work("sh", ("sh", "-c", "echo one; echo two >&2")))
        self.run_once(Work("sh", ("sh", "-c", "echo three; echo four >&2")))
        self.assertEqual(self.said(), "three\nfour\n")

    def test_what_it_leaves_behind_is_ended(self):
        self.run_once(Work("sh", ("sh", "-c", "sleep 1000 & echo $!")))
        pid = int(self.said())
        with self.assertRaises(ProcessLookupError):
            # Killed; until its new parent has collected it, it is a zombie.
            while machine_state(pid) != "Z":
                os.kill(pid, 0)
            raise ProcessLookupError

    def test_signals_reach_a_watched_program(self):
        work = python("import signal, os\nsignal.signal(signal.SIGUSR1, lambda *_: print('got it'))\n"
                      "os.kill(os.getpid(), signal.SIGUSR1)")
        self.assertEqual(self.watch_once(work).failure, "")
        self.assertEqual(self.said(), "got it\n")

    def test_a_trap_of_its_own_ends_a_watched_program(self):
        work = Work("sh", ("sh", "-c", "exec sh -c 'kill -TRAP $$; echo still here'"))
        self.assertEqual(self.both(work), "ended by SIGTRAP")

    def test_signals_are_as_programs_expect_them(self):
        def masks(text):
            # Without those of the C library's own use, which posix_spawn leaves ignored.
            return {name: int(mask, 16) & 0x7FFFFFFF
                    for name, mask in re.findall(r"^(Sig(?:Blk|Ign)):\s(\w+)", text, re.MULTILINE)}

        with open("/proc/self/status", encoding="utf-8") as file:
            expected = masks(file.read())
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            expected["SigIgn"] &= ~(1 << number - 1)
        for kind in (self.run_once, self.watch_once):
            self.assertEqual(kind(Work("grep", ("grep", "Sig", "/proc/self/status"))).failure, "")
            self.assertEqual(masks(self.said()), expected)

    def test_an_interrupt_leaves_no_process(self):
        for name in ("INT", "TERM"):
            for kind in (self.run_once, self.watch_once):
                work = Work("sh", ("sh", "-c", f"echo $$; kill -{name} {os.getpid()}; exec sleep 1000"))
                self.assertRaises(KeyboardInterrupt, kind, work)
                self.assertFalse(os.path.exists(f"/proc/{int(self.said())}"))


def machine_state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"


class Surroundings(MeasureTest):
    def test_input_folder_and_variables(self):
        path = os.path.join(self.folder, "input")
        with open(path, "w", encoding="utf-8") as file:
            file.write("from a file\n")
        os.mkdir(os.path.join(self.folder, "inner"))
        work = Work("sh", ("sh", "-c", "cat; basename $PWD; echo $WORD"), stdin=path,
                    cwd=os.path.join(self.folder, "inner"), environment={"WORD": "set"})
        here = os.getcwd()
        for kind in (self.run_once, self.run_once, self.watch_once):
            self.assertEqual(kind(work).failure, "")
            self.assertEqual(self.said(), "from a file\ninner\nset\n")
        self.assertEqual(os.getcwd(), here)

    def test_variables_of_allocators_are_ours(self):
        with unittest.mock.patch.dict(os.environ, {"BARTIZAN_OPTIONS": "profile=fast", "MALLOC_CONF": "x",
                                                   "LD_PRELOAD": "/a/libbartizan.so:/b/mine.so /c/other.so"}):
            found = measure.environment_of(Work("w", ("w",)), Allocator("x", "/x.so", variables={"SCUDO_OPTIONS": "s"}))
            plain = measure.environment_of(Work("w", ("w",)), PLAIN)
        self.assertEqual(found["LD_PRELOAD"], "/x.so:/b/mine.so:/c/other.so")
        self.assertEqual(found["SCUDO_OPTIONS"], "s")
        self.assertEqual(plain["LD_PRELOAD"], "/b/mine.so:/c/other.so")
        for name in ("BARTIZAN_OPTIONS", "MALLOC_CONF"):
            self.assertNotIn(name, found)
        self.assertNotIn("SCUDO_OPTIONS", plain)


class Held(MeasureTest):
    def test_peak_and_final(self):
        memory = self.watch_once(python("block = bytearray(64 << 20)\ndel block\n"))
        self.assertGreater(memory.peak, 64 * MIB)
        self.assertLess(memory.peak, 128 * MIB)
        self.assertLess(memory.final, 48 * MIB)
        self.assertGreater(memory.final, MIB)
        self.assertEqual(memory.samples[-1][1], memory.final)

    def test_not_of_this_process(self):
        ballast = bytearray(100 << 20)
        memory = self.watch_once(Work("true", ("true",)))
        self.assertLess(memory.peak, 20 * MIB)
        self.assertGreater(memory.peak, 0)
        del ballast

    def test_children_count(self):
        # Both hold their block when the program exits, which is when it is looked at for certain.
        inner = "import sys; block = bytearray(64 << 20); print('big', flush=True); sys.stdin.read()"
        memory = self.watch_once(python(
            "import os, subprocess, sys\n"
            f"child = subprocess.Popen([sys.executable, '-c', {inner!r}], stdin=-1, stdout=-1)\n"
            "child.stdout.readline()\nblock = bytearray(64 << 20)\nos._exit(0)"))
        self.assertGreater(memory.final, 128 * MIB)
        self.assertGreaterEqual(memory.peak, memory.final)

    def test_what_processes_share_counts_once(self):
        memory = self.watch_once(python(
            "import os\nblock = bytearray(64 << 20)\nreading, writing = os.pipe()\n"
            "if os.fork() == 0:\n    os.close(writing)\n    os.read(reading, 1)\nos._exit(0)"))
        self.assertGreater(memory.final, 64 * MIB)
        self.assertLess(memory.final, 100 * MIB)

    def test_a_peak_between_two_looks(self):
        block = bytearray(64 << 20)
        del block
        watch = Watch()
        watch.look(os.getpid(), now=True)
        self.assertGreater(watch.peak, 64 * MIB)
        self.assertLess(watch.final(), 64 * MIB)

    def test_mappings(self):
        few = self.watch_once(python("")).mappings
        many = self.watch_once(python("import mmap, os\n"
                                      "all = [mmap.mmap(-1, 4096, prot=1 + i % 2 * 2) for i in range(300)]\n"
                                      "os._exit(0)"))
        self.assertGreater(many.mappings, few + 250)

    def test_the_library_must_be_there(self):
        with open("/proc/self/maps", encoding="utf-8") as file:
            library = next(line.split()[-1] for line in file if "libc.so.6" in line)
        self.assertTrue(self.watch_once(Work("true", ("true",)), Allocator("libc", library)).preloaded)
        self.assertEqual(self.watch_once(Work("true", ("true",))).linked_malloc, "")
        other = Allocator("none", os.path.join(self.folder, "none.so"))
        self.assertFalse(self.watch_once(Work("true", ("true",)), other).preloaded)


    def test_another_malloc_that_it_is_linked_with(self):
        with open("/proc/self/maps", encoding="utf-8") as file:
            library = next(line.split()[-1] for line in file if "libc.so.6" in line)
        copy = os.path.join(self.folder, "libjemalloc.so.9")
        shutil.copy(library, copy)
        work = python(f"import mmap, os\nfile = open({copy!r})\n"
                      "held = mmap.mmap(file.fileno(), 4096, prot=1, flags=2)\nos._exit(0)")
        self.assertEqual(self.watch_once(work).linked_malloc, "libjemalloc.so.9")


class Metric(MeasureTest):
    def test_the_last_number_counts(self):
        self.assertEqual(read_metric(r"([\d.]+) requests", "10 requests\n12.5 requests\n9 replies\n"), (12.5, ""))
        self.assertEqual(read_metric(r"^\d+$", "a 7\n42\n"), (42.0, ""))
        self.assertEqual(read_metric(r"rate: (\S+)", "rate: 1,234,567"), (1234567.0, ""))
        self.assertEqual(read_metric(r"(\S+)/s", "3e-2/s"), (0.03, ""))

    def test_no_number(self):
        self.assertEqual(read_metric("x(y)", "z"), (None, "printed nothing that matches 'x(y)'"))
        self.assertEqual(read_metric("x(y)?", "x"), (None, "what matches 'x(y)?' is no number: 'None'"))
        self.assertEqual(read_metric("x(y)", "xy"), (None, "what matches 'x(y)' is no number: 'y'"))

    def test_expressions(self):
        self.assertEqual(measure.problem_of_expression(r"a(\d+)(?:b|c)"), "")
        self.assertIn("no regular expression", measure.problem_of_expression("("))
        self.assertIn("has 2 groups", measure.problem_of_expression("(a)(b)"))

    def test_of_a_program(self):
        self.assertEqual(self.run_once(Work("echo", ("echo", "score 42"), metric=r"score (\d+)")).metric, 42)
        run = self.run_once(Work("echo", ("echo", "none"), metric=r"score (\d+)"))
        self.assertEqual(run.failure, r"printed nothing that matches 'score (\d+)'")


class Servers(MeasureTest):
    def server(self, text=SERVER, load=LOAD, **named):
        for name in ("socket", "gone"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                os.remove(path)
        return python(text, load=load, cwd=self.folder, **named)

    def test_is_ready_loaded_and_stopped(self):
        for kind in (self.run_once, self.watch_once):
            self.assertEqual(kind(self.server()).failure, "")
            with open(os.path.join(self.folder, "gone"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "gone")

    def test_metric_is_of_the_load(self):
        self.assertEqual(self.run_once(self.server(metric=r"rate ([\d.]+)")).metric, 125.5)

    def test_ready_when_a_command_succeeds(self):
        # Bound, but deaf until the question was asked for the second time.
        ready = "test -S socket && { test -e asked || { touch asked; false; }; }"
        self.assertEqual(self.run_once(self.server(ready=ready)).failure, "")

    def test_a_load_that_fails(self):
        run = self.run_once(self.server(load="echo no; exit 4"))
        self.assertEqual(run.failure, "the load failed: exit status 4")
        with open(self.output + ".load", encoding="utf-8") as file:
            self.assertEqual(file.read(), "no\n")

    def test_a_load_that_takes_too_long(self):
        self.assertEqual(self.run_once(self.server(load="sleep 1000", timeout=0.3)).failure,
                         "the load did not end within 0.3 s")

    def test_a_server_that_ends_too_early(self):
        self.assertEqual(self.run_once(self.server("import sys; sys.exit(5)")).failure,
                         "ended before it was ready for the load: exit status 5 (a server must stay in the foreground)")

    def test_a_server_that_ends_under_load(self):
        crash = SERVER.replace("peer.close()", "os.abort()")
        self.assertEqual(self.run_once(self.server(crash, LOAD + "; sleep 1000")).failure,
                         "ended under load: ended by SIGABRT")

    def test_a_server_that_never_gets_ready(self):
        with unittest.mock.patch.object(measure, "READY_SECONDS", 0.2):
            self.assertEqual(self.run_once(Work("sleep", ("sleep", "1000"), load="true")).failure,
                             "is not ready for the load after 0.2 s: listens on no socket")
            self.assertEqual(self.run_once(Work("sleep", ("sleep", "1000"), load="true", ready="false")).failure,
                             "is not ready for the load after 0.2 s: false does not succeed")

    def test_a_server_that_does_not_stop_is_stopped(self):
        stubborn = SERVER.replace("sys.exit(0)", "return")
        with unittest.mock.patch.object(process, "PATIENCE_SECONDS", 0.2):
            self.assertEqual(self.run_once(self.server(stubborn)).failure, "")


class Others(unittest.TestCase):
    def test_share_of_all_processors(self):
        with unittest.mock.patch.object(machine, "busy_seconds", lambda: 110.02), \
                unittest.mock.patch.object(os, "cpu_count", lambda: 4):
            # 10 s were used, 6 of them by us: of 5 s on 4 processors.
            self.assertAlmostEqual(machine.share_of_others(100.0, 6.0, 5.0), 0.2)
            self.assertEqual(machine.share_of_others(100.0, 10.02, 5.0), 0.0)

    def test_busy_seconds_are_those_of_programs_and_thieves(self):
        line = "cpu  100 20 30 9999 888 77 66 5 3 2"
        with unittest.mock.patch.object(machine, "_lines", lambda path: [line, "cpu0 1 1 1 1 1 1 1 1 1 1"]):
            self.assertEqual(machine.busy_seconds(), 155 / os.sysconf("SC_CLK_TCK"))


if __name__ == "__main__":
    unittest.main()
