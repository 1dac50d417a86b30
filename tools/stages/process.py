"""Runs one command with its output in a log, under a time limit."""

import os
import signal
import subprocess
import time

# How long a command may take to end after each signal; Bazel and the compatibility tests tidy up after the first.
ENDINGS = ((signal.SIGINT, 20), (signal.SIGTERM, 10), (signal.SIGKILL, 5))

MISSING_STATUS = 127


class TimeIsUp(Exception):
    """The command took longer than it may."""


def end(process):
    """Ends a command with everything in its process group."""
    for number, seconds in ENDINGS:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(seconds)
            break
        except subprocess.TimeoutExpired:
            continue
    try:
        # Children that outlived the command itself.
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def last_line(path, start):
    """The last complete line of the log after `start`, for showing."""
    with open(path, 'rb') as file:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(max(start, size - 4096))
        lines = file.read().decode(errors='replace').splitlines()
    return next((line for line in reversed(lines) if line.strip()), '')


def run(words, folder, log, seconds, show):
    """Runs the command; returns its exit status and output. Calls `show` with the last line now and then."""
    with open(log, 'ab') as file:
        file.write(f'$ {" ".join(words)}\n'.encode())
        file.flush()
        start = file.tell()
        try:
            process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        except OSError as error:
            file.write(f'{words[0]}: {error.strerror}\n'.encode())
            return MISSING_STATUS, f'{words[0]}: {error.strerror}\n'
    deadline = time.monotonic() + seconds
    try:
        while True:
            try:
                status = process.wait(0.3)
                break
            except subprocess.TimeoutExpired as still_running:
                if time.monotonic() > deadline:
                    raise TimeIsUp from still_running
                show(last_line(log, start))
    except BaseException:
        end(process)
        raise
    with open(log, 'rb') as file:
        file.seek(start)
        return status, file.read().decode(errors='replace')
