"""How commands end that write what others read: without a traceback, whatever becomes of their input and output."""

import contextlib
import os
import sys

CANNOT_TELL, INTERRUPTED = 2, 130


def write_no_more(stream):
    """What is still buffered, or comes, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def show(text, stream):
    """Prints it and a line's end. A reader that has seen enough, as head has, changes nothing else."""
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        write_no_more(stream)


def guard(work, complain):
    """The exit code of `work`, or the one for what kept it from its end."""
    if sys.stdout is None:
        complain("standard output is closed")
        return CANNOT_TELL
    try:
        return work()
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        write_no_more(sys.stdout)
        with contextlib.suppress(OSError):
            complain(f"{error.filename}: {error.strerror}" if error.filename else f"cannot read or write: {error.strerror}")
        return CANNOT_TELL
