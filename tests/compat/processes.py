"""Starts, limits and ends the processes of one run."""

import os
import pwd
import signal
import subprocess
import threading
import time

# What this command started and has not seen end. Once it is told to stop, it starts nothing more.
LIVE = {}
STOPPING = threading.Event()

# Set in every process of a run, so that those which left its process groups can be found and ended.
MARK = "COMPAT_RUN"


def start(argv, *, environment, cwd, stdin, stdout, stderr, user=None):
    """Starts a program in a session of its own; `user` is a name to run it as, for root only."""
    identity = {}
    if user is not None:
        entry = pwd.getpwnam(user)
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    if STOPPING.is_set():
        raise InterruptedError("told to stop")
    process = subprocess.Popen(argv, env=environment, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr,
                               start_new_session=True, **identity)
    LIVE[process.pid] = process
    return process


def end_all():
    """Kills all that was started; for the end of the whole command."""
    STOPPING.set()
    for process in list(LIVE.values()):
        end_group(process)


def end_group(process):
    """Kills what is left of a process's group."""
    LIVE.pop(process.pid, None)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def wait(process, seconds):
    """The exit status, or None when the time is up."""
    try:
        return process.wait(timeout=max(seconds, 0.1))
    except subprocess.TimeoutExpired:
        return None


def end_marked(mark, grace=2.0):
    """Kills every process that still carries the mark; returns the names of those that did not end by themselves."""
    deadline = time.monotonic() + grace
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    names = []
    for pid in marked(mark):
        try:
            names.append(os.path.basename(os.readlink(f"/proc/{pid}/exe")))
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return names


def marked(mark):
    """The live processes that were started, directly or not, with this mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            pass
    return found


def status_text(status):
    """An exit status in words."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
