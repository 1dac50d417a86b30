"""Ratios of two allocators, round by round, and how sure one can be of them."""

import dataclasses
import math
import random
import statistics

from compare.rounds import NULL_RUN

# With fewer, the least and the greatest of them enclose the median with less than 95 %: 1 - 2 / 2^n.
LEAST_ROUNDS = 6
_RESAMPLES = 2000
_SEED = 20240229


@dataclasses.dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, and the interval that encloses it with 95 %."""

    median: float
    low: float
    high: float
    rounds: int

    def is_different(self, noise):
        """Whether it differs from 1, in a way that the base does not from itself."""
        return self.rounds >= LEAST_ROUNDS and not self.low <= 1 <= self.high and abs(self.median - 1) > noise


def bootstrap(values):
    """Ratio of these ratios. The interval is that of the bootstrap (percentiles of resampled medians)."""
    if len(values) < LEAST_ROUNDS:
        return Ratio(statistics.median(values), min(values), max(values), len(values))
    source = random.Random(_SEED)
    medians = sorted(statistics.median(source.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return Ratio(statistics.median(values), medians[round(0.025 * (_RESAMPLES - 1))],
                 medians[round(0.975 * (_RESAMPLES - 1))], len(values))


def values_of(result, name, measure):
    """What `measure` (a function of a Run) says of each round that the allocator was in, and knows."""
    values = [measure(each.runs[name]) for each in result.rounds if name in each.runs]
    return [value for value in values if value is not None]


def ratio(result, name, base, measure):
    """How the allocator compares with the base, or None when no round tells."""
    pairs = [(measure(each.runs[name]), measure(each.runs[base])) for each in result.rounds
             if name in each.runs and base in each.runs]
    values = [value / reference for value, reference in pairs if value is not None and reference]
    return bootstrap(values) if values else None


def noise(result, base, measure):
    """The smallest difference from 1 that can be claimed: what the base shows against itself. None: unknown."""
    null = ratio(result, NULL_RUN, base, measure)
    if null is None or null.rounds < LEAST_ROUNDS:
        return None
    return max(abs(null.low - 1), abs(null.high - 1))


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))
