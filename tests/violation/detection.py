"""docs/results/detection.md and .json: which faults each allocator catches, and when, from a run of all of them."""

import argparse
import collections
import concurrent.futures
import json
import os
import platform
import resource
import subprocess
import sys

import commit
import expectations

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from compare import allocators, measures  # noqa: E402  (the path must be set first)

# A fault takes milliseconds, a race a second or two; some allocators loop for ever after a double free.
SECONDS = 10
DOCUMENT = os.path.join(ROOT, "docs", "results", "detection.md")
PROGRAM = os.path.join(ROOT, "bazel-bin", "tools", "faults", "bartizan-faults")
LIBRARY = os.path.join(ROOT, "bazel-bin", "libbartizan.so")
MOMENTS = ("access", "call", "free", "reuse", "exit")

DESCRIPTION = "Commits every fault under every profile and under the allocators that Debian ships; writes the table."
HEADING = """\
# What is caught, and when

Written by `tools/detection`, which commits every fault of [tools/faults](../../tools/faults/README.md) with blocks of 8,
24, 100, 1000, 4096, 20000 and 262144 bytes (where the fault makes sense at that size), by the thread that owns the block
and by a second one. Each cell is of one such run of all.

A cell says which share of these was caught, and at which moment:

| word | the process was stopped, or the fault did no harm |
|---|---|
| access | by a fault of the processor (SIGSEGV) at the very access |
| call | in the function that was called: `memcpy`, `realloc`, `malloc_usable_size` |
| free | when the block, or its neighbour, was freed |
| reuse | when the memory was about to be issued again, or other blocks were |
| exit | when the program ended |
| harmless | not stopped, and nothing came of it: zeros were read, null and `ENOMEM` returned, other memory issued, stored references told nothing and were not believed when damaged |

*crash* is the share of runs in which the allocator itself broke: a wild access or an endless loop inside `malloc` or
`free`. What an attacker who chooses the values makes of that is another question; it does not count as caught. A dash: not
caught, whatever the size. Where chance decides (where the stack lies, who wins a race) a share differs a little from one run
to the next.

"""


def cell(outcomes):
    """The cell for these outcomes of one fault."""
    outcomes = [outcome for outcome in outcomes if outcome.kind != "inapplicable"]
    if not outcomes:
        return "not there"
    moments = collections.Counter(
        "harmless" if outcome.kind == "answered" else outcome.moment for outcome in outcomes if outcome.is_caught())
    crashes = sum(outcome.kind == "crash" for outcome in outcomes)
    parts = []
    caught = sum(moments.values())
    if caught:
        names = [moment for moment in (*MOMENTS, "harmless", *moments) if moment in moments]
        parts.append(f"{measures.per_cent(caught, len(outcomes))} % {', '.join(dict.fromkeys(names))}")
    if crashes:
        parts.append(f"*crash {measures.per_cent(crashes, len(outcomes))} %*")
    return "; ".join(parts) or "-"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def caught_share(outcomes):
    outcomes = [outcome for outcome in outcomes if outcome.kind != "inapplicable"]
    caught = sum(outcome.is_caught() for outcome in outcomes)
    return f"{measures.per_cent(caught, len(outcomes))} %" if outcomes else "-"


def document(faults, columns, results):
    """`results`: (allocator's name, fault's name) -> outcomes."""
    groups = list(dict.fromkeys(fault.group for fault in faults))
    names = [column.name for column in columns]
    titles = [column.title or column.name for column in columns]

    def of_groups(name, chosen):
        return [outcome for fault in faults if fault.group in chosen for outcome in results[name, fault.name]]

    text = HEADING
    text += "## By kind of fault\n\nShare caught.\n\n"
    rows = [[group, *(caught_share(of_groups(name, [group])) for name in names)] for group in groups]
    rows.append(["all", *(caught_share(of_groups(name, groups)) for name in names)])
    text += table(["fault", *titles], rows)
    for group in groups:
        text += f"\n## {group.capitalize()}\n\n"
        members = [fault for fault in faults if fault.group == group]
        text += table(["fault", "what it does", *titles],
                      [[f"`{fault.name}`", fault.does, *(cell(results[name, fault.name]) for name in names)]
                       for fault in members])
    text += "\n## What profiles miss, and why\n\n"
    text += table(["profile", "fault", "bytes", "why"], reasons(faults))
    text += "\n## Allocators\n\n"
    text += table(["column", "version", "options"],
                  [[title, column.version() or "this repository's", column.note or f"`profile={column.name}`"]
                   for title, column in zip(titles, columns)])
    return text + f"\nOn Linux {platform.release().split('-')[0]}, {platform.machine()}.\n"


def figures(faults, columns, results):
    """For tools: kind of fault -> allocator's name -> [faults caught, faults committed]."""
    shares = collections.defaultdict(dict)
    for fault in faults:
        for column in columns:
            outcomes = [outcome for outcome in results[column.name, fault.name] if outcome.kind != "inapplicable"]
            caught, committed = shares[fault.group].get(column.name, (0, 0))
            shares[fault.group][column.name] = (caught + sum(outcome.is_caught() for outcome in outcomes),
                                                committed + len(outcomes))
    rows = (f'  {json.dumps(kind)}: {json.dumps(by_name)}' for kind, by_name in shares.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def reasons(faults):
    rows = []
    for profile in expectations.PROFILES:
        why = collections.defaultdict(lambda: collections.defaultdict(list))
        for fault in faults:
            for size in fault.sizes():
                expected = expectations.expected_of(fault.name, profile, size)
                if expected.is_miss():
                    why[expected.reason][fault.name].append(size)
        for reason, by_fault in why.items():
            sizes = sorted({size for some in by_fault.values() for size in some})
            rows.append([profile, ", ".join(f"`{name}`" for name in by_fault), ", ".join(map(str, sizes)), reason])
    return rows


def run_all(columns, faults, jobs):
    results = collections.defaultdict(list)
    cases = commit.cases_of(faults)
    shown = sys.stderr.isatty()
    for column in columns:
        environment = column.environment()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            outcomes = pool.map(lambda case: commit.run_case(PROGRAM, environment, case, SECONDS), cases)
            for number, (case, outcome) in enumerate(zip(cases, outcomes), 1):
                results[column.name, case.fault.name].append(outcome)
                if shown:
                    print(f"\r{column.name}: {number} of {len(cases)}\033[K", end="", file=sys.stderr, flush=True)
        if shown:
            print("\r\033[K", end="", file=sys.stderr)
        else:
            print(f"{column.name}: {len(cases)} runs", file=sys.stderr, flush=True)
    return results


def build():
    subprocess.run([os.path.join(ROOT, "tools", "setup", "install"), "build", "peers"], stdin=subprocess.DEVNULL,
                   check=True)
    subprocess.run(["bazel", "build", "--curses=no", "--color=no", "--show_result=0", "--noshow_progress", "//:bartizan",
                    "//tools/faults:bartizan-faults"], cwd=ROOT, stdin=subprocess.DEVNULL, check=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/detection", description=DESCRIPTION)
    parser.add_argument("--output", default=DOCUMENT,
                        help="file to write, and the same with .json; docs/results/detection.md unless given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many faults at a time")
    options = parser.parse_args()
    build()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    columns = allocators.ours(LIBRARY) + allocators.peers()
    missing = [column.library for column in columns if column.is_missing()]
    if missing:
        sys.exit(f"detection: missing: {' '.join(missing)}")
    # What is no fault says nothing about detection; the tests run it.
    faults = [fault for fault in commit.list_faults(PROGRAM) if fault.layer != "none"]
    results = run_all(columns, faults, options.jobs)
    for path, text in ((options.output, document(faults, columns, results)),
                       (os.path.splitext(options.output)[0] + ".json", figures(faults, columns, results))):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return 0
