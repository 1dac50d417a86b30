"""The goals: one row each, of times and memory as ratios in one run. What is missed is said in the document."""

import dataclasses

from bench import figures as f

HARDENED, STRICT, FAST, STATIC_FAST, SCUDO = "hardened", "strict", "fast", "fast-static", "scudo"
# Of no use but for this: bazel build //tools/bench:bartizan_hardened, then --allocators=...,hardened-static=PATH.
STATIC_HARDENED = "hardened-static"

_LIVE = tuple(f"live {count}" for count in (1000, 10000, 100000, 1000000, 10000000))
_THREADS = tuple(f"threads {count}" for count in (2, 4, 8, 16, 32, 64))


@dataclasses.dataclass(frozen=True)
class Goal:
    """`reach(record, limit)` says what was reached; None: not measured."""

    profile: str
    what: str
    limit: float
    reach: object
    at_least: bool = False
    unit: str = ""

    def is_reached(self, value):
        return value >= self.limit if self.at_least else value <= self.limit

    def wanted(self):
        return f"at {'least' if self.at_least else 'most'} {self.limit:g}{self.unit and ' ' + self.unit}"


def _micro(limit, *names, base="glibc", profile=HARDENED, what=""):
    of = "" if base == "glibc" else f", to {base}"
    return Goal(profile, (what or " / ".join(names)) + of, limit, f.largest(f.named(*names), profile, base))


GOALS = (
    Goal(HARDENED, "programs of one thread and small blocks, geometric mean", 1.00,
         f.mean(f.small_block_programs, HARDENED)),
    Goal(HARDENED, "the slowest of them", 1.10, f.largest(f.small_block_programs, HARDENED)),
    _micro(1.25, "pair 16", "pair 64"),
    _micro(1.7, "pair 256"),
    _micro(3.0, "pair 1024"),
    _micro(0.9, "batch-random 64"),
    _micro(0.7, "batch-random 256"),
    _micro(0.4, "batch-random 1024"),
    _micro(0.8, "mix 512"),
    _micro(1.2, "server 1", "server 2"),
    _micro(0.30, "producers 64"),
    _micro(0.9, "turnover 2"),
    _micro(1.0, "large-pair", "large-live 8"),
    _micro(0.3, "realloc-grow 16"),
    _micro(1.0, "realloc-step 16", base="tcmalloc"),
    Goal(HARDENED, "servers, throughput", 0.98, f.least_throughput(f.servers, HARDENED), at_least=True),
    _micro(1.0, *(f"single-calls 100000 {call} {part}" for call in ("malloc", "free") for part in ("p99", "p99.9")),
           what="single calls, p99 and p99.9"),
    Goal(HARDENED, "peak memory of programs, geometric mean", 1.2, f.memory_mean(f.programs, HARDENED)),
    Goal(HARDENED, "the largest of them", 1.5, f.memory_largest(f.programs, HARDENED)),
    Goal(HARDENED, "start of a program, more than with glibc", 0.3, f.milliseconds_more("start", HARDENED), unit="ms"),
    Goal(HARDENED, "everything, to Scudo, geometric mean", 0.55, f.mean(f.compared_with_scudo, HARDENED, SCUDO)),
    Goal(HARDENED, "everything, to Scudo, the slowest", 1.0, f.largest(f.compared_with_scudo, HARDENED, SCUDO)),
    Goal(STRICT, "programs, to `hardened`, geometric mean", 1.25, f.mean(f.programs, STRICT, HARDENED)),
    Goal(FAST, "programs, to the best of glibc, jemalloc, mimalloc, tcmalloc, geometric mean", 1.00,
         f.mean_to_best_peer(f.programs, FAST)),
    Goal(FAST, "each micro benchmark, to the best of them there", 1.10, f.largest_to_best_peer(f.timed_micro, FAST)),
    Goal(FAST, "peak memory of programs, geometric mean", 1.1, f.memory_mean(f.programs, FAST)),
    Goal(FAST, "programs, to the static composition, geometric mean", 1.03, f.mean(f.programs, FAST, STATIC_FAST)),
    Goal(FAST, "micro benchmarks, to the static composition, geometric mean", 1.03,
         f.mean(f.timed_micro, FAST, STATIC_FAST)),
    Goal(HARDENED, "programs, to the static composition, geometric mean", 1.03,
         f.mean(f.programs, HARDENED, STATIC_HARDENED)),
    *(Goal(profile, "time of an operation with up to 10^7 live blocks, to that with 10^3", 1.25,
           f.most_to_first(_LIVE, profile)) for profile in (HARDENED, FAST)),
    *(Goal(profile, "throughput of up to 64 threads, to that of 2", 0.9, f.least_to_first(_THREADS, profile),
           at_least=True) for profile in (HARDENED, FAST)),
    # The benchmark's sizes are 64 classes at most, in each of which 16 KiB may wait in quarantine.
    *(Goal(profile, "memory of an idle thread", 1024, f.kibibytes("idle-threads 1000", profile), unit="KiB")
      for profile in (HARDENED, FAST)),
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A goal and what was reached."""

    goal: Goal
    reached: object  # figures.Reached; None: not measured

    def text(self):
        if self.reached is None:
            return "not measured"
        return "reached" if self.goal.is_reached(self.reached.value) else "missed"


def evaluate(record, goals=GOALS):
    return [Verdict(goal, goal.reach(record, goal.limit)) for goal in goals]
