#!/usr/bin/env python3
"""What documents say of options is what the command prints; what they say of costs is what was counted.

 - docs/options.md is what `bartizan options --markdown` prints, below its introduction;
 - docs/layers/README.md has the defaults of the layers, and their costs from tests/counts/golden.txt;
 - each layer has its page in docs/layers.

As a test (bazel test //docs:options_test) it compares; `docs/options_test.py --fix` writes the tables anew.
"""

import json
import os
import re
import subprocess
import sys

FIX = sys.argv[1:] == ["--fix"]
ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..") if FIX else "."
COMMAND = os.path.join(ROOT, "tools/bartizan" if FIX else "tools/cli/bartizan")
FIRST_LINE_OF_TABLE = "| option | values | fast | hardened | strict | debug | what |"
COUNTED_SIZES = (64, 1024)


def path(name):
    return os.path.join(ROOT, name)


def read(name):
    with open(path(name), encoding="utf-8") as file:
        return file.read()


def command(*words):
    return subprocess.run([COMMAND, *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def layer_names():
    return [option["name"] for option in json.loads(command("options", "--json")) if option["layer"]]


def replaced(text, name, table):
    """The text with the part between the marks `<!-- name -->` and `<!-- end -->` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        sys.exit(f"FAIL: docs/layers/README.md has not one part '{name}'")
    return pattern.sub(lambda match: f"{match[1]}\n{table}\n{match[2]}", text)


def defaults_table(layers):
    """The rows of `bartizan options --markdown` that are layers, without their values."""
    rows = ["| layer | fast | hardened | strict | debug | what |", "|---|---|---|---|---|---|"]
    for line in command("options", "--markdown").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = cells[0].strip("`")
        if name in layers:
            rows.append(f"| [`{name}`]({name}.md) | " + " | ".join(cells[2:]) + " |")
    return "\n".join(rows) + "\n"


def signed(number):
    return "0" if abs(number) < 0.5 else f"{number:+.0f}"


def costs_table(layers):
    """The differences between each layer alone and `fast`, from the golden file."""
    counted = {}
    for line in read("tests/counts/golden.txt").splitlines():
        if not line.startswith("#"):
            name, size, *numbers = line.split()
            counted[name, int(size)] = [float(number) for number in numbers]
    sizes = [f"{what}, {size} bytes" for size in COUNTED_SIZES for what in ("malloc", "free", "pair on average", "calls")]
    rows = ["| | " + " | ".join(sizes) + " |", "|---|" + "---|" * len(sizes)]

    def row(title, name, compared):
        cells = []
        for size in COUNTED_SIZES:
            now = counted.get((name, size))
            if now is None:
                sys.exit(f"FAIL: tests/counts/golden.txt has no {name}")
            before = counted["fast", size] if compared else [0] * len(now)
            malloc, free, pair, calls = (now[1] - before[1], now[4] - before[4], now[2] + now[5] - before[2] - before[5],
                                         now[6] - before[6])
            show = signed if compared else "{:.0f}".format
            cells += [show(malloc), show(free), show(pair), f"{calls:.0f}"]
        rows.append(f"| {title} | " + " | ".join(cells) + " |")

    for profile in ("fast", "hardened", "strict"):
        row(f"all of `{profile}`", profile, False)
    for name in layers:
        row(f"`{name}`", f"{name}_alone", True)
    return "\n".join(rows) + "\n"


def wanted_options(text):
    table = command("options", "--markdown")
    introduction, found, _ = text.partition(FIRST_LINE_OF_TABLE)
    if not table.startswith(FIRST_LINE_OF_TABLE) or not found:
        sys.exit(f"FAIL: the command, or docs/options.md, has no table that begins with '{FIRST_LINE_OF_TABLE}'")
    return introduction + table


def wanted_layers(text):
    layers = layer_names()
    text = replaced(text, "defaults", defaults_table(layers))
    return replaced(text, "costs", costs_table(layers))


def compare_pages():
    """Findings about pages without a layer, and layers without a page."""
    pages = {name[:-len(".md")] for name in os.listdir(path("docs/layers"))} - {"README"}
    layers = set(layer_names())
    return ([f"docs/layers/{name}.md is missing" for name in sorted(layers - pages)] +
            [f"docs/layers/{name}.md: there is no such layer" for name in sorted(pages - layers)])


def main():
    findings = compare_pages()
    for name, wanted_of in (("docs/options.md", wanted_options), ("docs/layers/README.md", wanted_layers)):
        text = read(name)
        wanted = wanted_of(text)
        if text == wanted:
            continue
        if FIX:
            with open(path(name), "w", encoding="utf-8") as file:
                file.write(wanted)
        else:
            findings.append(f"{name} is not what the command prints and what was counted; run docs/options_test.py --fix")
    for finding in findings:
        print(f"FAIL: {finding}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
