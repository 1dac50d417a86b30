"""What is measured: its name, its unit, and how to get it from a run."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Measure:
    """`of` takes a Run, and gives None for what is not known."""

    key: str
    title: str
    of: object
    higher_is_better: bool = False


WALL = Measure("wall", "time", lambda run: run.wall)
CPU = Measure("cpu", "user+system", lambda run: run.user + run.system)
FAULTS = Measure("page_faults", "page faults", lambda run: run.minor_faults + run.major_faults)
SWITCHES = Measure("context_switches", "switches", lambda run: run.voluntary_switches + run.involuntary_switches)
OF_EVERY_RUN = (
    WALL,
    CPU,
    Measure("user", "user", lambda run: run.user),
    Measure("system", "system", lambda run: run.system),
    FAULTS,
    Measure("major_faults", "major faults", lambda run: run.major_faults),
    SWITCHES,
    Measure("involuntary_switches", "involuntary switches", lambda run: run.involuntary_switches),
)


def main_measure(work):
    """What the comparison is about: the work's own number, or time."""
    if work.metric:
        return Measure("metric", "metric", lambda run: run.metric, work.higher_is_better)
    return dataclasses.replace(WALL, title="load time") if work.load else WALL


def all_measures(work):
    return ((main_measure(work),) if work.metric else ()) + OF_EVERY_RUN


def in_words(measure, value):
    """A value with its unit."""
    if value is None:
        return "-"
    if measure.key in ("wall", "cpu", "user", "system"):
        return seconds_in_words(value)
    return number_in_words(value)


def seconds_in_words(value):
    for scale, unit in ((1, "s"), (1e-3, "ms")):
        if value >= scale:
            return f"{_three_digits(value / scale)} {unit}"
    return f"{_three_digits(value / 1e-6)} µs"


def number_in_words(value):
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else _three_digits(value)


def bytes_in_words(value):
    return f"{_three_digits(value / 2**20)} MiB" if value < 10 * 2**30 else f"{_three_digits(value / 2**30)} GiB"


def per_cent(part, whole):
    """Neither 0 nor 100 unless it is."""
    if whole == 0:
        return 0
    return min(max(round(100 * part / whole), 1 if part else 0), 100 if part == whole else 99)


def _three_digits(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
