"""Pictures of a comparison: SVG by gnuplot, in colours that the page's style sheet chooses."""

import pkgutil
import re
import subprocess

# The page gives that many colours to series, and repeats them with other dashes.
COLOURS = 8
# Series number n is drawn as the nearly black colour n; these are no series. `recoloured` names them for the page.
_TEXT, _SHADE, _LINE = 100, 101, 102
_OTHERS = {_TEXT: "var(--ink)", _SHADE: "var(--shade)", _LINE: "var(--line)"}
_WIDTH = 820
_COLOUR = re.compile(r"""(stroke|fill|color)\s*=\s*["']rgb\(\s*0,\s*0,\s*(\d+)\)["']""")


class CannotDraw(Exception):
    """Its text says why."""


def _rgb(number):
    return f'rgb "#0000{number:02x}"'


def recoloured(svg):
    """The picture of gnuplot's as a part of a page: without its head, with the page's colours."""
    svg = re.sub(r"<title>.*?</title>|<desc>.*?</desc>", "", svg[svg.index("<svg"):], flags=re.DOTALL)
    return _COLOUR.sub(lambda found: f'style="{found[1]}:{_OTHERS.get(int(found[2]), f"var(--c{found[2]})")}"', svg)


def _draw(height, commands, data):
    """`data`: name -> rows of numbers."""
    blocks = "".join(f"${name} << EOD\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows) + "EOD\n"
                     for name, rows in data.items())
    script = f"""\
set terminal svg size {_WIDTH},{height} dynamic noenhanced font "sans-serif,14"
set encoding utf8
set border 3 linecolor {_rgb(_LINE)}
set tics nomirror scale 0.5 textcolor {_rgb(_TEXT)}
set key textcolor {_rgb(_TEXT)}
set grid x linetype 1 linewidth 0.5 linecolor {_rgb(_LINE)} dashtype 3
{blocks}{commands}
"""
    done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, check=False)
    if done.returncode or "<svg" not in done.stdout:
        raise CannotDraw(done.stderr.strip() or "gnuplot draws nothing")
    return recoloured(done.stdout)


def standalone(height, commands, data):
    """The picture as a file of its own: with the page's colours in it."""
    style = pkgutil.get_data("compare", "style.css").decode()
    colours = style[:style.index("body {")]
    before, tag, after = _draw(height, commands, data).partition(">")
    return f"{before}{tag}\n<style>\n{colours}</style>\n<rect width='100%' height='100%' fill='var(--paper)'/>{after}"


def _quoted(text):
    return "'" + text.replace("'", "''") + "'"


def _colour(number):
    return _rgb(number % COLOURS + 1)


def ratios(comparison):
    """Each allocator's ratio to the base, with its interval; what is noise is shaded."""
    names = [name for name in comparison.compared() if comparison.ratio(name)]
    found = [comparison.ratio(name) for name in names]
    least, most = min([1, *(ratio.low for ratio in found)]), max([1, *(ratio.high for ratio in found)])
    noise = min(comparison.noise or 0, 1)
    least, most = min(least, 1 - noise), max(most, 1 + noise)
    room = max(most - least, 0.02)
    ticks = ", ".join(f"{_quoted(name)} {len(names) - place}" for place, name in enumerate(names))
    commands = f"""\
set yrange [0.3:{len(names) + 0.7}]
set xrange [{least - 0.04 * room}:{most + 0.14 * room}]
set ytics ({ticks})
set xlabel {_quoted(f"{comparison.main.title}, ratio to {comparison.base}, with 95 % interval")} textcolor {_rgb(_TEXT)}
set object 1 rectangle from {1 - noise},graph 0 to {1 + noise},graph 1 behind
set object 1 fillcolor {_rgb(_SHADE)} fillstyle solid noborder
set arrow 1 from 1,graph 0 to 1,graph 1 nohead linecolor {_rgb(_TEXT)} linewidth 1
unset key
plot """ + ", ".join(
        f"$d{place} using 1:2:3:4 with xerrorbars pointtype 7 pointsize 0.7 linewidth 2.5 linecolor {_colour(place)}, "
        f"'' using 4:2:(sprintf('%.3f', $1)) with labels left offset 0.8,0 textcolor {_rgb(_TEXT)}"
        for place in range(len(names)))
    data = {f"d{place}": [(ratio.median, len(names) - place, ratio.low, ratio.high)]
            for place, ratio in enumerate(found)}
    return _draw(90 + 32 * len(names), commands, data)


def memory(comparison):
    """What each allocator's run held over time."""
    names = [name for name in comparison.compared() if comparison.memory(name) and comparison.memory(name).samples]
    longest = max(comparison.memory(name).samples[-1][0] for name in names)
    scale, unit = (1000, "ms") if longest < 2 else (1, "s")
    data = {f"d{place}": [(seconds * scale, held / 2**20) for seconds, held in comparison.memory(name).samples]
            for place, name in enumerate(names)}
    commands = f"""\
set xlabel '{unit} since the program began (in a run that is watched, and slower for it)' textcolor {_rgb(_TEXT)}
set ylabel 'resident MiB' textcolor {_rgb(_TEXT)}
set yrange [0:*]
set grid y
set key outside right top samplen 2 spacing 1.2 Left reverse
plot """ + ", ".join(f"$d{place} using 1:2 with lines linewidth 2 linecolor {_colour(place)} "
                     f"dashtype {1 + place // COLOURS} title {_quoted(name)}" for place, name in enumerate(names))
    return _draw(380, commands, data)


def layers(comparison):
    """What each layer adds: to the rest of the profile, and alone."""
    costs = comparison.layer_costs()
    ticks = ", ".join(f"{_quoted(cost.layer)} {len(costs) - place}" for place, cost in enumerate(costs))

    def rows(shift, ratio_of):
        return [(100 * (ratio.median - 1), len(costs) - place + shift, 100 * (ratio.low - 1), 100 * (ratio.high - 1))
                for place, ratio in enumerate(map(ratio_of, costs)) if ratio]

    data = {"taken": rows(0.15, lambda cost: cost.taken_away), "alone": rows(-0.15, lambda cost: cost.alone)}
    plots = [f"${name} using 1:2:3:4 with xerrorbars pointtype {point} pointsize 0.7 linewidth 2 "
             f"linecolor {_rgb(colour)} title {_quoted(title)}"
             for name, point, colour, title in (("taken", 7, 1, f"on top of the rest of {comparison.profile}"),
                                                ("alone", 5, 2, "alone, on top of fast")) if data[name]]
    if not plots:
        raise CannotDraw("no round tells what a layer costs")
    label = f"what it adds to the {comparison.main.title}, per cent, with 95 % interval"
    commands = f"""\
set yrange [0.3:{len(costs) + 0.7}]
set ytics ({ticks})
set offsets graph 0.03, graph 0.03, 0, 0
set xlabel {_quoted(label)} textcolor {_rgb(_TEXT)}
set arrow 1 from 0,graph 0 to 0,graph 1 nohead linecolor {_rgb(_TEXT)} linewidth 1
set key outside left top horizontal Left reverse samplen 2 width 1
plot """ + ", ".join(plots)
    return _draw(120 + 36 * len(costs), commands, data)
