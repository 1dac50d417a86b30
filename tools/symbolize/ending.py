"""How commands end that write what others read: without a traceback, whatever becomes of their output."""

import contextlib
import os
import sys

CANNOT_WRITE, INTERRUPTED = 2, 130


def guard(work, complain):
    """The exit code of `work`, or the one for what kept it from its end."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        with contextlib.suppress(OSError):
            complain(f"cannot write: {error.strerror}")
        return CANNOT_WRITE
