"""`bartizan symbolize`, from its words to its exit code."""

import argparse
import sys

from symbolize import rewrite, symbolizer

SUCCESS, WRONG_USE, MISSING = 0, 2, 125

_EPILOG = """\
Frames are looked for in any text, also in JSON; what is none goes through as it is. Debug information is taken from the
module itself or from a separate file: by build id or debug link, beside it, in .debug beside it, below /usr/lib/debug and
below each --debug-dir. A module that was built anew since is left out, and that is said.

exit codes: 0 done, 2 wrong use, or a file that cannot be read, 125 there is no symbolizer
"""


def parser():
    result = argparse.ArgumentParser("bartizan symbolize", description="add functions, files and lines to the stacks of a "
                                     "report", epilog=_EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("file", metavar="FILE", help="the report; - is standard input")
    result.add_argument("--debug-dir", metavar="FOLDER", action="append", default=[],
                        help="where separate debug files are, too; several times for several")
    result.add_argument("--symbolizer", metavar="PROGRAM", help=f"this one, not the first of {', '.join(symbolizer.PROGRAMS)}")
    result.add_argument("--command", help=argparse.SUPPRESS)
    result.add_argument("--library", help=argparse.SUPPRESS)
    return result


def complain(message):
    print(f"bartizan: symbolize: {message}", file=sys.stderr)


def read(path):
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def main():
    options = parser().parse_args()
    try:
        # Reports may hold bytes of any kind in names; they come out as they were.
        text = read(options.file).decode("utf-8", errors="surrogateescape")
    except OSError as error:
        complain(f"{options.file}: {error.strerror}")
        sys.exit(WRONG_USE)
    try:
        names = symbolizer.Symbolizer(options.symbolizer, options.debug_dir)
    except symbolizer.Missing as error:
        complain(error)
        sys.exit(MISSING)
    names.ask(rewrite.keys(text))
    sys.stdout.buffer.write(rewrite.rewrite(text, names.places).encode("utf-8", errors="surrogateescape"))
    sys.stdout.flush()
    for problem in names.problems:
        complain(problem)
    sys.exit(SUCCESS)
