"""The comparison as a page: HTML in one file, with pictures, for light and dark screens."""

import datetime
import html
import json
import pkgutil
import shlex

from compare import machine, measures, pictures, rounds, table


def _escaped(text):
    return html.escape(str(text))


def _table(rows, kind=""):
    head, *others = rows
    lines = ["".join(f"<th>{_escaped(cell)}</th>" for cell in head)]
    lines += ["".join(cell if cell.startswith("<td") else f"<td>{_escaped(cell)}</td>" for cell in row)
              for row in others]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table class="{kind}">{body}</table></div>\n'


def _figure(draw, comparison, caption):
    try:
        picture = draw(comparison)
    except pictures.CannotDraw as error:
        return f'<p class="faint">No picture: {_escaped(error)}</p>\n'
    return f"<figure>{picture}<figcaption>{_escaped(caption)}</figcaption></figure>\n"


def _list(lines, kind=""):
    return f'<ul class="{kind}">' + "".join(f"<li>{_escaped(line)}</li>" for line in lines) + "</ul>\n" if lines else ""


def _head(comparison, version):
    result = comparison.result
    here = machine.description()
    title = f"{result.work.name} under {len(comparison.compared())} allocators"
    facts = [f"{here['processor']}, {here['processors']} processors, {measures.bytes_in_words(here['memory_bytes'])}, "
             f"Linux {here['kernel']}", f"bartizan {version}",
             datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")]
    load = f"<p>Load: <code>{_escaped(result.work.load)}</code></p>\n" if result.work.load else ""
    return title, (f"<h1>{_escaped(title)}</h1>\n<p><code>{_escaped(shlex.join(result.work.argv))}</code></p>\n{load}"
                   f'<p class="faint">{_escaped(" · ".join(facts))}</p>\n{_list(comparison.notes())}'
                   f'{_failures(comparison)}')


def _failures(comparison):
    lines = [f"{name}: {failure}" for name, failure in comparison.result.failures.items() if name != rounds.NULL_RUN]
    return f'<p class="bad">It failed under:</p>\n{_list(lines, "bad")}' if lines else ""


def _times(comparison):
    better = "more" if comparison.main.higher_is_better else "less"
    return (f"<h2>What it costs</h2>\n{_figure(pictures.ratios, comparison, _ratio_caption(comparison, better))}"
            f"{_table(table.times(comparison))}")


def _ratio_caption(comparison, better):
    shade = (f" Shaded: what {comparison.base} differs from itself; nothing in it can be told from noise."
             if comparison.noise is not None else "")
    return f"Medians over the rounds, {better} is better.{shade}"


def _memory(comparison):
    rows = table.memory(comparison)
    if len(rows) < 2:
        return ""
    caption = "Resident memory of all processes of the program."
    return f"<h2>Memory</h2>\n{_figure(pictures.memory, comparison, caption)}{_table(rows)}"


def _layers(comparison):
    if not comparison.layers:
        return ""
    return (f"<h2>What each layer costs</h2>\n{_figure(pictures.layers, comparison, 'Less is better. 0: nothing.')}"
            f'{_table(table.layers(comparison))}{_list(comparison.layer_notes(), "faint")}')


def detection_figures():
    """Kind of fault -> allocator -> [caught, committed], as tools/detection wrote them."""
    for path in ("detection.json", "../../docs/results/detection.json"):  # in bartizan-compare, in the sources
        try:
            return json.loads(pkgutil.get_data("compare", path))
        except OSError:
            continue
    return {}


def _share(caught, committed):
    per_cent = measures.per_cent(caught, committed)
    return f'<td style="background: rgba(var(--good), {0.4 * per_cent / 100:.2f})">{per_cent} %</td>'


def _detection(comparison):
    figures = detection_figures()
    known = next(iter(figures.values()), {})
    names = [name for name in comparison.compared() if name in known]
    if not names:
        return ""
    base = comparison.memory(comparison.base)
    held = [comparison.memory(name) for name in names]
    rows = [["", *names],
            [comparison.main.title, *(table.of_ratio(comparison.ratio(name)) for name in names)],
            ["peak memory", *(table.quotient(each.peak, base.peak) if each and base else "-" for each in held)],
            ["all faults", *(_share(*map(sum, zip(*(kind[name] for kind in figures.values())))) for name in names)]]
    rows += [[kind, *(_share(*by_name[name]) for name in names)] for kind, by_name in figures.items()]
    return ("<h2>What it catches, beside its cost</h2>\n"
            f'<p class="faint">Ratios to {_escaped(comparison.base)}, and the share of heap faults that are caught before '
            "they do harm, by kind: from the run of all faults of Bartizan's sources (docs/results/detection.md), not of "
            f"this program.</p>\n{_table(rows)}")


def _allocators(comparison, version):
    compared = comparison.compared()
    rows = [["", "version", "library", "settings"]]
    for allocator in sorted(comparison.results.allocators, key=lambda each: each.name != comparison.base):
        if allocator.name in compared:
            settings = " ".join(f"{name}={value}" for name, value in allocator.variables.items())
            rows.append([allocator.name, allocator.version() or (version if allocator.is_ours() else "-"),
                         allocator.library or "what the program is linked with", settings])
    return f"<h2>Allocators</h2>\n{_table(rows, 'words')}"


def page(comparison, version):
    """The whole page."""
    style = pkgutil.get_data("compare", "style.css").decode()
    title, head = _head(comparison, version)
    body = head + _times(comparison) + _memory(comparison) + _layers(comparison) + _detection(comparison) + \
        _allocators(comparison, version)
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{_escaped(title)}</title>\n'
            f"<style>\n{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n")
