"""`bartizan leaks`, from its words to its exit code."""

import argparse
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile

from leaks import findings, report, suppressions
from symbolize import ending, symbolizer

SUCCESS, WRONG_USE = 0, 2
DEFAULT_LEAK_CODE = 23

_EPILOG = """\
A block is lost when no chain of pointers leads to it: from variables, thread-local storage, registers, stacks, memory mapped
without malloc. A pointer to any of its bytes counts. The process is stopped for a moment, as a debugger does it, and goes on
in any case. Stacks are those of sampled blocks: of all of them with --profile=debug; others are told by their size.

A file of --suppressions has lines leak:PATTERN, which are compared with the functions, source files and modules of each stack;
* stands for any text, ^ and $ for its beginning and end. What was lost with a suppressed block is suppressed, too.

A program runs with all layers of debug, and is looked at when it returns from main or calls exit, and so is each of the programs
that it starts; not when it calls _exit or is killed. The report goes to standard error. --profile=hardened takes less time, and knows few stacks.

exit codes: of a process, 0 nothing is lost, 23 (or --exit-code) something is, 1 it is not protected, 2 cannot tell, or wrong
use; of a program, its own or 128 and the number of the signal that ended it, unless that is 0: then as of a process
"""


def exit_code(text):
    if not text.isdigit() or int(text) > 255:
        raise argparse.ArgumentTypeError(f"expected 0 to 255, not '{text}'")
    return int(text)


def parser():
    result = argparse.ArgumentParser("bartizan leaks", usage="bartizan leaks [--json] [--suppressions=FILE] "
                                     "[--exit-code=N] ([--reachable] PID | [--profile=P] -- PROGRAM [ARGS])", description="find blocks that nothing refers to any more",
                                     epilog=_EPILOG, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--json", action="store_true", help="as JSON, one line for each process")
    result.add_argument("--reachable", action="store_true", help="also what is still referred to, by stack")
    result.add_argument("--suppressions", metavar="FILE", action="append", default=[], help="what is not to be told; several "
                        "times for several files")
    result.add_argument("--exit-code", metavar="N", type=exit_code, default=DEFAULT_LEAK_CODE, help="where something is lost, "
                        f"{DEFAULT_LEAK_CODE} unless given")
    result.add_argument("--profile", metavar="P", help="of a program: debug unless given")
    result.add_argument("--nosymbols", action="store_true", help="without names of functions")
    result.add_argument("--symbolizer", metavar="PROGRAM", help=argparse.SUPPRESS)
    result.add_argument("--command", help=argparse.SUPPRESS)
    result.add_argument("--library", help=argparse.SUPPRESS)
    result.add_argument("process", metavar="PID", nargs="?", help="a running process")
    return result


def complain(message):
    print(f"bartizan: leaks: {message}", file=sys.stderr)


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


def tell(options, rules, document, out):
    """Prints the report of one process; whether something is lost."""
    found = findings.Findings(document, symbolizer.chosen(options, complain), rules)
    ending.show(json.dumps(report.document(found, options.reachable)) if options.json else report.text(found), out)
    return found.lost


def of_process(options, rules, process):
    words = [options.command, "unreachable"] + (["--reachable"] if options.reachable else []) + [str(process)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        for line in done.stderr.decode(errors="replace").splitlines():
            complain(line.removeprefix("bartizan: unreachable: "))
        return done.returncode if done.returncode > 0 else WRONG_USE
    lost = tell(options, rules, json.loads(done.stdout.decode(errors="replace")), sys.stdout)
    return options.exit_code if lost else SUCCESS


def of_program(options, rules, program):
    """Runs the program, whose processes write what they find into a folder of their own."""
    # What interrupts or ends this is for the program; what it has found is told then.
    started = []
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: [process.send_signal(number) for process in started])
    with tempfile.TemporaryDirectory(prefix="bartizan-leaks-") as folder:
        run = [options.command, "run", f"--profile={options.profile or 'debug'}",
               f"--option=leaks_at_exit=json:{os.path.join(folder, '%p')}", "--option=leaks_exit_code=0", "--option=exit_summary=off"]
        if options.library:
            run.append(f"--library={options.library}")
        with subprocess.Popen([*run, "--", *program], preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in
                                                                          (signal.SIGINT, signal.SIGQUIT)]) as process:
            started.append(process)
            code = process.wait()
        code = 128 - code if code < 0 else code
        lost, told, cut = False, False, False
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*"))):
            with open(path, encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        document = json.loads(line)
                    except ValueError:
                        complain("a process did not write all that it had found: it was killed, the disk is full, or files are limited")
                        cut = True
                        continue
                    lost = tell(options, rules, document, sys.stderr) or lost
                    told = True
    if code == SUCCESS and not told and not cut:
        complain("no process was looked at: the program left by _exit, is linked statically, or may not be traced")
    if code != SUCCESS:
        return code
    if lost:
        return options.exit_code
    return WRONG_USE if cut or not told else SUCCESS


def run(words):
    """The exit code."""
    # What follows is a program and its own words.
    own = words[:words.index("--")] if "--" in words else words
    program = words[len(own) + 1:]
    options = parser().parse_args(own)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # names may hold bytes of any kind
    if bool(program) == (options.process is not None):
        complain("one process or one program\nTry: bartizan leaks -- PROGRAM [ARGS]")
        return WRONG_USE
    if not program and (not options.process.isdigit() or int(options.process) == 0):
        complain(f"'{options.process}' is not a process id; a program stands behind --")
        return WRONG_USE
    if options.profile and not program:
        complain("--profile is for programs that are started")
        return WRONG_USE
    if options.reachable and program:
        complain("--reachable is for a running process: bartizan leaks --reachable PID")
        return WRONG_USE
    rules = read_suppressions(options)
    if rules is None:
        return WRONG_USE
    return of_program(options, rules, program) if program else of_process(options, rules, int(options.process))


def main():
    sys.exit(ending.guard(lambda: run(sys.argv[1:]), complain))
