"""`bartizan symbolize`, from its words to its exit code."""

import argparse
import json
import os
import sys

from symbolize import ending, rewrite, sarif, symbolizer

SUCCESS, WRONG_USE, MISSING = 0, 2, 125

_EPILOG = """\
Frames are looked for in any text, also in JSON; what is none goes through as it is. Debug information is taken from the
module itself or from a separate file: by build id or debug link, beside it, in .debug beside it, below /usr/lib/debug and
below each --debug-dir. A module that was built anew since is left out, and that is said.

With --sarif, the reports in all FILEs, and in all files of those that are folders, become one SARIF 2.1.0 document: for
GitHub code scanning and others. Reports are those of report_format=json; other lines are passed over.

exit codes: 0 done, 2 wrong use, or a file that cannot be read, 125 there is no symbolizer
"""


def parser():
    result = argparse.ArgumentParser("bartizan symbolize", description="add functions, files and lines to the stacks of a "
                                     "report", epilog=_EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("files", metavar="FILE", nargs="+", help="reports, or folders of them; - is standard input")
    result.add_argument("--sarif", action="store_true", help="write a SARIF document of all reports as JSON in these files")
    result.add_argument("--source-root", metavar="FOLDER", default=".",
                        help="with --sarif: the project; its files are named relative to it, and preferred as locations")
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


def read_all(paths):
    """Pairs of a path and its text, folders as the files in them."""
    result = []
    for path in paths:
        inside = sorted(entry.path for entry in os.scandir(path) if entry.is_file()) if os.path.isdir(path) else [path]
        # Reports may hold bytes of any kind in names; they come out as they were.
        result += [(one, read(one).decode("utf-8", errors="surrogateescape")) for one in inside]
    return result


def write_sarif(texts, names, root):
    reports, problems = [], []
    for path, text in texts:
        found = list(sarif.reports_in(text))
        for number, report in found:
            if isinstance(report, sarif.NotWhole):
                problems.append(f"{path}:{number}: {report}")
            else:
                reports.append(report)
        if "bartizan: fatal: " in text and not found:
            problems.append(f"{path}: its reports are text, and are left out: report_format=json is what this reads")
    names.ask(sarif.keys(reports))
    writer = sarif.Writer(names.places, root)
    for report in reports:
        writer.add(report)
    names.problems += problems
    print(json.dumps(writer.document(names.problems), indent=1))


def run():
    """The exit code."""
    options = parser().parse_args()
    texts = read_all(options.files)
    try:
        names = symbolizer.Symbolizer(options.symbolizer, options.debug_dir)
    except symbolizer.Missing as error:
        complain(error)
        return MISSING
    try:
        if options.sarif:
            write_sarif(texts, names, options.source_root)
        else:
            for _, text in texts:
                names.ask(rewrite.keys(text))
                sys.stdout.buffer.write(rewrite.rewrite(text, names.places).encode("utf-8", errors="surrogateescape"))
        sys.stdout.flush()
    except BrokenPipeError:
        ending.write_no_more(sys.stdout)
    for problem in names.problems:
        complain(problem)
    return SUCCESS


def main():
    sys.exit(ending.guard(run, complain))
