"""`bartizan fuzz`, from its words to its exit code."""

import argparse
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from compare import ending, progress
from compare.ending import FAILED, INTERRUPTED, MISSING, SUCCESS, Refusal
from fuzz import (campaign, coverage, crashes, document, engines, example, example_document, exhaustive, reasons, targets,
                  totals)

_EPILOG = """\
Builds the targets of fuzz/ in the checkout that is the current folder and fuzzes each for its share of the time. Corpora and
crashes are kept in the folder of campaigns, minimised, and taken up again by the next run; an interrupt loses nothing. A
second machine joins a campaign by using the same folder.

With --exhaustive=N no engine runs: all programs of up to N actions are played (fuzz/exhaustive), and what broke a promise is
printed with the command that replays it. An interrupt prints what was counted until then.

--example fuzzes something else: a small parser with planted heap bugs (fuzz/example), without sanitizers, under glibc's malloc and
with the library preloaded in each profile, as you would fuzz a program of your own (docs/fuzzing.md). It takes --engine (both unless
given), --executions, --jobs and --report.

exit codes: 0 nothing is open, 1 there are crashes, 2 wrong use, 125 something to build or run with is missing, 130
interrupted
"""
_USUAL = "usual"  # stands for the report's usual place
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text):
    match = re.fullmatch(r"(\d+)([smhd]?)", text)
    if not match:
        raise argparse.ArgumentTypeError("expected a time such as 90s, 10m or 2h")
    return int(match.group(1)) * _UNITS[match.group(2) or "s"]


def positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("expected a number from 1")
    return int(text)


def parser():
    result = argparse.ArgumentParser("bartizan fuzz", description="fuzz this project's targets", epilog=_EPILOG,
                                     allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--target", metavar="A,B,...", default="", help="which targets; all unless given")
    result.add_argument("--engine", choices=("libfuzzer", "afl"), help="libfuzzer (default) or afl")
    result.add_argument("--time", metavar="T", type=duration, default=600, help="for each target: 10m (default), 90s, 2h; 0 "
                        "fuzzes nothing, for a report on what was done before")
    result.add_argument("--executions", metavar="N", type=positive, default=0, help="so many for each target instead")
    result.add_argument("--jobs", metavar="N", type=positive, default=len(os.sched_getaffinity(0)),
                        help="processes at a time: as many as processors")
    result.add_argument("--folder", metavar="DIR", default="", help="where campaigns are kept: "
                        "${XDG_DATA_HOME:-~/.local/share}/bartizan/fuzz")
    result.add_argument("--temporary", action="store_true", help="in a folder that goes away when nothing was found")
    result.add_argument("--report", nargs="?", const=_USUAL, default="", metavar="FILE",
                        help="write what all campaigns of the folder have done: docs/results/fuzzing.md; with --example: "
                        "users_fuzzing.md, with --exhaustive: exhaustive.md")
    result.add_argument("--coverage", choices=("measure", "last", "none"), default="measure",
                        help="in the report: lines reached by what is kept, and by that and all tests: measured now (runs all "
                        "tests), as it was measured last, or not at all")
    result.add_argument("--replay", metavar="TARGET/INPUT", default="", help="run one kept crash, or a file, and nothing else")
    result.add_argument("--exhaustive", metavar="N", type=positive, default=0,
                        help="play all programs of up to N actions under each setting instead; 5 takes minutes")
    result.add_argument("--example", action="store_true", help="a parser with planted bugs: what is found with which profile")
    result.add_argument("--list", action="store_true", help="the targets, and what is kept of each")
    result.add_argument("--command", default="", help=argparse.SUPPRESS)
    result.add_argument("--library", default="", help=argparse.SUPPRESS)
    return result


def default_folder():
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "bartizan", "fuzz")


def binaries_of(folder):
    """Each machine has its own binaries."""
    return os.path.join(folder, "binaries", engines.host_name())


def choose(every, asked):
    if not asked:
        return every
    known = {target.name: target for target in every}
    unknown = [name for name in asked.split(",") if name not in known]
    if unknown:
        raise Refusal(f"no target {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(asked.split(","))]


def replay_one(asked, root, folder, every):
    name, _, path = asked.partition("/")
    target = choose(every, name)[0]
    kept = [os.path.join(folder, name, "crashes", path), os.path.join(target.crashes(root), path), path]
    found = next((candidate for candidate in kept if path and os.path.isfile(candidate)), None)
    if found is None:
        raise Refusal(f"there is no input {path} of {name}")
    binary = targets.build(root, "libfuzzer", [target], binaries_of(folder), lambda words: None)[name]
    crashed, output = crashes.replay(binary, found)
    print(output, end="")
    return FAILED if crashed else SUCCESS


def describe(root):
    def said(*words):
        done = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else "?"

    kernel = platform.release().split("-")[0]
    return said("git", "rev-parse", "--short=12", "HEAD"), f"{platform.system()} {kernel}, {os.cpu_count()} processors"


def place_of_report(asked, root, usual):
    return os.path.join(root, "docs", "results", usual) if asked.report == _USUAL else os.path.join(root, asked.report)


def coverage_of(asked, root, folder, chosen, places):
    """None where there is nothing to say."""
    kept = os.path.join(folder, "coverage", "measured.json")
    if asked.coverage == "last":
        return document.load(kept)
    if asked.coverage == "none":
        return None
    shown = progress.Progress()
    try:
        measured = measure(root, folder, chosen, places, shown)
    finally:
        shown.end()
    if measured is not None:
        document.keep(measured, kept)
        print(f"coverage: {measured.by_all:.1f} percent of lines; pages in {folder}/coverage/html")
    return measured


def measure(root, folder, chosen, places, say):
    """None where the tools are missing."""
    if not coverage.have_tools():
        print("coverage is not measured: llvm-cov-19 and llvm-profdata-19 are missing; install Debian's package llvm-19")
        return None
    counted = os.path.join(folder, "coverage")
    shutil.rmtree(counted, ignore_errors=True)
    os.makedirs(counted)
    built = targets.build(root, "coverage", chosen, binaries_of(folder), lambda words: say(words, 0.1))
    say("replaying all that is kept", 0.3)
    coverage.replay(root, counted, built, places)
    by_fuzzing = coverage.read(root, counted, list(built.values()))
    say("running all tests, built to be counted", 0.4)
    failed = coverage.run_tests(root, counted)
    by_all = coverage.read(root, counted, [*built.values(), *coverage.objects(root)])
    every = reasons.load(root)
    unexplained = reasons.sort(root, coverage.uncovered(by_all), every)
    return document.Measured(describe(root)[0], 100 * coverage.share(by_fuzzing), 100 * coverage.share(by_all), failed,
                             [(each.file, each.lines, each.why) for each in every if each.lines], unexplained)


def report(asked, root, folder, chosen, places):
    outcomes = [outcome for target in chosen for outcome in totals.outcomes(target, places[target.name])]
    still_open = [(target.name, key) for target in chosen for key in crashes.open_ones(places[target.name].crashes)]
    measured = coverage_of(asked, root, folder, chosen, places)
    commit, machine = describe(root)
    path = place_of_report(asked, root, "fuzzing.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(document.page(outcomes, still_open, measured, commit, machine))
    print(f"written: {path}")


def fuzz(asked, root, folder, chosen):
    if asked.time == 0 and not asked.executions:
        if not asked.report:
            raise Refusal("--time=0 fuzzes nothing: it goes with --report")
        report(asked, root, folder, chosen, {target.name: campaign.Place(os.path.join(folder, target.name)) for target in chosen})
        return SUCCESS
    # Comparing takes its time to pay: not for a few executions.
    kinds = ["libfuzzer"] + (["afl"] if asked.engine == "afl" else [])
    kinds += ["cmplog"] if asked.engine == "afl" and not asked.executions else []
    if asked.engine == "afl" and shutil.which("afl-fuzz") is None:
        raise Refusal("afl-fuzz is missing; install Debian's package afl++", MISSING)
    shown = progress.Progress()
    binaries = {kind: targets.build(root, kind, chosen, binaries_of(folder), lambda words: shown(words, 0))
                for kind in kinds}
    running = campaign.Campaign(root, folder, asked.engine, binaries, asked.time, asked.executions, asked.jobs, shown)
    try:
        outcomes = running.run(chosen)
        places = {target.name: running.place(target) for target in chosen}
        # What goes away anyhow need not be small.
        for target in chosen if not (running.interrupted or asked.temporary) else ():
            shown(f"minimising the corpus of {target.name}", 0.99)
            campaign.minimise_corpus(binaries["libfuzzer"][target.name], target, places[target.name], root)
    finally:
        shown.end()
    still_open = 0
    for outcome in outcomes:
        kept = crashes.open_ones(places[outcome.target.name].crashes)
        still_open += len(kept)
        print(f"{outcome.target.name}: {outcome.executions} executions, {outcome.speed:.0f} a second, {outcome.edges} edges, "
              f"{len(outcome.crashes)} new crashes, {len(kept)} open")
        if outcome.problem:
            print(f"  {outcome.problem}")
        for key in kept:
            print(f"  {key}: tools/bartizan fuzz --replay={outcome.target.name}/{key}")
        totals.add(places[outcome.target.name], outcome)
    if asked.report and not running.interrupted:
        report(asked, root, folder, chosen, places)
    failed = sum(bool(each.crashes or each.problem) for each in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return INTERRUPTED if running.interrupted else FAILED if still_open or failed else SUCCESS


def fuzz_example(asked, root):
    if not asked.library:
        raise Refusal("libbartizan.so is not where it should be; build it (bazel build //:bartizan)", MISSING)
    modes = [name for engine, names in example.ENGINES.items() if asked.engine in (None, engine) for name in names]
    tried = example.Example(root, asked.library, modes, asked.executions or example.EXECUTIONS)
    shown = progress.Progress()
    try:
        finds = tried.run(asked.jobs, shown)
        speeds = tried.speeds(shown)
    finally:
        shown.end()
        tried.remove()
    if asked.report:
        commit, machine = describe(root)
        path = place_of_report(asked, root, "users_fuzzing.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(example_document.page(tried.columns, finds, speeds, tried.executions, commit, machine))
        print(f"written: {path}")
    else:
        print(example_document.text(tried.columns, finds, speeds))
    missed = example.missed(finds, tried.executions)
    for words in missed:
        print(words)
    print(f"{sum(find.found for of_mode in finds.values() for find in of_mode.values())} passed, {len(missed)} failed")
    return FAILED if missed else SUCCESS


def run(words):
    asked = parser().parse_args(words)
    root = targets.find_root(os.getcwd())
    if asked.example:
        return fuzz_example(asked, root)
    asked.engine = asked.engine or "libfuzzer"
    folder = os.path.abspath(asked.folder or default_folder())
    every = targets.read(root)
    if asked.list:
        for target in every:
            corpus = os.path.join(folder, target.name, "corpus")
            kept = crashes.open_ones(os.path.join(folder, target.name, "crashes"))
            inputs = len(os.listdir(corpus)) if os.path.isdir(corpus) else 0
            print(f"{target.name}: {inputs} inputs kept, {len(kept)} crashes open")
        return SUCCESS
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if asked.exhaustive:
        path = asked.report and place_of_report(asked, root, "exhaustive.md")
        return exhaustive.run(root, binaries_of(folder), asked.exhaustive, asked.jobs, path,
                              lambda: describe(root), progress.Progress())
    if asked.replay.startswith("exhaustive/"):
        return exhaustive.replay(root, binaries_of(folder), asked.replay.removeprefix("exhaustive/"))
    if asked.replay:
        return replay_one(asked.replay, root, folder, every)
    chosen = choose(every, asked.target)
    if not asked.temporary:
        return fuzz(asked, root, folder, chosen)
    folder = tempfile.mkdtemp(prefix="bartizan-fuzz-")
    ended = FAILED
    try:
        ended = fuzz(asked, root, folder, chosen)
    finally:
        if ended == FAILED:
            ending.complain("fuzz", f"what was found is kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return ended


def main():
    ending.main("fuzz", run)


if __name__ == "__main__":
    sys.exit(main())
