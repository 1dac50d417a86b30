"""docs/results/given_back.md and .svg: how much memory programs hold on to, from runs of bartizan-given-back."""

import argparse
import concurrent.futures
import dataclasses
import datetime
import os
import subprocess
import sys

from bench.document import table
from compare import allocators, machine, pictures

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
BUILT = os.path.join(ROOT, "bazel-bin")
PROGRAM = os.path.join(BUILT, "tools", "bench", "given_back", "bartizan-given-back")
LIBRARY = os.path.join(BUILT, "libbartizan.so")
RESULTS = os.path.join(ROOT, "docs", "results")
TARGETS = ("//:bartizan", "//tools/bench/given_back:bartizan-given-back")
NAMES = ("hardened", "fast", "glibc", "jemalloc", "mimalloc", "tcmalloc")
SHARES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)
SECONDS = 1800
MEBIBYTE = 1 << 20
SLAB = 64 * 1024

HEADING = """\
# Memory given back

Written by `tools/given_back`, which runs [bartizan-given-back](../../tools/bench/given_back/README.md) under each allocator.
Resident is as the kernel counts it; committed as Bartizan does. The rows *with epochs* put each phase into an epoch;
all others, also of the other allocators, which have none, call `malloc` and `free` alone.

"""
CYCLES = """\
## Pressure beside an old phase

{count} cycles, each of which allocates 32 MiB of 16 bytes to 1 MiB and frees them in random order, while a fifth of the blocks
of an old phase of 32 MiB stays. Means over the second twentieth of the cycles and over the last; *drift* is from the one to
the other, and may be 1 % at most for Bartizan with epochs. Without them, what is held after a cycle goes up and down with the
moment at which empty slabs decay, and in all rows with what the cache of large blocks holds just then: with `large_cache=0`, `fast`
drifts by 0.0 % with epochs and by -0.1 % without. MiB.
"""
PHASES = """\
## Phases that keep one block

{count} phases of 64 blocks of 16 bytes to 2 KiB, of which the share named keeps one for ever. What resident memory grew by, in
KiB for each block that is kept (at 0: altogether); in brackets what is committed. For Bartizan at most one slab, 64 KiB.

![growth by the share of phases that keep a block](given_back.svg)
"""
PEAK = """\
## After a peak

The program holds an eighth of {size} MiB, allocates the rest in blocks of 16 bytes to 1 MiB, frees it in random order, and then
replaces 1000 small blocks at random, and does nothing else, until no more than 110 % of what was resident before is (or for
{seconds} seconds). The goal for Bartizan is its `decay`, 1 second. MiB.
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """An allocator, and whether phases are epochs."""

    title: str
    allocator: allocators.Allocator
    words: tuple = ()


class Failed(Exception):
    """Its text says what did."""


def rows_of(names, library):
    known = {each.name: each for each in (*allocators.ours(library), *allocators.peers())}
    result = []
    for name in names:
        if name not in known:
            raise Failed(f"{name} is no allocator; known: {', '.join(known)}")
        allocator = known[name]
        if allocator.is_missing():
            print(f"left out: {name}: {allocator.library} is missing", file=sys.stderr)
        elif allocator.is_ours():
            result += [Row(f"{name}, with epochs", allocator), Row(name, allocator, ("--plain",))]
        else:
            result.append(Row(name, allocator))
    return result


def measure(row, *words):
    """What the program prints: names and numbers. Cycles as they went are left out."""
    words = [word for word in (*words, *row.words) if not (word == "--plain" and words[0] == "peak")]
    print(f"{row.title}: {' '.join(words)}", file=sys.stderr)
    done = subprocess.run([PROGRAM, *words], env=os.environ | row.allocator.environment(), stdout=subprocess.PIPE,
                          text=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise Failed(f"{row.title}: {' '.join(words)}: exit code {done.returncode}")
    lines = [line.split() for line in done.stdout.splitlines()]
    return {words[0]: float(words[1]) for words in lines if len(words) == 2}


def mebibytes(value):
    return f"{value / MEBIBYTE:.1f}"


def drift(found, name):
    early, late = found.get(f"{name}_early"), found.get(f"{name}_late")
    if not early:
        return "-"
    change = 100 * (late / early - 1)
    text = f"{change:+.1f} %"
    return f"**{text}**" if change > 1 else text


def cycles(rows, count):
    lines = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        measured = list(pool.map(lambda row: measure(row, "cycles", f"--count={count}"), rows))
    for row, found in zip(rows, measured):
        lines.append([row.title] + [cell for when in ("top", "after") for cell in (
            mebibytes(found[f"{when}_resident_early"]), mebibytes(found[f"{when}_resident_late"]),
            drift(found, f"{when}_resident"), drift(found, f"{when}_committed"))])
    head = ["", "top, early", "late", "drift", "of committed", "after, early", "late", "drift", "of committed"]
    return [CYCLES.format(count=f"{count:,}"), *table(head, lines)]


def growth(found):
    """The cell for one run."""
    blocks = found["kept_blocks"] or 1
    text = f"{found['resident_growth'] / blocks / 1024:.1f}"
    if "committed_growth" in found:
        text += f" ({found['committed_growth'] / blocks / 1024:.1f})"
    most = max(found["resident_growth"], found.get("committed_growth", 0))
    return f"**{text}**" if found["kept_blocks"] and most / blocks > SLAB else text


def phases(rows, count):
    """The lines, and for each row the points of the plot."""
    lines, curves = [], {}
    for row in rows:
        if "--plain" in row.words:
            continue
        # Two at a time: only memory is looked at.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda share: measure(row, "phases", f"--count={count}", f"--keep={share}"), SHARES))
        lines.append([row.title, *map(growth, found)])
        curves[row.title] = [(share, each["resident_growth"] / MEBIBYTE) for share, each in zip(SHARES, found)]
    return [PHASES.format(count=f"{count:,}"), *table(["", *map(str, SHARES)], lines)], curves


def peak(rows, seconds, size):
    lines = []
    for row in rows:
        # Nothing in it is a phase.
        if "--plain" not in row.words and row.allocator.is_ours():
            continue
        found = measure(row, "peak", f"--seconds={seconds}", f"--mebibytes={size}")
        took = f"{found['seconds']:.1f} s" if found["back"] else f"**not in {found['seconds']:.0f} s**"
        lines.append([row.title, *(mebibytes(found[name]) for name in (
            "live", "resident_before", "resident_top", "resident_freed", "resident_end")), took])
    head = ["", "live", "resident before", "at the peak", "when all is freed", "at the end", "back after"]
    return [PEAK.format(seconds=seconds, size=size), *table(head, lines)]


def draw(curves):
    titles = list(curves)
    plots = ", ".join(f"$d{place} using 1:2 with linespoints linewidth 2 pointsize 0.5 linecolor rgb \"#0000"
                      f"{place % pictures.COLOURS + 1:02x}\" title '{title}'" for place, title in enumerate(titles))
    commands = f"""\
set xlabel 'share of phases that keep a block'
set ylabel 'resident growth, MiB'
set yrange [0:*]
set grid y
set key outside right top samplen 2 spacing 1.2 Left reverse
plot {plots}"""
    return pictures.standalone(380, commands, {f"d{place}": curves[title] for place, title in enumerate(titles)})


def write(folder, lines, curves):
    about = machine.description()
    closing = (f"{datetime.date.today()}; {about['processor']}, {about['processors']} processors, Linux {about['kernel']}. "
               "Other programs ran at the same time: memory is what counts here, not time.")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "given_back.md"), "w", encoding="utf-8") as file:
        file.write(HEADING + "\n".join(lines) + "\n" + closing + "\n")
    with open(os.path.join(folder, "given_back.svg"), "w", encoding="utf-8") as file:
        file.write(draw(curves))


def run(asked):
    if not asked.no_build:
        subprocess.run(["bazel", "build", "--jobs=2", *TARGETS], cwd=ROOT, check=True)
    rows = rows_of(asked.allocators.split(","), LIBRARY)
    scale = 20 if asked.quick else 1
    lines = cycles(rows, 2000 // scale)
    more, curves = phases(rows, 100_000 // scale)
    lines += more + peak(rows, 5 if asked.quick else 10, 1024 // (4 if asked.quick else 1))
    if asked.quick and not asked.out:
        print("\n".join(lines))
    else:
        write(asked.out or RESULTS, lines, curves)


def main():
    parser = argparse.ArgumentParser("tools/given_back", description="measures how much memory programs hold on to",
                                     allow_abbrev=False)
    parser.add_argument("--allocators", metavar="A,B,...", default=",".join(NAMES), help="profiles and other allocators")
    parser.add_argument("--quick", action="store_true", help="a twentieth of everything, on the terminal only")
    parser.add_argument("--out", metavar="DIR", help="folder of results instead of docs/results")
    parser.add_argument("--no-build", action="store_true", help="take what is built already")
    try:
        run(parser.parse_args())
    except (Failed, pictures.CannotDraw, subprocess.SubprocessError) as error:
        print(f"given_back: {error}", file=sys.stderr)
        return 1
    return 0
