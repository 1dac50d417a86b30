#!/usr/bin/env python3
"""Runs every fault of invalid_free under a preloaded allocator and checks how it is reported.

usage: run.py --program=PATH --library=PATH [--options=STR] [--only=REGEX] [--size=N ...]

Each fault must end the process with SIGABRT and leave exactly one line on stderr that begins with
`bartizan: fatal: ` and that matches what the table below expects of it; what is no fault must exit
with 0 and say nothing. Ends with `N passed, N failed`.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import re
import resource
import signal
import subprocess
import sys

SIZES = (8, 24, 100, 1000, 4096, 20000, 262144)
SECONDS = 60
PREFIX = "bartizan: fatal: "

DOUBLE_FREE = "double free"
INVALID_FREE = "invalid free"
# A loser whom the state does not show is found when the block is next moved.
RACING = "double free|corrupt free list: .*racing double free"
# A slot that was never given out may rest in a cache, where it counts as free.
NOT_ISSUED = "(invalid|double) free"
# The C library and the C++ library hold small blocks, which a test cannot tell from slots never given out.
FOREIGN_BLOCKS_BELOW = 1000


@dataclasses.dataclass(frozen=True)
class Expected:
    """What the report of a fault says, and the block sizes for which the fault exists."""

    message: str
    least: int = 0
    most: int = 1 << 62
    address: bool = True


EXPECTED = {
    "double_free_immediate": Expected(DOUBLE_FREE),
    "double_free_delayed": Expected(DOUBLE_FREE),
    "double_free_interleaved": Expected(DOUBLE_FREE),
    # Freed large blocks may be inaccessible, so that overwriting them is another fault.
    "double_free_overwritten": Expected(DOUBLE_FREE, most=4096),
    "double_free_by_other": Expected(DOUBLE_FREE),
    "double_free_owner_ended": Expected(DOUBLE_FREE),
    "double_free_moved": Expected(DOUBLE_FREE),
    "double_free_racing": Expected(RACING, address=False),
    "free_stack": Expected(INVALID_FREE),
    "free_global": Expected(INVALID_FREE),
    "free_code": Expected(INVALID_FREE),
    "free_unaligned": Expected(INVALID_FREE),
    "free_interior_8": Expected(INVALID_FREE),
    # Smaller blocks may end there.
    "free_interior_16": Expected(INVALID_FREE, least=24),
    "free_middle": Expected(INVALID_FREE, least=100),
    "free_end": Expected(NOT_ISSUED, least=FOREIGN_BLOCKS_BELOW),
    "free_foreign_mapping": Expected(INVALID_FREE),
    "free_other_heap": Expected(INVALID_FREE),
    "free_wild": Expected(INVALID_FREE),
    "free_non_canonical": Expected(INVALID_FREE),
    "free_small_number": Expected(INVALID_FREE),
    "free_never_issued": Expected(NOT_ISSUED, least=FOREIGN_BLOCKS_BELOW),
    "free_never_issued_far": Expected(NOT_ISSUED),
    "realloc_freed": Expected("use after free in realloc"),
    "realloc_freed_same_size": Expected("use after free in realloc"),
    "realloc_freed_by_other": Expected("use after free in realloc"),
    "realloc_interior": Expected("invalid realloc"),
    "realloc_interior_same_size": Expected("invalid realloc"),
    "realloc_foreign_mapping": Expected("invalid realloc"),
    "realloc_stack": Expected("invalid realloc"),
    "realloc_never_issued": Expected("(invalid|use after free in) realloc", least=FOREIGN_BLOCKS_BELOW),
    "realloc_never_issued_far": Expected("(invalid|use after free in) realloc"),
    "usable_size_freed": Expected("use after free in malloc_usable_size"),
    "usable_size_interior": Expected("invalid malloc_usable_size"),
    "usable_size_foreign_mapping": Expected("invalid malloc_usable_size"),
    "usable_size_never_issued": Expected("(invalid|use after free in) malloc_usable_size",
                                         least=FOREIGN_BLOCKS_BELOW),
    "usable_size_never_issued_far": Expected("(invalid|use after free in) malloc_usable_size"),
    "sized_delete_freed": Expected(DOUBLE_FREE),
    "sized_delete_freed_by_other": Expected(DOUBLE_FREE),
    "sized_delete_interior": Expected(INVALID_FREE),
    "sized_delete_foreign_mapping": Expected(INVALID_FREE),
}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    size: int
    thread: bool

    def __str__(self):
        return f"{self.name} {self.size}" + (" thread" if self.thread else "")

    def arguments(self):
        return str(self).split()


def report_mistake(expected, address, lines):
    """What is wrong with the report, or None."""
    if len(lines) != 1:
        return f"{len(lines)} reports"
    text = lines[0][len(PREFIX):]
    if not re.match(f"(?:{expected.message})", text):
        return f"the report does not begin with '{expected.message}'"
    if not re.search(r"\b0x[0-9a-f]+", text):
        return "the report has no address"
    if expected.address and not re.search(rf"\b{address}\b", text):
        return f"the report does not have the address {address}"
    return None


def run_case(options, case):
    """Returns what is wrong with this case, or None."""
    environment = dict(os.environ, LD_PRELOAD=options.library, BARTIZAN_OPTIONS=options.options)
    try:
        done = subprocess.run([options.program, *case.arguments()], env=environment, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        return f"hung for {SECONDS} s"
    stderr = done.stderr.decode(errors="replace")
    reports = [line for line in stderr.splitlines() if line.startswith(PREFIX)]
    mistake = None
    if case.name not in EXPECTED:
        if done.returncode != 0 or reports:
            mistake = f"no fault, but it ended with {done.returncode}"
    elif done.returncode != -signal.SIGABRT:
        mistake = f"ended with {done.returncode}, not with SIGABRT"
    else:
        mistake = report_mistake(EXPECTED[case.name], done.stdout.decode().strip(), reports)
    return f"{mistake}; stderr: {stderr.strip() or 'empty'}" if mistake else None


def cases(options):
    names = subprocess.run([options.program, "--list"], stdout=subprocess.PIPE, check=True,
                           text=True).stdout.split()
    unknown = [name for name in names if not name.startswith("valid_") and name not in EXPECTED]
    missing = [name for name in EXPECTED if name not in names]
    if unknown or missing:
        sys.exit(f"run.py and {options.program} differ: {unknown + missing}")
    for name in names:
        if not re.search(options.only, name):
            continue
        expected = EXPECTED.get(name, Expected(""))
        for size in options.size or SIZES:
            if expected.least <= size <= expected.most:
                yield Case(name, size, thread=False)
                yield Case(name, size, thread=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="the invalid_free program")
    parser.add_argument("--library", required=True, help="the library to preload")
    parser.add_argument("--options", default="", help="value of BARTIZAN_OPTIONS")
    parser.add_argument("--only", default="", help="regular expression for names of faults")
    parser.add_argument("--size", type=int, action="append", help="this block size only")
    options = parser.parse_args()
    options.library = os.path.abspath(options.library)
    options.program = os.path.abspath(options.program)
    if not os.access(options.library, os.R_OK):
        parser.error(f"cannot read {options.library}")
    return options


def main():
    options = parse_options()
    # The children abort; nobody wants their memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    everything = list(cases(options))
    failed = 0
    shown = sys.stderr.isatty()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda case: run_case(options, case), everything)
        for number, (case, mistake) in enumerate(zip(everything, results), 1):
            if shown:
                print(f"\r{number} of {len(everything)}\033[K", end="", file=sys.stderr, flush=True)
            if mistake:
                failed += 1
                print(f"{chr(13) if shown else ''}FAIL {case}: {mistake}", flush=True)
    if shown:
        print("\r\033[K", end="", file=sys.stderr)
    print(f"{len(everything) - failed} passed, {failed} failed")
    return 1 if failed or not everything else 0


if __name__ == "__main__":
    sys.exit(main())
