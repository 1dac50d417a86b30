"""One program that is started, waited for and ended whole: all processes of its session."""

import contextlib
import ctypes
import os
import signal
import time

from compare import memory

# Python ignores these; programs do not expect that.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
# What ends a wait: news of a child, and the user's wish to end it all.
_AWAITED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM)
_ENDS = (os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED)
# From SIGTERM to SIGKILL.
PATIENCE_SECONDS = 10.0

_PTRACE_TRACEME, _PTRACE_CONT, _PTRACE_SETOPTIONS = 0, 7, 0x4200
_PTRACE_O_TRACEEXEC, _PTRACE_O_TRACEEXIT, _PTRACE_O_EXITKILL = 0x10, 0x40, 0x100000
_PTRACE_EVENT_EXIT = 6
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_LIBC.ptrace.restype = ctypes.c_long


class CannotStart(Exception):
    """The program cannot be started; its text says why."""


@contextlib.contextmanager
def signals_held():
    """While processes live: signals wait for `pause`, so that an interrupt comes where nothing is half done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Process:
    """A program from its start to its end. Started by posix_spawn, which copies nothing of this process.

    Lives within `signals_held`.
    """

    def __init__(self, argv, environment, output, stdin=os.devnull, cwd=None):
        self.usage = None
        self.status = None
        self.began = self.ended = time.perf_counter()
        here = os.open(".", os.O_PATH | os.O_CLOEXEC) if cwd else None
        try:
            if cwd:
                os.chdir(cwd)
            self.began = time.perf_counter()
            self.pid = self._start([os.fsencode(word) for word in argv], environment, output, stdin)
        except OSError as error:
            raise CannotStart(f"{argv[0]}: {error.strerror}") from None
        finally:
            if here is not None:
                os.fchdir(here)
                os.close(here)

    def _start(self, argv, environment, output, stdin):
        return os.posix_spawnp(
            argv[0], argv, environment,
            file_actions=((os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0),
                          (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                          (os.POSIX_SPAWN_DUP2, 1, 2)),
            setsid=True, setsigmask=(), setsigdef=_IGNORED_BY_PYTHON)

    def has_ended(self):
        """Whether it has; then its time of death and what it used are known, and its session is gone."""
        if self.status is None and self._news() in _ENDS:
            self.ended = time.perf_counter()
            # As long as its end has not been collected, nobody else has the number of its group.
            self._kill()
            _, self.status, self.usage = os.wait4(self.pid, 0)
        return self.status is not None

    def _news(self):
        """What happened to it, left to be collected: one of os.CLD_*, or None. Traced, that may be a stop at any time."""
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        return found.si_code if found else None

    def exit_status(self):
        """Negative: the number of the signal that ended it."""
        return os.waitstatus_to_exitcode(self.status)

    def pause(self, seconds):
        """Waits until something happens to a child, at most so long."""
        found = signal.sigtimedwait(_AWAITED, max(seconds, 0))
        if found and found.si_signo != signal.SIGCHLD:
            raise KeyboardInterrupt

    def stop(self):
        """Asks it to end, and ends it when it does not."""
        if not self.has_ended():
            os.kill(self.pid, signal.SIGTERM)
            wait_for_any([self], PATIENCE_SECONDS)
        self.end()

    def end(self):
        """Ends it at once if it lives."""
        while not self.has_ended():
            self._kill()
            self.pause(0.1)

    def _kill(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class WatchedProcess(Process):
    """A program whose memory is looked at while it runs, and once more right before it is gone.

    It is stopped at its exit (ptrace) for that; where that is not allowed, the last look counts. Slower than a Process:
    nothing is timed with it.
    """

    def __init__(self, *arguments, **named):
        self.memory = memory.Watch()
        self.is_traced = False
        super().__init__(*arguments, **named)

    def _start(self, argv, environment, output, stdin):
        # Closed when the program has begun; until then the process is a copy of this one, and no news.
        listening, telling = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become(argv, environment, output, stdin, telling)
        os.close(telling)
        with os.fdopen(listening, "rb") as pipe:
            error = pipe.read()
        if error:
            os.waitpid(pid, 0)
            raise OSError(int(error), os.strerror(int(error)))
        return pid

    @staticmethod
    def _become(argv, environment, output, stdin, telling):
        try:
            os.setsid()
            os.dup2(os.open(stdin, os.O_RDONLY), 0)
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
            os.dup2(1, 2)
            for number in _IGNORED_BY_PYTHON:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            _LIBC.ptrace(_PTRACE_TRACEME, 0, None, None)
            os.execvpe(argv[0], argv, environment)
        except OSError as error:
            os.write(telling, str(error.errno).encode())
        finally:
            os._exit(127)

    def stop(self):
        # What it holds while it cleans up says nothing.
        self.memory.look(self.pid, now=True)
        self.memory.is_over = True
        super().stop()

    def has_ended(self):
        self._go_on()
        return super().has_ended()

    def pause(self, seconds):
        super().pause(min(seconds, self.memory.next_look()))
        if self.status is None:
            self._go_on()
            self.memory.look(self.pid)

    def _go_on(self):
        """Lets it run on after each stop: at its start and each exec, at its exit, and for each signal."""
        while self.status is None and self._news() in (os.CLD_TRAPPED, os.CLD_STOPPED):
            _, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            passed_on, event = os.WSTOPSIG(status), status >> 16
            if event == _PTRACE_EVENT_EXIT:
                self.memory.look(self.pid, now=True)
            if not self.is_traced:
                options = _PTRACE_O_TRACEEXEC | _PTRACE_O_TRACEEXIT | _PTRACE_O_EXITKILL
                _LIBC.ptrace(_PTRACE_SETOPTIONS, self.pid, None, options)
                passed_on, self.is_traced = 0, True
            _LIBC.ptrace(_PTRACE_CONT, self.pid, None, 0 if event else passed_on)


def wait_for_any(processes, seconds):
    """The first of the processes that has ended, or None after so many seconds."""
    until = time.perf_counter() + seconds
    while True:
        for process in processes:
            if process.has_ended():
                return process
        left = until - time.perf_counter()
        if left <= 0:
            return None
        processes[0].pause(left)
