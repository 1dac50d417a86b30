"""Prints the table and the end of failures."""

import json
import sys


CELL_WIDTH = 13
# With more columns than these, their names go over two lines.
FEW_COLUMNS = 4


class Table:
    """One line per program, printed as soon as all its configurations are done."""

    def __init__(self, programs, configurations):
        self._columns = [configuration.name for configuration in configurations]
        self._name_width = max(len("program"), *(len(program.name) for program in programs))
        if len(self._columns) > FEW_COLUMNS:
            self._columns = [parted(column) for column in self._columns]
        self._cell_width = max(CELL_WIDTH, *(len(line) for column in self._columns for line in column.split("\n")))

    def header(self):
        """The first lines: as many as the longest name of a column has."""
        names = [column.split("\n") for column in self._columns]
        height = max(len(lines) for lines in names)
        for row in range(height):
            cells = "".join(f"  {line_of(lines, row, height):<{self._cell_width}}" for lines in names)
            last = row == height - 1
            print(f"{'program' if last else '':<{self._name_width}}  {'version' if last else '':<14}{cells}"
                  f"{'  work done and checked' if last else ''}", flush=True)

    def row(self, program, version, results):
        """A program's line, then the end of each of its failures."""
        cells = "".join(f"  {cell(result):<{self._cell_width}}" for result in results)
        done = next((result.did for result in results if result.passed), program.does)
        print(f"{program.name:<{self._name_width}}  {version:<14}{cells}  {done}", flush=True)
        for result in results:
            if not result.passed:
                print_failure(result)

    @staticmethod
    def end(results):
        """Files to look at, what the library said, and the count that is the last line."""
        for result in results:
            for path in result.kept:
                print(f"look at: {path}  ({result.program}, {result.configuration})")
        said = {}
        for result in results:
            for line in result.complaints:
                said.setdefault(line, []).append(f"{result.program}/{result.configuration}")
        for line, where in said.items():
            print(f"the library said in {', '.join(where[:4])}{' ...' if len(where) > 4 else ''}: {line}")
        packages = sorted({package for result in results for package in result.missing})
        if packages:
            print(f"missing packages: apt-get install -y --no-install-recommends {' '.join(packages)}")
        failed = sum(not result.passed for result in results)
        print(f"{len(results) - failed} passed, {failed} failed", flush=True)


def parted(name):
    """The name in two lines, broken at its first underscore."""
    first, mark, rest = name.partition("_")
    return f"{first}{mark}\n{rest}" if rest else name


def line_of(lines, row, height):
    """What of a column's name is on this line: it ends on the last."""
    return lines[row - height] if row - height >= -len(lines) else ""


def cell(result):
    """ok or FAILED, and the seconds it took."""
    return f"{'ok' if result.passed else 'FAILED':<6} {result.seconds:6.1f} s"


def print_failure(result):
    """Why it failed, where its output is kept and how it ends."""
    print(f"    {result.configuration}: {result.failure}")
    for line in result.last_words:
        print(f"    | {line}")
    if result.hint:
        print(f"    hint: {result.hint}")
    if result.folder:
        print(f"    kept: {result.folder}")
    sys.stdout.flush()


def write_json(path, results):
    """Everything the table says, for other programs."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump([result.as_dictionary() for result in results], file, indent=1)
        file.write("\n")


def progress(text):
    """Says what is running, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()
