"""`bartizan bench`, from its words to its exit code."""

import argparse
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from bench import document, goals, record, suite
from compare import allocators, ending, machine, progress
from compare.ending import FAILED, INTERRUPTED, MISSING, SUCCESS, Refusal
from compare.rounds import NULL_RUN

MICRO_PROGRAM = "bartizan-bench"
RESULTS = os.path.join("docs", "results")
NAME = "performance"

_EPILOG = """\
Runs micro benchmarks, programs and servers under each allocator by turns. Writes performance.md, with every goal and
whether it was reached, and performance.json to the folder of results. An interrupt keeps what was measured.

exit codes: 0 all measured, 1 something failed (the document says what), 2 wrong use, 125 an allocator or the library is
missing, 130 interrupted
"""


def parser():
    result = argparse.ArgumentParser("bartizan bench", description="measure this project's benchmark suite",
                                     epilog=_EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--quick", action="store_true",
                        help="two minutes instead of about thirty: fewer works, small inputs")
    result.add_argument("--only", metavar="REGEX", default="", type=_expression, help="works whose name this finds")
    result.add_argument("--allocators", metavar="A,B,...", default="", help="which to run, as for bartizan compare")
    result.add_argument("--rounds", metavar="N", type=_positive, help="how often each is run: 6, or 3 with --quick")
    result.add_argument("--out", metavar="DIR", help=f"folder of results; {RESULTS} of the checkout that is the "
                        "current folder, or none with --quick, --only or --allocators")
    result.add_argument("--from", metavar="JSON", dest="source", help="measure nothing: write the document of this "
                        "performance.json anew")
    result.add_argument("--list", action="store_true", help="the works, and what they need that is not installed")
    result.add_argument("--library", metavar="PATH", default="",
                        help="libbartizan.so instead of the one beside the command")
    result.add_argument("--command", default="", help=argparse.SUPPRESS)
    return result


def _expression(text):
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"no regular expression: {error}") from None
    return text


def _positive(text):
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("expected a number from 1 to 1000")
    return int(text)


def complain(message):
    ending.complain("bench", message)


def find_micro_program(command):
    """The program of the micro benchmarks: beside the command, in ../libexec, or where Bazel builds it."""
    folder = os.path.dirname(command)
    places = ((), ("..", "libexec"), ("..", "bench", "micro"))
    candidates = [os.path.join(folder, *place, MICRO_PROGRAM) for place in places]
    for path in candidates:
        if os.access(path, os.X_OK):
            return os.path.realpath(path)
    raise Refusal(f"{MICRO_PROGRAM} is not where it should be: {', '.join(candidates)}; build it "
                  f"(bazel build //tools/bench/micro:{MICRO_PROGRAM})", MISSING)


def choose_allocators(asked, form):
    """The allocators to run, the base first, and names of default ones that are not installed."""
    catalogue = allocators.Catalogue(os.path.realpath(asked.library), allocators.read_layers(asked.command))
    names = asked.allocators.split(",") if asked.allocators else form.allocators
    chosen = [catalogue.find(name) for name in dict.fromkeys([suite.BASE, *filter(None, names)])]
    missing = [each for each in chosen if each.is_missing()]
    if missing and asked.allocators:
        raise Refusal("; ".join(f"{each.name}: {each.library} is missing" for each in missing), MISSING)
    chosen = [each for each in chosen if each not in missing]
    if len(chosen) < 2:
        raise Refusal(f"only {suite.BASE} to run; name others with --allocators")
    return chosen, missing


def results_folder(asked):
    """Where the documents go; empty: nowhere. Part of the suite does not replace the results of all of it."""
    if not asked.out and (asked.quick or asked.only or asked.allocators):
        return ""
    if not asked.out and not (os.path.exists("WORKSPACE") and os.path.isdir(RESULTS)):
        raise Refusal(f"there is no {RESULTS} of a checkout here; say with --out=DIR where the results go")
    folder = asked.out or RESULTS
    # Before half an hour is spent on what cannot be kept.
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise Refusal(f"{folder}: cannot be written to")
    return folder


def describe_machine():
    return dict(machine.description(), distribution=platform.freedesktop_os_release().get("PRETTY_NAME", "?"))


def describe_commit(asked):
    """The commit of the checkout, or the command's version."""
    def said(*words):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = said("git", "rev-parse", "--short=12", "HEAD") if os.path.exists("WORKSPACE") else ""
    if commit and said("git", "status", "--porcelain", "--untracked-files=no"):
        commit += " with changes"
    return commit or "version " + (said(asked.command, "version").split() or ["?"])[-1]


def write(folder, found):
    os.makedirs(folder, exist_ok=True)
    for name, text in ((f"{NAME}.md", document.page(found)), (f"{NAME}.json", found.to_json())):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def show(found, folder):
    """The verdicts, on the terminal."""
    for verdict in goals.evaluate(found):
        if verdict.reached is None:
            continue
        goal, reached = verdict.goal, verdict.reached
        note = f" ({reached.note})" if reached.note else ""
        print(f"{verdict.text():8} {goal.profile:9} {goal.what}: {reached.value:.2f}{note}, {goal.wanted()}")
    print()
    for work in found.works:
        ratios = [f"{name} {work.slowness(name, found.base) or float('nan'):.2f}" for name in found.names()
                  if name != found.base and name in work.values]
        print(f"{work.name}: {document.quantity(work.median(found.base), work.unit)}, {', '.join(ratios)}")
    if folder:
        print(f"\nWritten: {os.path.join(folder, NAME)}.md and .json")
    sys.stdout.flush()


def failures_of(found):
    return [f"{work.name} failed under {name}: {failure}" for work in found.works
            for name, failure in work.failures.items() if name != NULL_RUN]


def measure(asked, form, items, chosen, missing):
    folder = tempfile.mkdtemp(prefix="bartizan-bench-")
    shown = progress.Progress()
    found = None
    try:
        found = suite.Runner(form, chosen, folder, shown).run(items)
    finally:
        shown.end()
        for name in ("inputs", "libraries"):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
        if found is None or not failures_of(found):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            complain(f"what the programs printed is kept in {folder}")
    found.date, found.commit, found.machine = document.today(), describe_commit(asked), describe_machine()
    found.missing += [f"{each.name}: {each.package or each.library}" for each in missing]
    return found


def rewrite(asked):
    try:
        with open(asked.source, encoding="utf-8") as file:
            found = record.from_json(file.read())
    except OSError as error:
        raise Refusal(f"{asked.source}: {error.strerror}") from None
    except record.NoRecord as error:
        raise Refusal(f"{asked.source}: {error}") from None
    write(asked.out or os.path.dirname(asked.source) or ".", found)
    return SUCCESS


def run(words):
    asked = parser().parse_args(words)
    if asked.source:
        return rewrite(asked)
    if not asked.command:
        raise Refusal("is a part of the command bartizan; start it by that")
    if not asked.library or not os.access(asked.library, os.R_OK):
        raise Refusal("libbartizan.so is not where it should be; build it (bazel build //:bartizan) or name it with "
                      "--library=PATH", MISSING)
    form = suite.QUICK if asked.quick else suite.FULL
    if asked.rounds:
        form = suite.with_rounds(form, asked.rounds)
    items = suite.program_items(form) + suite.micro_items(form, find_micro_program(asked.command))
    items = suite.chosen_items(items, asked.only)
    if asked.list:
        for item in items:
            print(item.name + (f"  (not installed: {', '.join(item.missing)})" if item.missing else ""))
        return SUCCESS
    if not items:
        raise Refusal(f"--only={asked.only}: finds no work; --list names all")
    chosen, missing = choose_allocators(asked, form)
    folder = results_folder(asked)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found = measure(asked, form, items, chosen, missing)
    if folder and found.works:
        write(folder, found)
    show(found, folder if found.works else "")
    for failure in failures_of(found):
        complain(failure)
    for reason in found.missing:
        complain(f"left out: {reason} (tools/setup/install bench peers)")
    if found.interrupted:
        complain(f"interrupted; {len(found.works)} figures were measured until then")
        return INTERRUPTED
    return FAILED if failures_of(found) else SUCCESS


def main():
    ending.main("bench", run)


if __name__ == "__main__":
    main()
