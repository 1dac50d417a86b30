"""`bartizan leaks`, from its words to its exit code."""

import argparse
import json
import subprocess
import sys

from leaks import findings, report, suppressions
from symbolize import symbolizer

SUCCESS, WRONG_USE = 0, 2
DEFAULT_LEAK_CODE = 23

_EPILOG = """\
A block is lost when no chain of pointers leads to it: from variables, thread-local storage, registers, stacks, memory mapped
without malloc. A pointer to any of its bytes counts. The process is stopped for a moment, as a debugger does it, and goes on
in any case. Stacks are those of sampled blocks: of all of them with --profile=debug; others are told by their size.

A file of --suppressions has lines leak:PATTERN, which are compared with the functions, source files and modules of each stack;
* stands for any text, ^ and $ for its beginning and end. What was lost with a suppressed block is suppressed, too.

exit codes: 0 nothing is lost, 23 (or --exit-code) something is, 1 the process is not protected, 2 cannot tell, or wrong use
"""


def exit_code(text):
    if not text.isdigit() or int(text) > 255:
        raise argparse.ArgumentTypeError(f"expected 0 to 255, not '{text}'")
    return int(text)


def parser():
    result = argparse.ArgumentParser("bartizan leaks", usage="bartizan leaks [--json] [--reachable] [--suppressions=FILE] "
                                     "[--exit-code=N] PID", description="find blocks that nothing refers to any more",
                                     epilog=_EPILOG, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--json", action="store_true", help="as JSON, one line for each process")
    result.add_argument("--reachable", action="store_true", help="also what is still referred to, by stack")
    result.add_argument("--suppressions", metavar="FILE", action="append", default=[], help="what is not to be told; several "
                        "times for several files")
    result.add_argument("--exit-code", metavar="N", type=exit_code, default=DEFAULT_LEAK_CODE, help="where something is lost, "
                        f"{DEFAULT_LEAK_CODE} unless given")
    result.add_argument("--nosymbols", action="store_true", help="without names of functions")
    result.add_argument("--symbolizer", metavar="PROGRAM", help=argparse.SUPPRESS)
    result.add_argument("--command", help=argparse.SUPPRESS)
    result.add_argument("--library", help=argparse.SUPPRESS)
    result.add_argument("process", metavar="PID", nargs="?", help="a running process")
    return result


def complain(message):
    print(f"bartizan: leaks: {message}", file=sys.stderr)


def find_symbolizer(options):
    if options.nosymbols:
        return None
    try:
        return symbolizer.Symbolizer(options.symbolizer)
    except symbolizer.Missing as error:
        complain(f"without names: {error}")
        return None


def read_suppressions(options):
    """The rules of all files; None after a message."""
    rules = suppressions.Suppressions()
    for path in options.suppressions:
        try:
            rules.read(path)
        except OSError as error:
            complain(f"{path}: {error.strerror}")
            return None
        except suppressions.Wrong as error:
            complain(error)
            return None
    return rules


def tell(options, rules, document):
    """Prints the report of one process; whether something is lost."""
    found = findings.Findings(document, find_symbolizer(options), rules)
    if options.json:
        print(json.dumps(report.document(found, options.reachable)), flush=True)
    else:
        sys.stdout.write(report.text(found))
        sys.stdout.flush()
    return found.lost


def of_process(options, rules, process):
    words = [options.command, "unreachable"] + (["--reachable"] if options.reachable else []) + [str(process)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        for line in done.stderr.decode(errors="replace").splitlines():
            complain(line.removeprefix("bartizan: unreachable: "))
        return done.returncode if done.returncode > 0 else WRONG_USE
    lost = tell(options, rules, json.loads(done.stdout.decode(errors="replace")))
    return options.exit_code if lost else SUCCESS


def main():
    options = parser().parse_args()
    # Names may hold bytes of any kind.
    sys.stdout.reconfigure(errors="replace")
    if options.process is None:
        complain("which process?\nTry: bartizan leaks PID")
        sys.exit(WRONG_USE)
    if not options.process.isdigit() or int(options.process) == 0:
        complain(f"'{options.process}' is not a process id")
        sys.exit(WRONG_USE)
    rules = read_suppressions(options)
    if rules is None:
        sys.exit(WRONG_USE)
    sys.exit(of_process(options, rules, int(options.process)))
