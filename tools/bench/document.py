"""The record as a page: docs/results/performance.md."""

import datetime

from bench import goals
from compare.ratios import LEAST_ROUNDS, geometric_mean
from compare.rounds import DISTURBED_SHARE, NULL_RUN

_UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head, rows):
    return [row(*head), "|" + "---|" * len(head), *(row(*each) for each in rows), ""]


def quantity(value, unit):
    """A value with its unit, in a form that is easy to read."""
    if value is None:
        return "-"
    if unit == "bytes":
        return f"{value / 1024:.0f} KiB" if value < 1 << 20 else f"{value / 2**20:.1f} MiB"
    if unit == "1/s":
        return f"{value:,.0f}/s"
    seconds = value * (1e-9 if unit == "ns" else 1.0)
    name, scale = next(((name, scale) for name, scale in _UNITS if seconds >= scale), _UNITS[-1])
    return f"{seconds / scale:.3g} {name}" if seconds / scale < 1000 else f"{seconds / scale:.0f} {name}"


def _number(value):
    return "-" if value is None else f"{value:.2f}"


def _goals(record, table_of_goals):
    verdicts = goals.evaluate(record, table_of_goals)
    rows = []
    for verdict in verdicts:
        goal, reached = verdict.goal, verdict.reached
        value = "-" if reached is None else f"{reached.value:.2f}" + (f" {goal.unit}" if goal.unit else "")
        note = f" ({reached.note})" if reached is not None and reached.note else ""
        text = verdict.text()
        rows.append((f"`{goal.profile}`", goal.what, goal.wanted(), value + note,
                     f"**{text}: {value}**" if text == "missed" else text))
    texts = [verdict.text() for verdict in verdicts]
    counts = {text: texts.count(text) for text in ("reached", "missed", "not measured")}
    return ["## Goals", "", "Times, and memory, as ratios to glibc's unless something else is said: "
            f"{counts['reached']} reached, {counts['missed']} missed, {counts['not measured']} not measured.", "",
            *table(("profile", "work", "goal", "reached", "verdict"), rows)]


def _times(record, title, words, works):
    """Base's value, and each allocator's time to it; a mean at the end where there are several."""
    if not works:
        return []
    names = [name for name in record.names() if name != record.base and any(name in work.values for work in works)]
    rows = [(work.name, quantity(work.median(record.base), work.unit),
             *(_number(work.slowness(name, record.base)) for name in names)) for work in works]
    means = []
    for name in names:
        found = [value for value in (work.slowness(name, record.base) for work in works if not work.control) if value]
        means.append(_number(geometric_mean(found)) if len(found) == sum(not work.control for work in works) else "-")
    if len(works) > 1:
        rows.append(("*geometric mean*", "", *means))
    return [f"## {title}", "", words, "", *table(("", record.base, *names), rows)]


def _medians(record, title, words, works):
    if not works:
        return []
    names = [name for name in record.names() if any(name in work.values for work in works)]
    rows = [(work.name, *(quantity(work.median(name), work.unit) for name in names)) for work in works]
    return [f"## {title}", "", words, "", *table(("", *names), rows)]


def _memory(record):
    works = [work for work in record.works if work.memory.get(record.base)]
    if not works:
        return []
    names = [name for name in record.names() if name != record.base]
    rows = []
    for work in works:
        base = work.memory[record.base]
        rows.append((work.name, quantity(base, "bytes"),
                     *(_number(work.memory[name] / base if name in work.memory else None) for name in names)))
    return ["## Peak resident memory", "",
            "To the base's. Of servers with several processes, what they share counts once.", "",
            *table(("", record.base, *names), rows)]


def _machine(record):
    machine = record.machine
    allocators = [(each["name"], each["version"] or "-", each["note"] or "-") for each in record.allocators]
    return ["## Machine and versions", "",
            f"{machine.get('processor', '?')}, {machine.get('processors', '?')} processors, "
            f"{machine.get('memory_bytes', 0) / 2**30:.0f} GiB; Linux {machine.get('kernel', '?')}, "
            f"{machine.get('distribution', '?')}; Bartizan at {record.commit or '?'}.", "",
            *table(("allocator", "version", "how"), allocators)]


def _how(record):
    noises = {work.name: work.noise(record.base) for work in record.works if work.timed and not work.disturbed}
    noises = {name: noise for name, noise in noises.items() if noise is not None}
    lines = ["## How it was measured", "",
             f"{record.date}, {record.form} form, rounds: {record.rounds}, {record.seconds / 60:.0f} minutes. In each "
             "round every work runs once under each allocator, forwards and backwards by turns; a ratio is the median "
             "of the rounds' ratios. Programs: wall clock time of the whole run; servers: what the load generator "
             "gets. "
             f"Rounds in which other programs took more than {100 * DISTURBED_SHARE:.0f} % of the machine are dropped "
             "and repeated."]
    if record.rounds < LEAST_ROUNDS:
        lines.append(f"With less than {LEAST_ROUNDS} rounds, nothing here is certain.")
    if noises:
        worst = max(noises, key=noises.get)
        middle = sorted(noises.values())[len(noises) // 2]
        lines.append(f"{record.base} against itself differs by {100 * middle:.1f} % in the middle of all works and by "
                     f"{100 * noises[worst]:.0f} % at most ({worst}): smaller differences say nothing.")
    busy = [work.name for work in record.works if work.busy]
    if busy:
        lines.append(f"**The machine was busy**: rounds that others disturbed had to count in {len(busy)} of "
                     f"{len(record.works)} works.")
    lines.append("")
    if record.missing:
        lines += [f"Not measured, because something is not installed or did not work: {'; '.join(record.missing)}.", ""]
    failures = [f"{work.name} under {name}: {failure}" for work in record.works
                for name, failure in work.failures.items() if name != NULL_RUN]
    if failures:
        lines += ["Failures:", "", *(f"- {failure}" for failure in failures), ""]
    return lines


def page(record, table_of_goals=goals.GOALS):
    micro = record.of_kind("micro")
    nanoseconds = "Time of one operation; to the base's."
    single = [work for work in micro if work.name.startswith("single-calls")]
    start = [work for work in micro if not work.timed and work not in single]
    lines = ["# Performance", "",
             "Written by `bartizan bench`; all values are in [performance.json](performance.json). Below 1 is faster, "
             "or less.", ""]
    if record.interrupted:
        lines += ["**Interrupted**: what was measured until then.", ""]
    lines += _goals(record, table_of_goals) + _machine(record)
    lines += _times(record, "Programs", "Time of the whole run; to the base's. Means are without `xz`, which hardly "
                    "allocates.", record.of_kind("program"))
    lines += _times(record, "Servers", "Time for the same load; to the base's.", record.of_kind("server"))
    lines += _memory(record)
    lines += _times(record, "Micro benchmarks", nanoseconds, [work for work in micro if work.timed])
    lines += _medians(record, "Single calls", "Quantiles of the times of single calls, 100,000 blocks of 16 to 4096 "
                      "bytes live.", single)
    lines += _medians(record, "Scaling and start", "Time of one operation: with so many live blocks, of which a "
                      "thousand (`live`) or all (`live-random`) are replaced at random; with so many threads. A "
                      "program from its start to its end. Resident memory for each of a thousand threads that "
                      "allocated and sleep.", start)
    lines += _how(record)
    return "\n".join(lines).rstrip("\n") + "\n"


def today():
    return datetime.date.today().isoformat()
