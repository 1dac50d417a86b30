"""The comparison as text, for a terminal."""

from compare import measures


def aligned(rows):
    """Columns of equal width: the first to the left, the others to the right."""
    first, *widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join([row[0].ljust(first), *map(str.rjust, row[1:], widths)]) for row in rows]
    return "".join(line.rstrip() + "\n" for line in lines)


def of_ratio(ratio):
    return f"{ratio.median:.3f}" if ratio else "-"


def interval(ratio):
    return f"{ratio.low:.3f} to {ratio.high:.3f}" if ratio else "-"


def quotient(value, base):
    return f"{value / base:.2f}" if base else "-"


def change(ratio):
    return f"{100 * (ratio.median - 1):+.1f} %" if ratio else "-"


def change_interval(ratio):
    return f"{100 * (ratio.low - 1):+.1f} to {100 * (ratio.high - 1):+.1f}" if ratio else "-"


def times(comparison):
    """Rows of the first table, with their head."""
    rows = [["", comparison.main.title, "ratio", "95 % interval", "", measures.CPU.title, "ratio", "95 % interval"]]
    for name in comparison.compared():
        ratio, cpu = comparison.ratio(name), comparison.ratio(name, measures.CPU)
        is_base = name == comparison.base
        rows.append([name, measures.in_words(comparison.main, comparison.median(name)),
                     *(["1", "", "base"] if is_base else [of_ratio(ratio), interval(ratio), comparison.verdict(ratio)]),
                     measures.in_words(measures.CPU, comparison.median(name, measures.CPU)),
                     *(["1", ""] if is_base else [of_ratio(cpu), interval(cpu)])])
    return rows


def memory(comparison):
    rows = [["", "peak memory", "ratio", "final", "ratio", "page faults", "switches", "mappings"]]
    base = comparison.memory(comparison.base)
    for name in comparison.compared():
        held = comparison.memory(name)
        if held is None or base is None:
            continue
        faults, switches = (measures.in_words(each, comparison.median(name, each))
                            for each in (measures.FAULTS, measures.SWITCHES))
        rows.append([name, measures.bytes_in_words(held.peak), quotient(held.peak, base.peak),
                     measures.bytes_in_words(held.final), quotient(held.final, base.final), faults, switches,
                     f"{held.mappings}"])
    return rows


def layers(comparison):
    rows = [[f"what it adds to the {comparison.main.title}", f"in {comparison.profile}", "95 % interval", "alone",
             "95 % interval"]]
    return rows + [[cost.layer, change(cost.taken_away), change_interval(cost.taken_away), change(cost.alone),
                    change_interval(cost.alone)] for cost in comparison.layer_costs()]


def text(comparison):
    if not comparison.measured():
        return ""
    parts = [aligned(times(comparison)), aligned(memory(comparison))]
    if comparison.layers:
        parts.append(aligned(layers(comparison)) + "".join(f"  ({note})\n" for note in comparison.layer_notes()))
    parts.append("".join(line + "\n" for line in comparison.notes()))
    return "\n".join(parts)
