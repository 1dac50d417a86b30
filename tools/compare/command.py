"""`bartizan compare`, from its words to its exit code."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

from compare import allocators, arguments, document, ending, measure, progress, report, rounds, table
from compare.comparison import Comparison
from compare.ending import CANNOT_RUN, FAILED, INTERRUPTED, MISSING, NOT_FOUND, SUCCESS, WRONG_USE, Refusal


def complain(message):
    ending.complain("compare", message)


def choose(asked, catalogue):
    """The allocators to run, and the default ones that are not installed."""
    names = asked.allocators.split(",") if asked.allocators else []
    if not names and not asked.layers:
        names = list(arguments.DEFAULT_ALLOCATORS)
    if asked.layers:
        names = [asked.profile, "fast", *names]
    chosen = [catalogue.find(name) for name in [asked.base, *names] if name]
    if asked.layers:
        chosen += catalogue.one_off(asked.profile) + catalogue.each_alone(asked.profile)
    chosen = list({allocator.name: allocator for allocator in chosen}.values())
    missing = [allocator for allocator in chosen if allocator.is_missing()]
    required = [allocator for allocator in missing if asked.allocators or allocator.name == asked.base]
    if required:
        raise Refusal("; ".join(_why_missing(allocator) for allocator in required), MISSING)
    chosen = [allocator for allocator in chosen if allocator not in missing]
    if len(chosen) < 2:
        raise arguments.WrongUse(f"only {asked.base} to run; name others with --allocators")
    return chosen, missing


def _why_missing(allocator):
    wanted = f"install Debian's package {allocator.package}" if allocator.package else "is the path right?"
    return f"{allocator.name}: {allocator.library} is missing; {wanted}"


def check_program(name):
    if shutil.which(name):
        return
    if "/" in name and os.path.exists(name):
        raise Refusal(f"{name}: Permission denied" if os.path.isfile(name) else f"{name}: is no program", CANNOT_RUN)
    why = "No such file or directory" if "/" in name else "it is not in PATH"
    raise Refusal(f"{name}: program not found: {why}", NOT_FOUND)


def check_writable(path):
    """Before hours are spent on what cannot be kept."""
    existed = os.path.exists(path)
    try:
        with open(path, "ab"):
            pass
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}", WRONG_USE) from None
    if not existed:
        os.remove(path)


def check(asked):
    if not asked.command:
        raise Refusal("is a part of the command bartizan; start it by that", WRONG_USE)
    if not asked.library:
        raise Refusal("libbartizan.so is not where it should be; build it (bazel build //:bartizan) or name it with "
                      "--library=PATH", MISSING)
    if not os.access(asked.library, os.R_OK):
        raise Refusal(f"--library={asked.library}: cannot be read", MISSING)
    check_program(asked.program[0])
    for path in (asked.report, asked.json):
        if path and path != arguments.TO_STANDARD_OUTPUT:
            check_writable(path)
    if asked.report and not shutil.which("gnuplot"):
        raise Refusal("--report needs gnuplot; install Debian's package gnuplot-nox", MISSING)


def work_of(asked):
    # A file can be read again for each run; what comes through a pipe or from a terminal cannot.
    is_file = not sys.stdin.closed and stat.S_ISREG(os.fstat(0).st_mode)
    return measure.Work(os.path.basename(asked.program[0]), asked.program, asked.metric, asked.higher_is_better,
                        asked.load, asked.ready, timeout=asked.timeout,
                        stdin=f"/proc/{os.getpid()}/fd/0" if is_file else os.devnull)


def version_of(command):
    done = subprocess.run([command, "version"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()[-1]


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def show(asked, comparison):
    """All that was asked for, and the exit code."""
    results, result = comparison.results, comparison.result
    version = version_of(asked.command)
    if asked.json == arguments.TO_STANDARD_OUTPUT:
        print(document.text(comparison, version), end="")
    else:
        print(table.text(comparison), end="")
    if asked.json not in ("", arguments.TO_STANDARD_OUTPUT):
        write(asked.json, document.text(comparison, version))
    if asked.report and comparison.measured():
        write(asked.report, report.page(comparison, version))
    sys.stdout.flush()
    for name, failure in result.failures.items():
        if name != rounds.NULL_RUN:
            complain(f"{result.work.name} failed under {name}: {failure}")
    if results.base in result.failures:
        complain(f"without {results.base}, the base, there is nothing to compare with")
    if results.interrupted:
        if not comparison.measured():
            complain("interrupted before anything was measured")
        return INTERRUPTED
    return FAILED if result.failures else SUCCESS


def run(words):
    asked = arguments.parse(words)
    if asked.help:
        print(arguments.help_text(), end="")
        return SUCCESS
    check(asked)
    layers = allocators.read_layers(asked.command)
    chosen, missing = choose(asked, allocators.Catalogue(os.path.realpath(asked.library), layers))
    if missing:
        complain("not installed, left out: " +
                 ", ".join(f"{allocator.name} ({allocator.package})" for allocator in missing))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix="bartizan-compare-")
    shown = progress.Progress()
    kept = []
    try:
        results = rounds.compare([work_of(asked)], chosen, asked.rounds, asked.base, shown, folder)
        shown.end()
        result = results.works[0]
        kept = result.kept
        return show(asked, Comparison(results, result, asked.profile, layers if asked.layers else ()))
    finally:
        _remove(folder, kept)


def _remove(folder, kept):
    """What programs printed, except where they failed."""
    for name in os.listdir(folder):
        if os.path.join(folder, name) not in kept:
            os.remove(os.path.join(folder, name))
    if not os.listdir(folder):
        os.rmdir(folder)


def main():
    ending.main("compare", run)
