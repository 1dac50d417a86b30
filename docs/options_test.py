#!/usr/bin/env python3
"""docs/options.md is what `bartizan options --markdown` prints, below its introduction.

As a test (bazel test //docs:options_test) it compares; `docs/options_test.py --fix` writes the table anew.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
FIX = sys.argv[1:] == ["--fix"]
COMMAND = os.path.join(HERE, "..", "tools", "bartizan") if FIX else os.path.join("tools", "cli", "bartizan")
DOCUMENT = os.path.join(HERE, "options.md") if FIX else os.path.join("docs", "options.md")
FIRST_LINE_OF_TABLE = "| option |"


def main():
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    table = subprocess.run([COMMAND, "options", "--markdown"], stdout=subprocess.PIPE, text=True, check=True).stdout
    if not table.startswith(FIRST_LINE_OF_TABLE):
        print(f"FAIL: the command prints no table that begins with '{FIRST_LINE_OF_TABLE}'", file=sys.stderr)
        return 1
    introduction, found, _ = text.partition(FIRST_LINE_OF_TABLE)
    if not found:
        print("FAIL: docs/options.md has no table", file=sys.stderr)
        return 1
    wanted = introduction + table
    if text == wanted:
        return 0
    if FIX:
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write(wanted)
        return 0
    print("FAIL: docs/options.md is not what the command prints; run docs/options_test.py --fix", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
