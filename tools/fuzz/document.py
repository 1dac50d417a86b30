"""docs/results/fuzzing.md: what a campaign did and found."""

from fuzz import coverage

_LOW = 0.9


def page(outcomes, engine, files, commit, machine):
    """The whole document. `files` is empty where coverage was not measured."""
    executions = sum(outcome.executions for outcome in outcomes)
    hours = sum(outcome.seconds for outcome in outcomes) / 3600
    lines = ["# Fuzzing", "", f"`tools/bartizan fuzz --engine={engine} --report` wrote this page: commit {commit}, {machine}.",
             "[fuzz/README.md](../../fuzz/README.md) says what each target checks.", "",
             f"{executions:,} executions in {hours:.1f} hours of processors.", "",
             "| target | executions | a second | edges | inputs kept | crashes |", "|---|---|---|---|---|---|"]
    for each in outcomes:
        lines.append(f"| `{each.target.name}` | {each.executions:,} | {each.speed:,.0f} | {each.edges:,} | {each.inputs:,} | "
                     f"{len(each.crashes)} |")
    lines += ["", "## Crashes", ""]
    found = [(each.target.name, key) for each in outcomes for key in each.crashes]
    lines += [f"- `{name}`: {key}; `tools/bartizan fuzz --replay={name}/{key}`" for name, key in found] or ["None is open."]
    if files:
        lines += ["", "## Coverage", "", f"The inputs that are kept reach {100 * coverage.share(files):.1f} percent of the lines of "
                  "`src` and `hardening` that are linked into the targets. Files of which less is reached:", "",
                  "| file | lines | reached |", "|---|---|---|"]
        for name, (count, covered) in sorted(files.items(), key=lambda item: (item[1][1] / max(1, item[1][0]), item[0])):
            if count and covered / count < _LOW:
                lines.append(f"| `{name}` | {count} | {100 * covered / count:.0f} % |")
    return "\n".join(lines) + "\n"
