"""What a program's check is written with: one run of one program under one configuration."""

import contextlib
import dataclasses
import hashlib
import os
import pwd
import re
import signal
import socket
import subprocess
import time
import uuid

from . import processes
from .configurations import PASSED_ON
from .load_watch import LoadWatch
from .program import SYSTEM_PATH, CheckFailed, executable_name, find

INPUTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inputs")
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FATAL = b"bartizan: fatal"
# The line that profiles with exit_summary write at the end of every process.
NOTHING_FOUND = re.compile(r"bartizan: summary: .*: 0 heap errors;")
COMPLAINTS_SHOWN = 5


@dataclasses.dataclass
class Output:
    """What a command printed."""

    status: int
    out_path: str
    err_path: str

    @property
    def out(self):
        """Its standard output, in bytes."""
        return read(self.out_path)

    @property
    def text(self):
        """Its standard output, as text."""
        return self.out.decode(errors="replace")

    @property
    def err(self):
        """Its standard error, as text."""
        return read(self.err_path).decode(errors="replace")


def read(path):
    """All bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


def digest(data):
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


class Run:
    """Commands and servers under the library, plain ones without it, and comparisons of what they gave.

    Every process gets the same clean environment and a private folder; only guarded ones get the library.
    """

    def __init__(self, program, configuration, folder, shared, scale):
        self.program = program
        self.configuration = configuration
        self.folder = folder
        self.logs = os.path.join(folder, "logs")
        self.inputs = INPUTS
        self.repository = REPOSITORY
        self.did = program.does
        self.kept = []  # files worth looking at, printed below the table
        self._shared = shared
        self._scale = scale
        self.mark = uuid.uuid4().hex
        self._more_time = configuration.more_time
        self._deadline = time.monotonic() + program.limit * self._more_time
        self._commands = 0
        self._watch = None
        for path in (folder, self.logs, self.path("home"), self.path("tmp")):
            os.makedirs(path, exist_ok=True)
        for path in (self.logs, self.path("tmp")):
            os.chmod(path, 0o1777)
        if configuration.library is not None:
            self._watch = LoadWatch(configuration.preloaded, map(executable_name, program.loaded))
            self._watch.start()

    # Sizes, names and folders.

    def size(self, quick, normal, long=None):
        """The amount of work for the form that was asked for."""
        return {"quick": quick, "normal": normal, "long": long or normal}[self._scale]

    def path(self, *parts):
        """A path in the private folder."""
        return os.path.join(self.folder, *parts)

    def make_folder(self, *parts):
        """A new folder in the private folder."""
        os.makedirs(self.path(*parts), exist_ok=True)
        return self.path(*parts)

    def input(self, name):
        """A file of tests/compat/inputs."""
        return os.path.join(INPUTS, name)

    def write(self, name, content):
        """Writes text or bytes into the private folder; returns the path."""
        data = content.encode() if isinstance(content, str) else content
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def reference(self, key, make):
        """make()'s value, computed once for all configurations of this program."""
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def unprivileged_user(self, *preferred):
        """Someone else to run a server as that refuses root; None when this is not root."""
        if os.geteuid() != 0:
            return None
        for name in (*preferred, "nobody"):
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name).pw_name
        raise CheckFailed("there is no user 'nobody' to run the server as")

    def give(self, path, user):
        """Makes a folder another user's."""
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def free_port(self):
        """A loopback TCP port that nobody listens on."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    # Processes.

    def environment(self, guarded, extra=None):
        """A clean environment, with the library for guarded processes."""
        variables = {
            "PATH": SYSTEM_PATH, "HOME": self.path("home"), "TMPDIR": self.path("tmp"), "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "USER": pwd.getpwuid(os.geteuid()).pw_name, processes.MARK: self.mark,
        }
        variables.update({name: os.environ[name] for name in PASSED_ON if name in os.environ})
        if guarded:
            variables.update(self.configuration.environment(self.logs))
        variables.update(extra or {})
        return variables

    def guarded(self, *argv, **options):
        """Runs a command under the library; see `plain` for the options."""
        return self._command(argv, guarded=True, **options)

    def watched(self, *argv, **options):
        """Runs a command without the library that passes it on to its children by itself."""
        return self._command(argv, guarded=False, watched=True, **options)

    def plain(self, *argv, **options):
        """Runs a command without the library.

        stdin: bytes; cwd: a folder, the private one by default; extra: more variables; expect: the exit status that is
        right, None for any; limit: seconds, more of them where the configuration needs it; user: whom to run it as,
        under root.
        """
        return self._command(argv, guarded=False, **options)

    def _command(self, argv, *, guarded, watched=False, stdin=b"", cwd=None, extra=None, expect=0, limit=None,
                 user=None):
        process, output = self._start(argv, guarded, stdin, cwd, extra, user, watched)
        seconds = self._deadline - time.monotonic()
        if limit is not None:
            seconds = min(seconds, limit * self._more_time)
        status = processes.wait(process, seconds)
        self._end(process)
        if status is None:
            raise CheckFailed(f"{os.path.basename(argv[0])} did not end within {max(seconds, 0):.0f} s")
        output.status = status
        if expect is not None and status != expect:
            raise CheckFailed(f"{os.path.basename(argv[0])}: {processes.status_text(status)}, expected {expect}")
        return output

    def _start(self, argv, guarded, stdin, cwd, extra, user, watched=False):
        path = argv[0] if os.path.isabs(argv[0]) else find(argv[0])
        if path is None:
            raise CheckFailed(f"{argv[0]} is not there")
        self._commands += 1
        stem = os.path.join(self.logs, f"{self._commands:03d}-{os.path.basename(path)}")
        output = Output(0, stem + ".out", stem + ".err")
        with contextlib.ExitStack() as files:
            source = files.enter_context(open(stem + ".in", "wb+")) if stdin else subprocess.DEVNULL
            if stdin:
                source.write(stdin)
                source.seek(0)
                os.unlink(source.name)
            process = processes.start(
                [path, *map(str, argv[1:])], environment=self.environment(guarded, extra), cwd=cwd or self.folder,
                stdin=source, stdout=files.enter_context(open(output.out_path, "wb")),
                stderr=files.enter_context(open(output.err_path, "wb")), user=user)
        if (guarded or watched) and self._watch:
            self._watch.add(process.pid)
        return process, output

    def _end(self, process):
        if self._watch:
            self._watch.discard(process.pid)
        processes.end_group(process)

    @contextlib.contextmanager
    def server(self, *argv, ready, guarded=True, stop=signal.SIGTERM, extra=None, user=None, cwd=None):
        """A server that runs while the block does, then is stopped with a signal and must end well."""
        name = os.path.basename(argv[0])
        stop_seconds = 30 * self._more_time
        process, _ = self._start(argv, guarded, b"", cwd, extra, user)
        try:
            self._await(process, name, ready)
            yield process
            if process.poll() is None:
                process.send_signal(stop)
            status = processes.wait(process, min(stop_seconds, self._deadline - time.monotonic()))
            if status is None:
                raise CheckFailed(f"{name} did not stop within {stop_seconds:.0f} s of {stop.name}")
            if status != 0:
                raise CheckFailed(f"{name} ended with {processes.status_text(status)}")
        finally:
            self._end(process)

    def _await(self, process, name, ready, seconds=60):
        deadline = min(time.monotonic() + seconds * self._more_time, self._deadline)
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise CheckFailed(f"{name} ended at its start with {processes.status_text(process.returncode)}")
            with contextlib.suppress(OSError):
                if ready():
                    return
            time.sleep(0.05)
        raise CheckFailed(f"{name} was not ready in time")

    # Checks.

    def check(self, right, message):
        """Fails with the message unless `right`."""
        if not right:
            raise CheckFailed(message)

    def equal(self, what, got, wanted):
        """Fails unless two values are the same."""
        if got != wanted:
            raise CheckFailed(f"{what}: got {shortened(got)}, wanted {shortened(wanted)}")

    def finish(self):
        """Ends every process, then fails on processes left over, fatal reports, and a library that was not loaded."""
        left = processes.end_marked(self.mark)
        if self._watch:
            self._watch.stop()
        fatal = self.fatal_reports()
        if fatal:
            raise CheckFailed(fatal[0])
        if left:
            raise CheckFailed(f"left processes behind: {', '.join(sorted(set(left)))}")

    def check_loaded(self):
        """Fails unless the library was seen in every expected executable, and in all that live long enough to tell."""
        if not self._watch:
            return
        absent = self._watch.expected - self._watch.loaded
        if absent:
            raise CheckFailed(f"the library was never seen in {', '.join(sorted(absent))}")
        bare = self._watch.unloaded - set(self.program.without)
        if bare:
            raise CheckFailed(f"ran without the library: {', '.join(sorted(bare))}")

    def fatal_reports(self):
        """The lines of fatal reports in everything that the processes printed."""
        return self._lines_with(FATAL)

    def complaints(self):
        """What else the library said: not a failure, but worth a look."""
        said = [line for line in self._lines_with(b"bartizan: ")
                if FATAL.decode() not in line and not NOTHING_FOUND.search(line)]
        return list(dict.fromkeys(said))[:COMPLAINTS_SHOWN]

    def _lines_with(self, words):
        found = []
        for name in sorted(os.listdir(self.logs)):
            data = read(os.path.join(self.logs, name))
            if words in data:
                found += [line.decode(errors="replace") for line in data.splitlines() if words in line]
        return found

    def last_words(self, lines=6):
        """The end of what the last command said, for a failure's report."""
        names = sorted(os.listdir(self.logs), key=lambda name: os.path.getmtime(os.path.join(self.logs, name)))
        for name in reversed(names):
            text = read(os.path.join(self.logs, name)).decode(errors="replace").strip()
            if text:
                return [f"{name}: {line[:300]}" for line in text.splitlines()[-lines:]]
        return []


def shortened(value, most=160):
    """A value's text, cut for a message."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
