"""How `bartizan compare` and `bartizan bench` end: exit codes, and what is said on standard error."""

import sys

from compare import allocators, arguments

SUCCESS, FAILED, WRONG_USE, MISSING, CANNOT_RUN, NOT_FOUND, INTERRUPTED = 0, 1, 2, 125, 126, 127, 130


class Refusal(Exception):
    """Nothing can be measured: what to say, and the exit code."""

    def __init__(self, message, code=WRONG_USE):
        super().__init__(message)
        self.code = code


def complain(name, message):
    print(f"bartizan: {name}: {message}", file=sys.stderr)


def main(name, run):
    """Runs the command of that name, whose `run` takes its words and returns the exit code."""
    try:
        sys.exit(run(sys.argv[1:]))
    except (arguments.WrongUse, allocators.UnknownAllocator) as error:
        complain(name, f"{error}" if "\n" in str(error) else f"{error}\nTry: bartizan help {name}")
        sys.exit(WRONG_USE)
    except Refusal as error:
        complain(name, error)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
