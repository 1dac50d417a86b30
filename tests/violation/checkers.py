"""The tools that find heap faults, how each is run, and what of its reports is read: one class a tool."""

import dataclasses
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))

from compare import allocators  # noqa: E402  (the path must be set first)

SCUDO = next(peer for peer in allocators.peers() if peer.name == "scudo")


@dataclasses.dataclass(frozen=True)
class Said:
    """What the first report of a run names; `begin` is where it begins in the output, -1 without one."""

    begin: int = -1
    block: bool = False
    allocation: bool = False
    free: bool = False


def matches(text, begin, block, allocation, free):
    """The report that begins at the first match of `begin`, and whether the other expressions are found in it."""
    first = re.search(begin, text, re.MULTILINE)
    if first is None:
        return Said()
    report = text[first.start():]
    return Said(first.start(), *(re.search(part, report) is not None for part in (block, allocation, free)))


@dataclasses.dataclass(frozen=True)
class Ours:
    """A profile, preloaded. Draws are fixed, so that the table is the same in each run."""

    name: str
    library: str
    build = "plain"
    title = property(lambda self: f"`{self.name}`")
    note = property(lambda self: f"`profile={self.name}:seed=1`, preloaded")

    def command(self, program):
        return [program]

    def environment(self):
        return {"LD_PRELOAD": self.library, "BARTIZAN_OPTIONS": f"profile={self.name}:seed=1:report_format=json"}

    def version(self):
        return "this repository's"

    def read(self, text):
        begin = text.find('{"format":"bartizan-report"')
        if begin < 0:
            return Said()
        report = json.loads(text[begin:].splitlines()[0])
        stacks = [bool(report.get(event, {}).get("stack")) for event in ("allocation", "free")]
        return Said(begin, "requested" in report.get("block", {}), *stacks)


def package_version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout


class AddressSanitizer:
    name = "asan"
    title = "AddressSanitizer"
    build = "asan"
    note = "compiled anew with `-fsanitize=address`; `ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1`"

    def command(self, program):
        return [program]

    def environment(self):
        return {"ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1"}

    def version(self):
        return package_version("libclang-rt-19-dev")

    def read(self, text):
        return matches(text, r"^==\d+==ERROR: AddressSanitizer", r"is located .* region \[", r"allocated by thread",
                       r"freed by thread")


class Memcheck:
    name = "memcheck"
    title = "memcheck"
    build = "plain"
    note = "`valgrind --leak-check=no`"

    def command(self, program):
        return ["valgrind", "-q", "--leak-check=no", program]

    def environment(self):
        return {}

    def version(self):
        return package_version("valgrind")

    def read(self, text):
        return matches(text, r"^==\d+== (?!Warning)\S", r"Address 0x\w+ is .* a (recently re-)?\w* ?block of size",
                       r"[Bb]lock (was|of size [\d,]+) alloc'd", r"block of size [\d,]+ free'd")


class Scudo:
    name = "scudo"
    title = "Scudo with GWP-ASan"
    build = "plain"
    note = ("preloaded; `SCUDO_OPTIONS=GWP_ASAN_SampleRate=1:GWP_ASAN_MaxSimultaneousAllocations=16000:"
            "dealloc_type_mismatch=1:delete_size_mismatch=1`")

    def command(self, program):
        return [program]

    def environment(self):
        return {"LD_PRELOAD": SCUDO.library, "SCUDO_OPTIONS": self.note.split("SCUDO_OPTIONS=")[1].rstrip("`")}

    def version(self):
        return SCUDO.version()

    def read(self, text):
        found = matches(text, r"^\*\*\* GWP-ASan detected", r"\d-byte allocation at", r"was allocated by thread",
                        r"was deallocated by thread")
        return found if found.begin >= 0 else matches(text, "^Scudo ERROR", "(?!)", "(?!)", "(?!)")


def ours(library):
    return [Ours("debug", library), Ours("strict", library)]


def all_of_them(library):
    return [*ours(library), AddressSanitizer(), Memcheck(), Scudo()]


def is_missing(checker):
    """What has to be installed first, or None."""
    needed = {"scudo": SCUDO.library, "memcheck": "/usr/bin/valgrind"}.get(checker.name)
    return needed if needed and not os.access(needed, os.R_OK) else None
