#!/usr/bin/env python3
"""How precisely faults are found: `tools/precision` writes docs/results/precision.md, and `--check` is a test of ours alone.

A fault is found at once, where the report comes at the very operation that is wrong; later; or never. What the report names
is counted: the block, where it was allocated, where it was freed.
"""

import argparse
import concurrent.futures
import dataclasses
import glob
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
FOLDER = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
sys.path[:0] = [FOLDER, os.path.join(ROOT, "tools")]

import checkers  # noqa: E402
import commit  # noqa: E402
import slowdown  # noqa: E402
from compare import measures  # noqa: E402

DOCUMENT = os.path.join(ROOT, "docs", "results", "precision.md")
SLOWDOWN = os.path.join(ROOT, "docs", "results", "slowdown.md")
KEPT = os.path.join(FOLDER, "precision.txt")
BUILT = os.path.join(ROOT, "bazel-bin")
SECONDS = 60
SIZES = (100, 4096)
# Faults that a report can be about. The others look at what allocators store and where they place blocks.
GROUPS = ("overflow", "underflow", "use after free", "double free", "invalid free", "realloc and usable size",
          "family mismatch", "size mismatch", "contents", "historic bug")
# Which thread comes first is chance.
BY_CHANCE = re.compile("racing")

HEADING = """\
# How precisely faults are found

Written by `tools/precision`, which commits faults of [tools/faults](../../tools/faults/README.md) with blocks of 100 and
of 4096 bytes (where a fault has another size, with that) under two profiles and under the tools that people use to find
such bugs. Only AddressSanitizer needs the program compiled anew; the others take the same binary.

| word | meaning |
|---|---|
| at once | the report comes at the operation that is wrong: the access, or the call of `free`, `realloc`, `memcpy` |
| at free, reuse, exit | the report comes later, when the block or its neighbour is freed, memory is used again, the program ends |
| stopped | a signal ends the program at that operation, and nothing says why |
| harmless | nothing is reported, and nothing came of it: zeros were read, or the call was refused |
| never | no report |

`B`: the report names the block and its size. `A`: it has the stack of its allocation. `F`: of its free, where it was freed.

"""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What became of one run under one tool."""

    when: str
    block: bool = False
    allocation: bool = False
    free: bool = False

    def __str__(self):
        named = "".join(letter for letter, known in zip("BAF", (self.block, self.allocation, self.free)) if known)
        return f"{self.when} {named}".rstrip()

    def is_found(self):
        return self.when not in ("never", "harmless")


def judge(checker, status, text):
    """`text` is all that the program and the tool said, in order."""
    said = checker.read(text)
    moments = [(found.start(), found.group(1)) for found in re.finditer(r"^at (\w+)$", text, re.MULTILINE)
               if found.group(1) != "prepare"]
    first = moments[0][1] if moments else ""
    if said.begin < 0:
        return Finding(unreported(status, text, len(moments) == 1))
    reached = [name for at, name in moments if at < said.begin]
    when = "at once" if len(reached) <= 1 else f"at {reached[-1]}"
    # The same word may come twice: a second free is the fault, what is found at the next is not at once.
    if when == f"at {first}" and len(reached) > 1:
        when = f"at a later {first}"
    return Finding(when, said.block, said.allocation, said.free)


def unreported(status, text, at_first):
    if -status in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGTRAP, signal.SIGILL):
        return "stopped" if at_first else "stopped later"
    return "harmless" if re.search(r"^answered ", text, re.MULTILINE) else "never"


def cases_of(faults):
    """Each fault with the sizes above, or the one that it has."""
    for fault in faults:
        if fault.group not in GROUPS or BY_CHANCE.search(fault.name):
            continue
        sizes = [size for size in SIZES if size in fault.sizes()] or fault.sizes()[:1]
        yield from (commit.Case(fault, size, False) for size in sizes)


def run(checker, program, case):
    environment = {**os.environ, "LD_PRELOAD": "", "BARTIZAN_OPTIONS": "", **checker.environment()}
    command = [*checker.command(program), *case.arguments()]
    # One pipe for both: what was said before the report tells when it came. A file, so that nothing is lost at a crash.
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
            status = done.returncode
        except subprocess.TimeoutExpired:
            status = -signal.SIGALRM
        output.seek(0)
        return judge(checker, status, output.read().decode(errors="replace"))


def run_all(tools, programs, cases, jobs):
    """(tool's name, case) -> finding."""
    results = {}
    for tool in tools:
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            findings = pool.map(lambda case: run(tool, programs[tool.build], case), cases)
            results.update({(tool.name, case): finding for case, finding in zip(cases, findings)})
        print(f"{tool.name}: {len(cases)} runs", file=sys.stderr, flush=True)
    return results


# --- The document. ---

def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def share_of(findings, chosen):
    return f"{measures.per_cent(sum(map(chosen, findings)), len(findings))} %"


def cell(tool, cases, results):
    """One finding, or those of each size."""
    by_size = {case.size: str(results[tool.name, case]) for case in cases}
    if len(set(by_size.values())) == 1:
        return next(iter(by_size.values()))
    return "; ".join(f"{text} ({size})" for size, text in by_size.items())


def summary(tools, cases, results):
    rows = []
    for group in (*GROUPS, "all"):
        members = [case for case in cases if group in ("all", case.fault.group)]
        row = [group, str(len({case.fault.name for case in members}))]
        for tool in tools:
            findings = [results[tool.name, case] for case in members]
            row.append(f"{share_of(findings, Finding.is_found)}, {share_of(findings, lambda one: one.when == 'at once')}")
        rows.append(row)
    for title, chosen in (("block named", lambda one: one.block), ("stack of the allocation", lambda one: one.allocation),
                          ("stack of the free", lambda one: one.free)):
        rows.append([title, "", *(share_of([results[tool.name, case] for case in cases], chosen) for tool in tools)])
    return table(["fault", "programs", *(tool.title for tool in tools)], rows)


WHY_BEHIND = """
AddressSanitizer checks each access in code that was compiled for it; `debug` leaves that to the processor, which knows pages. A
block of `debug` ends at a guard as closely as its alignment of 16 allows, and has the rest of its page before it. What lies between
the block and a guard is that slack:

- A write there is found when the block is freed, by the pattern that the slack holds. Up to 15 bytes behind a block whose size
  is no multiple of 16; before a block, up to the page's beginning. With `sample_side=left` the block begins at a guard, so that
  the first byte before it is found at once, and what lies behind it at the free.
- A read there is not found. Nothing but a check in the code finds it.

Calls of the C library are checked to the byte, whoever made them (`bounded_libc`).
"""


def behind(cases, results):
    """Cases in which AddressSanitizer is at once and `debug` is not."""
    rows = []
    for case in cases:
        ours, other = results["debug", case], results["asan", case]
        worse = other.when == "at once" and ours.when != "at once"
        if worse:
            rows.append([f"`{case.fault.name}`", str(case.size), str(ours), str(other)])
    return table(["fault", "bytes", "`debug`", "AddressSanitizer"], rows) if rows else "None.\n"


def document(tools, cases, results):
    text = HEADING + "## By kind of fault\n\nShare that is found, and share that is found at once.\n\n"
    text += summary(tools, cases, results)
    text += "\n## Where AddressSanitizer is at once and `debug` is not\n\n" + behind(cases, results) + WHY_BEHIND
    for group in GROUPS:
        rows = []
        for fault in dict.fromkeys(case.fault for case in cases if case.fault.group == group):
            members = [case for case in cases if case.fault == fault]
            rows.append([f"`{fault.name}`", fault.does, *(cell(tool, members, results) for tool in tools)])
        text += f"\n## {group.capitalize()}\n\n" + table(["fault", "what it does", *(tool.title for tool in tools)], rows)
    return text + "\n## Tools\n\n" + table(["column", "version", "how it is run"],
                                           [[tool.title, tool.version(), tool.note] for tool in tools])


# --- What is kept of ours. ---

def kept_lines(tools, cases, results):
    return [f"{tool.name} {case.fault.name} {case.size}: {results[tool.name, case]}" for tool in tools for case in cases]


def check(program, library, jobs):
    """Ours against the file that is kept; the exit status."""
    tools = checkers.ours(os.path.abspath(library))
    cases = list(cases_of(commit.list_faults(program)))
    found = kept_lines(tools, cases, run_all(tools, {"plain": os.path.abspath(program)}, cases, jobs))
    with open(KEPT, encoding="utf-8") as file:
        kept = file.read().splitlines()
    for line in sorted(set(kept) - set(found)):
        print(f"FAIL kept:  {line}")
    for line in sorted(set(found) - set(kept)):
        print(f"FAIL found: {line}")
    wrong = len(set(kept) ^ set(found))
    print(f"{len(set(kept) & set(found))} passed, {wrong} failed")
    if wrong:
        print("where that is better than before: tools/precision --ours writes tests/violation/precision.txt anew")
    return 1 if wrong or not found else 0


# --- The command. ---

# memcheck of Debian 12 reads DWARF up to version 4.
KINDS = {"plain": ("-gdwarf-4",), "asan": ("-g", "-fsanitize=address", "-fno-omit-frame-pointer")}


def build(folder, *flags):
    """Builds the library; the path of the program of that folder of tools/, by kind of build."""
    subprocess.run(["bazel", "build", "--curses=no", "--color=no", "--show_result=0", "--noshow_progress",
                    "//:libbartizan.so"], cwd=ROOT, stdin=subprocess.DEVNULL, check=True)
    programs = {}
    sources = sorted(glob.glob(os.path.join("tools", folder, "*.cc"), root_dir=ROOT))
    target = os.path.join(ROOT, "bazel-bin", "precision")
    os.makedirs(target, exist_ok=True)
    for kind, more in KINDS.items():
        programs[kind] = os.path.join(target, f"{folder}-{kind}")
        subprocess.run(["clang++-19", "-std=c++20", *flags, *more, "-I.", *sources, "-o", programs[kind], "-ldl", "-pthread"],
                       cwd=ROOT, stdin=subprocess.DEVNULL, check=True)
    return programs


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser(prog="tools/precision", description=__doc__.splitlines()[0])
    parser.add_argument("--ours", action="store_true", help="only tests/violation/precision.txt, which the test compares")
    parser.add_argument("--check", nargs=2, metavar=("PROGRAM", "LIBRARY"), help="compare ours with that file")
    parser.add_argument("--slowdown", action="store_true", help="measure three programs instead: on a machine that is quiet")
    parser.add_argument("--runs", type=int, default=slowdown.RUNS, help="how often each is measured (%(default)s)")
    parser.add_argument("--share", type=float, default=1, help="of the work: less than 1 to try it (%(default)s)")
    parser.add_argument("--output", help="file to write, instead of that in docs/results")
    parser.add_argument("--only", default="", help="regular expression for names of faults")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many faults at a time")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if options.check:
        return check(*options.check, options.jobs)
    library = os.path.join(BUILT, "libbartizan.so")
    tools = checkers.ours(library) if options.ours else checkers.all_of_them(library)
    missing = list(filter(None, map(checkers.is_missing, tools)))
    if missing:
        sys.exit(f"precision: missing: {' '.join(missing)}")
    if options.slowdown:
        slowdown.write(options.output or SLOWDOWN, tools, build("works", "-O2"), library, options.runs, options.share, table)
        return 0
    programs = build("faults", "-O1", "-fno-builtin")
    faults = [fault for fault in commit.list_faults(programs["plain"]) if re.search(options.only, fault.name)]
    cases = list(cases_of(faults))
    results = run_all(tools, programs, cases, options.jobs)
    if not options.only:
        write(KEPT, "\n".join(kept_lines(checkers.ours(library), cases, results)) + "\n")
    if not options.ours:
        write(options.output or DOCUMENT, document(tools, cases, results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
