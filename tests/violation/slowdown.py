"""docs/results/slowdown.md: what each tool makes of the speed of three programs (tools/works), and the goals."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time

# So that the plain program takes about two seconds on a machine of 2024.
ROUNDS = {"words": 60, "tree": 25, "table": 150}
RUNS = 5
# Of `debug`: at most so many times the C library's time, and so many times faster than memcheck.
MOST_TIMES, FASTER_THAN_MEMCHECK = 3, 5

HEADING = """\
# What finding faults costs

Written by `tools/precision --slowdown`, which runs three programs of our own ([tools/works](../../tools/works/README.md)) under
each tool of [precision.md](precision.md): seconds, the least of {runs} runs, by turns; and how many times the time with the C
library's own malloc.

"""


def once(command, environment):
    """Seconds, and what was printed."""
    begin = time.monotonic()
    done = subprocess.run(command, env={**os.environ, "LD_PRELOAD": "", "BARTIZAN_OPTIONS": "", **environment},
                          stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return time.monotonic() - begin, done.stdout


def allocations(program, name, rounds, library):
    """How many blocks the program allocates."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "statistics")
        once([program, name, str(rounds)], {"LD_PRELOAD": library,
                                            "BARTIZAN_OPTIONS": f"profile=debug:stats_at_exit=json\\:{path}"})
        with open(path, encoding="utf-8") as file:
            return json.load(file)["counters"]["large_allocations"]


def measure(tools, programs, runs, share):
    """(program, tool's name, "" for the C library) -> least seconds."""
    times = {}
    for name, whole in ROUNDS.items():
        rounds = str(max(1, int(whole * share)))
        said = set()
        for _ in range(runs):
            for tool in (None, *tools):
                command, environment = ([programs["plain"]], {}) if tool is None else (
                    tool.command(programs[tool.build]), tool.environment())
                seconds, output = once([*command, name, rounds], environment)
                said.add(output)
                key = name, tool.name if tool else ""
                times[key] = min(seconds, times.get(key, seconds))
        if len(said) != 1:
            sys.exit(f"precision: {name} does not print the same under each tool")
        print(f"{name}: measured", file=sys.stderr, flush=True)
    return times


def document(tools, times, counts, runs, table):
    rows = []
    for name in ROUNDS:
        base = times[name, ""]
        cells = [f"{times[name, tool.name]:.2f} s, {times[name, tool.name] / base:.1f}" for tool in tools]
        rows.append([f"`{name}`", f"{counts[name] / base:,.0f}", f"{base:.2f} s", *cells])
    text = HEADING.format(runs=runs) + table(
        ["program", "allocations per second", "C library", *(tool.title for tool in tools)], rows)
    most = max(times[name, "debug"] / times[name, ""] for name in ROUNDS)
    least = min(times[name, "memcheck"] / times[name, "debug"] for name in ROUNDS)
    text += "\n## Goals\n\n" + table(["goal", "measured", "reached"], [
        [f"`debug`: at most {MOST_TIMES} times the C library's time on programs that allocate moderately", f"{most:.1f}",
         "yes" if most <= MOST_TIMES else "no"],
        [f"`debug`: at least {FASTER_THAN_MEMCHECK} times faster than memcheck", f"{least:.1f}",
         "yes" if least >= FASTER_THAN_MEMCHECK else "no"]])
    text += ("\nA block of `debug` costs two system calls and a page fault or two, where AddressSanitizer poisons memory: "
             "programs that do little but allocate are slower than under it, and may be slower than under memcheck.\n")
    return text + f"\nOn Linux {platform.release().split('-')[0]}, {platform.machine()}, {os.cpu_count()} processors.\n"


def write(path, tools, programs, library, runs, share, table):
    times = measure(tools, programs, runs, share)
    counts = {name: allocations(programs["plain"], name, max(1, int(ROUNDS[name] * share)), library) for name in ROUNDS}
    with open(path, "w", encoding="utf-8") as file:
        file.write(document(tools, times, counts, runs, table))
