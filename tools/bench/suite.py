"""Runs the suite: which works, under which allocators, in which order; what they gave, as a record."""

import dataclasses
import os
import re
import shutil
import time
import zlib

from bench import micro_works, programs, servers
from bench.record import Figures, Record
from bench.workshop import CannotPrepare, Workshop
from compare import rounds

OURS = ("hardened", "fast", "strict", "fast-static")
BASE = "glibc"


@dataclasses.dataclass(frozen=True)
class Form:
    """How much is done."""

    name: str
    rounds: int
    micro_seconds: float  # for one run of a micro benchmark
    allocators: tuple
    quick: bool


QUICK = Form("quick", 3, 0.05, (BASE, "hardened", "fast"), True)
FULL = Form("full", 6, 0.1, (BASE, *OURS, "jemalloc", "mimalloc", "tcmalloc", "scudo", "scudo-hard"), False)


@dataclasses.dataclass(frozen=True)
class Item:
    """A work of the suite. `prepare(workshop)` gives the measure.Work; a run takes about so many `seconds`."""

    name: str
    kind: str  # as in record.Figures
    prepare: object
    seconds: float
    titles: tuple = ()  # the figures that its output has; none: its time, or its metric
    unit: str = "s"
    small_blocks: bool = False
    control: bool = False
    timed: bool = True
    ours_only: bool = False  # of ours and of the base
    missing: tuple = ()  # packages


def micro_items(form, program):
    return [Item(each.name, "micro", lambda shop, each=each: each.work(program, form.micro_seconds),
                 form.micro_seconds + 0.05, tuple(each.titles()), each.unit, timed=each.timed, ours_only=each.scaling)
            for each in micro_works.MICRO if each.quick or not form.quick]


def program_items(form):
    return [Item(each.name, "server" if each.is_server else "program", each.prepare,
                 (1.5 if each.is_server else 0.7) / (3 if form.quick else 1), small_blocks=each.small_blocks,
                 control=each.control, missing=tuple(each.missing()))
            for each in (*programs.PROGRAMS, *servers.SERVERS)]


def chosen_items(items, only):
    """Those whose name the expression finds."""
    return [item for item in items if re.search(only, item.name)]


class Runner:
    """Runs items one after another. `progress` is called with a text and the share that is done."""

    def __init__(self, form, allocators, folder, progress):
        self.form = form
        self.progress = progress
        self.shop = Workshop(os.path.join(folder, "inputs"), form.quick)
        self.output = os.path.join(folder, "output")
        libraries = os.path.join(folder, "libraries")
        for path in (self.shop.folder, self.output, libraries):
            os.makedirs(path, exist_ok=True)
        # Some servers run as somebody else.
        for path in (folder, self.shop.folder, libraries):
            os.chmod(path, 0o711)
        self.allocators = [_copied(each, libraries) for each in allocators]

    def run(self, items):
        """A record of all that could be measured; an interrupt ends it early."""
        base = self.allocators[0].name
        described = [{"name": each.name, "version": each.version(), "note": each.note or _settings(each)}
                     for each in self.allocators]
        record = Record(self.form.name, base, self.form.rounds, allocators=described)
        began = time.monotonic()
        total = sum(map(self._weight, items)) or 1.0
        done = 0.0
        try:
            for item in items:
                share = self._weight(item) / total
                self._run(item, record, lambda words, part, at=done, share=share: self.progress(
                    words, at + part * share))
                done += share
        except KeyboardInterrupt:
            record.interrupted = True
        record.seconds = time.monotonic() - began
        return record

    def _weight(self, item):
        return item.seconds * (len(self._allocators_of(item)) + 1) * (self.form.rounds + 2)

    def _allocators_of(self, item):
        return [each for each in self.allocators if not item.ours_only or each.name in (*OURS, self.allocators[0].name)]

    def _run(self, item, record, progress):
        if item.missing:
            record.missing.append(f"{item.name}: {', '.join(item.missing)}")
            return
        progress(f"{item.name}: preparing", 0.0)
        try:
            work = item.prepare(self.shop)
        except CannotPrepare as error:
            record.missing.append(f"{item.name}: {error}")
            return
        results = rounds.compare([work], self._allocators_of(item), self.form.rounds, record.base,
                                 lambda words, part: progress(f"{item.name}: {words}", part), self.output,
                                 memory_rounds=0 if item.kind == "micro" else 1)
        record.works += figures_of(item, results.works[0])
        if results.interrupted:
            raise KeyboardInterrupt


def _copied(allocator, folder):
    """With a copy of its library, unless it is the system's: others can read that, and nobody builds it anew."""
    original = os.path.realpath(allocator.library)
    if not allocator.library or original.startswith(("/usr/", "/lib")):
        return allocator
    # Two of the same name may be different ones.
    copy = os.path.join(folder, f"{zlib.crc32(original.encode()):08x}", os.path.basename(allocator.library))
    if not os.path.exists(copy):
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        os.chmod(os.path.dirname(copy), 0o755)
        shutil.copyfile(original, copy)
        os.chmod(copy, 0o755)
    return dataclasses.replace(allocator, library=copy)


def _settings(allocator):
    library = os.path.basename(allocator.library)
    variables = [f"`{name}={value}`" for name, value in allocator.variables.items()]
    return " ".join([*([f"`{library}`"] if library else []), *variables])


def _without_paths(failure):
    """What went wrong, without the names of folders of this machine."""
    return re.sub(r"/\S*/", "", failure.partition("; its output ")[0])


def figures_of(item, result):
    """The figures of one work, for the record."""
    kept = [figures for figures in (_figures(item, title, result) for title in item.titles or ("",))
            if figures.values or figures.failures]
    if kept:
        kept[0].memory = {name: memory.peak for name, memory in result.memory.items()}
    return kept


def _figures(item, title, result):
    unit, higher = item.unit, False
    if not title and result.work.metric:
        unit, higher = "1/s", result.work.higher_is_better
    names = sorted({name for each in result.rounds for name in each.runs})
    values = {name: [_value(title, result.work, each.runs.get(name)) for each in result.rounds] for name in names}
    failures = {name: _without_paths(failure) for name, failure in result.failures.items()}
    return Figures(title or item.name, item.kind, unit, higher, item.small_blocks, item.control, item.timed, values,
                   failures=failures, disturbed=len(result.disturbed), busy=result.used_although_disturbed)


def _value(title, work, run):
    if run is None:
        return None
    if title:
        return run.figures.get(title)
    return run.metric if work.metric else run.wall


def with_rounds(form, count):
    return dataclasses.replace(form, rounds=count)
