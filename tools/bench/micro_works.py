"""The micro benchmarks: which runs of bartizan-bench the suite consists of."""

import dataclasses
import re

from compare.measure import Work

TIMEOUT_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Micro:
    """A run of bartizan-bench, and the figures that it prints."""

    name: str  # as it prints it, with the argument
    figures: tuple = ("",)
    unit: str = "ns"
    scaling: bool = False  # Of ours and of the base only: these take long, and tell of us.
    quick: bool = False  # Also in the quick form.
    timed: bool = True  # "each micro benchmark" of the goals means it.

    def titles(self):
        return [f"{self.name} {figure}".strip() for figure in self.figures]

    def work(self, program, seconds):
        """A run of the program at this path; its metric is the first figure."""
        expressions = {title: rf"^{re.escape(title)}: ([0-9.]+) {self.unit}\b" for title in self.titles()}
        return Work(self.name, (program, *self.name.split(), f"--seconds={seconds:g}"),
                    metric=expressions[self.titles()[0]], figures=expressions, timeout=TIMEOUT_SECONDS)


def _each(name, *arguments, **rest):
    return [Micro(f"{name} {argument}", **rest) for argument in arguments]


_SINGLE_CALLS = tuple(f"{function} {figure}" for function in ("malloc", "free")
                      for figure in ("p50", "p99", "p99.9", "max"))

MICRO = (
    *_each("pair", 16, 64, 256, 1024, quick=True),
    *_each("pair", 8192, 65536),
    *_each("batch-fifo", 64, 256, 1024),
    *_each("batch-lifo", 64, 256, 1024),
    *_each("batch-random", 64, 256, 1024, quick=True),
    *_each("mix", 512, quick=True),
    *_each("calloc", 64, 1024, 65536, 1048576),
    *_each("aligned", 64, 4096),
    *_each("realloc-step", 16, quick=True),
    *_each("realloc-double", 16),
    *_each("realloc-grow", 16, quick=True),
    Micro("large-pair", quick=True),
    *_each("large-live", 8),
    *_each("large-same", 256, 1024, 8192),
    *_each("producers", 64, quick=True),
    *_each("server", 1, 2, quick=True),
    *_each("turnover", 2, quick=True),
    Micro("thread"),
    *_each("fork", 10000),
    Micro("start", quick=True, timed=False),
    Micro("single-calls 100000", _SINGLE_CALLS, quick=True, timed=False),
    *_each("live", 1000, 10000, 100000, 1000000, 10000000, scaling=True, timed=False),
    *_each("live-random", 1000000, scaling=True, timed=False),
    *_each("threads", 1, 2, 4, 8, 16, 32, 64, scaling=True, timed=False),
    *_each("idle-threads", 1000, unit="bytes", scaling=True, timed=False),
)
