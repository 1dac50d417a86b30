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
from fuzz import campaign, coverage, crashes, document, targets

_EPILOG = """\
Builds the targets of fuzz/ in the checkout that is the current folder and fuzzes each for its share of the time. Corpora and
crashes are kept in the folder of campaigns, minimised, and taken up again by the next run; an interrupt loses nothing. A
second machine joins a campaign by using the same folder.

exit codes: 0 nothing is open, 1 there are crashes, 2 wrong use, 125 something to build or run with is missing, 130
interrupted
"""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text):
    match = re.fullmatch(r"(\d+)([smhd]?)", text)
    if not match or int(match.group(1)) == 0:
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
    result.add_argument("--engine", choices=("libfuzzer", "afl"), default="libfuzzer", help="libfuzzer (default) or afl")
    result.add_argument("--time", metavar="T", type=duration, default=600, help="for each target: 10m (default), 90s, 2h")
    result.add_argument("--executions", metavar="N", type=positive, default=0, help="so many for each target instead")
    result.add_argument("--jobs", metavar="N", type=positive, default=len(os.sched_getaffinity(0)),
                        help="processes at a time: as many as processors")
    result.add_argument("--folder", metavar="DIR", default="", help="where campaigns are kept: "
                        "${XDG_DATA_HOME:-~/.local/share}/bartizan/fuzz")
    result.add_argument("--temporary", action="store_true", help="in a folder that goes away when nothing was found")
    result.add_argument("--report", nargs="?", const=os.path.join("docs", "results", "fuzzing.md"), default="", metavar="FILE",
                        help="write the report, with coverage: docs/results/fuzzing.md")
    result.add_argument("--replay", metavar="TARGET/INPUT", default="", help="run one kept crash, or a file, and nothing else")
    result.add_argument("--list", action="store_true", help="the targets, and what is kept of each")
    result.add_argument("--command", default="", help=argparse.SUPPRESS)
    result.add_argument("--library", default="", help=argparse.SUPPRESS)
    return result


def default_folder():
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "bartizan", "fuzz")


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
    binary = targets.build(root, "libfuzzer", [target], os.path.join(folder, "binaries"), lambda words: None)[name]
    crashed, output = crashes.replay(binary, found)
    print(output, end="")
    return FAILED if crashed else SUCCESS


def describe(root):
    def said(*words):
        done = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else "?"

    return said("git", "rev-parse", "--short=12", "HEAD"), f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"


def report(asked, root, folder, chosen, outcomes, places):
    files = {}
    if coverage.have_tools():
        built = targets.build(root, "coverage", chosen, os.path.join(folder, "binaries"), lambda words: None)
        files = coverage.measure(root, os.path.join(folder, "coverage"), built, places)
        print(f"coverage: {100 * coverage.share(files):.1f} percent of lines; pages in {folder}/coverage/html")
    commit, machine = describe(root)
    path = os.path.join(root, asked.report)
    with open(path, "w", encoding="utf-8") as file:
        file.write(document.page(outcomes, asked.engine, files, commit, machine))
    print(f"written: {path}")


def fuzz(asked, root, folder, chosen):
    kinds = ["libfuzzer"] + (["afl", "cmplog"] if asked.engine == "afl" else [])
    if asked.engine == "afl" and shutil.which("afl-fuzz") is None:
        raise Refusal("afl-fuzz is missing; install Debian's package afl++", MISSING)
    shown = progress.Progress()
    binaries = {kind: targets.build(root, kind, chosen, os.path.join(folder, "binaries"), lambda words: shown(words, 0))
                for kind in kinds}
    running = campaign.Campaign(root, folder, asked.engine, binaries, asked.time, asked.executions, asked.jobs, shown)
    try:
        outcomes = running.run(chosen)
        places = {target.name: running.place(target) for target in chosen}
        for target in chosen if not running.interrupted else ():
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
    if asked.report and not running.interrupted:
        report(asked, root, folder, chosen, outcomes, places)
    failed = sum(bool(each.crashes or each.problem) for each in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return INTERRUPTED if running.interrupted else FAILED if still_open or failed else SUCCESS


def run(words):
    asked = parser().parse_args(words)
    root = targets.find_root(os.getcwd())
    folder = os.path.abspath(asked.folder or default_folder())
    every = targets.read(root)
    if asked.list:
        for target in every:
            corpus = os.path.join(folder, target.name, "corpus")
            kept = crashes.open_ones(os.path.join(folder, target.name, "crashes"))
            inputs = len(os.listdir(corpus)) if os.path.isdir(corpus) else 0
            print(f"{target.name}: {inputs} inputs kept, {len(kept)} crashes open")
        return SUCCESS
    if asked.replay:
        return replay_one(asked.replay, root, folder, every)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
