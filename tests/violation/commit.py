"""Runs one fault of tools/faults and says how it ended."""

import dataclasses
import os
import re
import signal
import subprocess

SIZES = (8, 24, 100, 1000, 4096, 20000, 262144)
SECONDS = 90
PREFIX = "bartizan: fatal: "

# How an allocator stops a process on purpose: abort(), and the trap instructions of compilers.
STOPS = (signal.SIGABRT, signal.SIGTRAP, signal.SIGILL)


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    group: str
    layer: str
    least: int
    most: int
    does: str

    def sizes(self):
        return [size for size in SIZES if self.least <= size <= self.most]


@dataclasses.dataclass(frozen=True)
class Case:
    fault: Fault
    size: int
    thread: bool

    def arguments(self):
        return [self.fault.name, str(self.size)] + (["thread"] if self.thread else [])

    def __str__(self):
        return " ".join(self.arguments())


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    kind: report (one line of ours and SIGABRT), stop (SIGABRT and its like without one), guard (the access itself
    faults, with a report or without), answered (no harm), unnoticed, inapplicable, crash (anything else: not on purpose).
    """

    kind: str
    moment: str
    text: str
    address: str = ""
    stderr: str = ""

    def is_caught(self):
        return self.kind in ("report", "stop", "guard", "answered")

    def __str__(self):
        if self.kind in ("report", "stop", "guard", "crash"):
            return f"{self.kind} at {self.moment}: {self.text}"
        return f"{self.kind}: {self.text}"


def list_faults(program):
    done = subprocess.run([program, "--list"], stdout=subprocess.PIPE, check=True, text=True)
    faults = []
    for line in done.stdout.splitlines():
        name, group, layer, least, most, does = line.split("\t")
        faults.append(Fault(name, group, layer, int(least), int(most), does))
    return faults


def cases_of(faults, sizes=None):
    return [Case(fault, size, thread) for fault in faults for size in fault.sizes()
            if not sizes or size in sizes for thread in (False, True)]


def read_outcome(status, stdout, stderr):
    """The outcome of a run that ended with `status` (negative: by that signal) and said these things."""
    said = re.findall(r"^(\w+) (.*)$", stdout, re.MULTILINE)
    moment = next((text for word, text in reversed(said) if word == "at"), "start")
    address = next((text for word, text in said if word == "address"), "")
    last = said[-1][1] if said else ""
    reports = [line[len(PREFIX):] for line in stderr.splitlines() if line.startswith(PREFIX)]

    def outcome(kind, text, at=moment):
        return Outcome(kind, at, text, address, stderr.strip())

    if len(reports) > 1:
        return outcome("crash", f"{len(reports)} reports")
    if -status in STOPS:
        # No access ends by SIGABRT: it was a function that looked at it.
        at = "call" if moment == "access" else moment
        if reports and status == -signal.SIGABRT:
            return outcome("report", reports[0], at)
        return outcome("stop", signal.Signals(-status).name, at)
    if -status in (signal.SIGSEGV, signal.SIGBUS) and moment == "access":
        return outcome("guard", ": ".join([signal.Signals(-status).name, *reports]))
    if reports:
        return outcome("crash", "a report, but no SIGABRT")
    if status < 0:
        return outcome("crash", signal.Signals(-status).name)
    kind = {0: "answered", 3: "unnoticed", 4: "inapplicable"}.get(status)
    if kind is None or not said or said[-1][0] != kind:
        return outcome("crash", f"exit status {status}")
    return outcome(kind, last)


def run_case(program, variables, case, seconds=SECONDS):
    environment = dict(os.environ, **variables)
    try:
        done = subprocess.run([program, *case.arguments()], env=environment, timeout=seconds, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        return Outcome("crash", "unknown", f"hung for {seconds} s")
    return read_outcome(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
