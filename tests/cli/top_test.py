#!/usr/bin/env python3
"""bartizan top in terminals of any size, and what becomes of the terminal."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import BARTIZAN, CommandTest, built, environment  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
PROGRAM = built("tests/cli/allocating_program")
SECONDS = 50
LEAVES = b"\x1b[?25h\x1b[?1049l"


class Screen:
    """A terminal with bartizan top in it."""

    def __init__(self, columns, rows, interval):
        self.outside, self.inside = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.inside)
        self.shown = b""
        # A group of its own, as a shell gives it; whose parent is of the same session, so that it can be stopped.
        self.command = subprocess.Popen([BARTIZAN, "top", f"--interval={interval}"], stdin=self.inside,
                                        stdout=self.inside, stderr=self.inside, env=environment(),
                                        process_group=0)

    def resize(self, columns, rows):
        fcntl.ioctl(self.outside, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.outside, keys)

    def _read(self):
        ready, _, _ = select.select([self.outside], [], [], SECONDS)
        if not ready:
            raise TimeoutError(self.shown[-2000:])
        self.shown += os.read(self.outside, 1 << 16)

    def until(self, pattern):
        """Reads until the pattern was shown, in what was not looked at before."""
        while not (match := re.search(pattern, self.shown, re.DOTALL)):
            self._read()
        self.shown = self.shown[match.end():]
        return match

    def end(self):
        """Its exit status; what it shows meanwhile is read, for nobody else does."""
        while self.command.poll() is None:
            ready, _, _ = select.select([self.outside], [], [], 0.01)
            if ready:
                self.shown += os.read(self.outside, 1 << 16)
        while select.select([self.outside], [], [], 0)[0]:
            self.shown += os.read(self.outside, 1 << 16)
        return self.command.returncode

    def close(self):
        if self.command.poll() is None:
            self.command.kill()
            self.command.wait()
        os.close(self.outside)
        os.close(self.inside)


class TopTest(CommandTest):
    @contextlib.contextmanager
    def process(self, *arguments):
        with subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment(LD_PRELOAD=LIBRARY)) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            yield process
            process.stdin.close()

    @contextlib.contextmanager
    def screen(self, columns=100, rows=24, interval=3600):
        screen = Screen(columns, rows, interval)
        try:
            yield screen
        finally:
            screen.close()


class Plain(TopTest):
    def test_once(self):
        with self.process(100, 1 << 20) as process:
            result = self.command("top", "--once")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertNotIn("\x1b", result.stdout)
            line = re.search(rf"(?m)^ *{process.pid} +(\S+) .* hardened +allocating_prog$", result.stdout)
            self.assertIsNotNone(line, result.stdout)
            self.assertEqual(line[1], "100M")
            # Where there is no terminal, it is the same.
            self.assertEqual(self.command("top", stdin=subprocess.DEVNULL).stdout.splitlines()[1],
                             result.stdout.splitlines()[1])

    def test_wrong_use(self):
        self.expect(["top", "1"], 2, stderr="bartizan: top: takes no process; it shows all\n")
        self.expect(["top", "--interval=0"], 2,
                    stderr="bartizan: top: --interval is more than 0, and a day at most\n")


class InATerminal(TopTest):
    def test_shows_processes_and_sorts_them(self):
        with self.process(4, 1 << 20) as small, self.process(40, 1 << 20) as big, self.screen() as screen:
            screen.until(rf"{big.pid} .*{small.pid} .*\x1b\[J".encode())
            screen.type(b"r")
            screen.until(rf"<LIVE.*{small.pid} .*{big.pid} .*\x1b\[J".encode())
            screen.type(b"r\x1b[C")
            screen.until(b">COMMIT")
            screen.type(b"\x1b[D\x1b[D")
            screen.until(b">LIVE|>PROCESS")
            screen.type(b"q")
            self.assertEqual(screen.end(), 0)
            self.assertTrue(screen.shown.endswith(LEAVES), screen.shown)
            self.assertEqual(termios.tcgetattr(screen.inside), screen.before)

    def test_goes_on_by_itself(self):
        with self.process(4, 4096) as process, self.screen(interval=0.02) as screen:
            for _ in range(3):
                screen.until(rf"{process.pid} .*\x1b\[J".encode())
            # The rate of the second look.
            screen.until(rf"{process.pid} +\S+ +\S+ +\S+ +\S+ +0 ".encode())
            screen.type(b"q")
            self.assertEqual(screen.end(), 0)

    def test_fits_a_terminal_of_any_size(self):
        with self.process(4, 4096):
            for columns, rows in ((1, 1), (5, 3), (20, 2), (300, 100)):
                with self.screen(columns, rows) as screen:
                    screen.until(rb"\x1b\[H")
                    shown = screen.until(rb"(.*?)\x1b\[J")[1]
                    lines = shown.replace(b"\x1b[K", b"").split(b"\r\n")
                    self.assertLessEqual(len(lines), rows)
                    self.assertLessEqual(max(map(len, lines)), columns)
                    screen.type(b"q")
                    self.assertEqual(screen.end(), 0)

    def test_follows_a_change_of_size(self):
        with self.process(4, 4096), self.screen(100, 24) as screen:
            screen.until(b"PROGRAM")
            screen.resize(12, 2)
            screen.command.send_signal(signal.SIGWINCH)
            shown = screen.until(rb"\x1b\[H(bartizan: ..)\x1b\[K\r\n([^\r]{12})\x1b\[K\x1b\[J")
            self.assertIn(b"PROCESS", shown[2])

    def test_any_signal_leaves_the_terminal_as_it_was(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV, signal.SIGUSR1):
            with self.screen() as screen:
                screen.until(rb"\x1b\[J")
                self.assertNotEqual(termios.tcgetattr(screen.inside), screen.before)
                screen.command.send_signal(number)
                self.assertEqual(screen.end(), -number)
                self.assertTrue(screen.shown.endswith(LEAVES), (number, screen.shown))
                self.assertEqual(termios.tcgetattr(screen.inside), screen.before, number)

    def test_stops_and_goes_on(self):
        with self.screen() as screen:
            screen.until(rb"\x1b\[J")
            screen.command.send_signal(signal.SIGTSTP)
            _, status = os.waitpid(screen.command.pid, os.WUNTRACED)
            self.assertTrue(os.WIFSTOPPED(status))
            self.assertEqual(termios.tcgetattr(screen.inside), screen.before)
            screen.until(re.escape(LEAVES))
            screen.command.send_signal(signal.SIGCONT)
            screen.until(rb"\x1b\[\?1049h.*PROCESS.*\x1b\[J")
            screen.type(b"q")
            self.assertEqual(screen.end(), 0)
            self.assertEqual(termios.tcgetattr(screen.inside), screen.before)

    def test_ends_with_its_terminal(self):
        with self.screen() as screen:
            screen.until(rb"\x1b\[J")
            screen.type(b"\x04")
            self.assertEqual(screen.end(), 0)


if __name__ == "__main__":
    unittest.main()
