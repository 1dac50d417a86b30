"""docs/results/fuzzing.md: what campaigns did and found."""

import dataclasses
import itertools
import json


@dataclasses.dataclass
class Measured:
    """Line coverage, in percent."""

    commit: str
    by_fuzzing: float
    by_all: float      # with the tests
    failed: list       # tests
    explained: list    # (file, lines, why) that nothing reaches
    unexplained: list  # (file, line, text)


def keep(measured, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(measured), file)


def load(path):
    """None where nothing was kept."""
    try:
        with open(path, encoding="utf-8") as file:
            return Measured(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None


def page(outcomes, crashes, measured, commit, machine):
    """The whole document. `crashes`: of (target, key); `measured`: None where coverage was not."""
    executions = sum(outcome.executions for outcome in outcomes)
    hours = sum(outcome.seconds for outcome in outcomes) / 3600
    lines = ["# Fuzzing", "", f"`tools/bartizan fuzz --report` wrote this page: commit {commit}, {machine}.",
             "[fuzz/README.md](../../fuzz/README.md) says what each target checks.", "",
             f"{executions:,} executions in {hours:.1f} hours of processors.", "",
             "| target | engine | executions | a second | edges | inputs kept | hours |", "|---|---|---|---|---|---|---|"]
    for each in outcomes:
        lines.append(f"| `{each.target.name}` | {each.engine} | {each.executions:,} | {each.speed:,.0f} | {each.edges:,} | "
                     f"{each.inputs:,} | {each.seconds / 3600:.2f} |")
    lines += ["", "libFuzzer's binaries have the address and undefined-behaviour sanitizers, AFL++'s have none; each engine counts "
              "edges in its own way.", "", "## Crashes", ""]
    lines += [f"- `{name}`: `tools/bartizan fuzz --replay={name}/{key}`" for name, key in crashes] or ["None is open."]
    if measured is not None:
        lines += ["", "## Coverage", "", *_coverage(measured)]
    return "\n".join(lines) + "\n"


def _coverage(measured):
    lines = [f"Of the lines of `src` and `hardening`, the inputs that are kept reach "
             f"{measured.by_fuzzing:.1f} percent, and these together with the tests {measured.by_all:.1f} percent "
             f"(measured at commit {measured.commit})."]
    if measured.failed:
        lines += ["", "Tests that failed when they were counted, and what only they reach is missing: " +
                  ", ".join(f"`{name}`" for name in measured.failed) + "."]
    lines += ["", "What nothing reaches, and why (`fuzz/uncovered.toml`):", "", "| file | lines | why |", "|---|---|---|"]
    lines += [f"| `{path}` | {ranges(numbers)} | {why} |" for path, numbers, why in measured.explained]
    for path, group in itertools.groupby(measured.unexplained, key=lambda entry: entry[0]):
        lines.append(f"| `{path}` | {ranges([line for _, line, _ in group])} | no reason is known: a test is missing |")
    return lines


def ranges(numbers):
    """1, 2, 3, 7 is "1-3, 7"."""
    parts = []
    for number in sorted(numbers):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
