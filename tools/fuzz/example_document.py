"""What `bartizan fuzz --example` prints, and docs/results/users_fuzzing.md."""

from fuzz import example

_HEADING = """\
# Fuzzing your own program

`tools/bartizan fuzz --example --report` wrote this page: commit {commit}, {machine}.

A small parser ([fuzz/example](../../fuzz/example/README.md)) has one planted heap bug at a time and is fuzzed without
sanitizers, under glibc's malloc and with Bartizan preloaded in each profile, for at most {executions:,} executions.
[fuzzing.md](../fuzzing.md) says how you do that with a program of your own.

A cell is the number of executions until the first crash, a dash: none. *Reached* is when the fuzzer first got to where the
bug does its harm: what is not reached cannot be found. A star: the crash came in a later execution than the harm, and the input that
was running then does not show it by itself; *hangs*: so it did, and libFuzzer never ended, because glibc aborts with its lock
held and libFuzzer's handler allocates. *ASan* is the same program built with AddressSanitizer, for comparison.
"""


def cell(find):
    if not find.found:
        return "-"
    return f"{find.executions:,}" + (" hangs" if find.hung else "" if find.again else " *")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def plain(head, rows):
    """The same for a terminal."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    return "\n".join("  ".join(words.ljust(width) for words, width in zip(row, widths)).rstrip() for row in [head, *rows]) + "\n"


def mode_table(columns, finds, form=table):
    """`finds`: (column's name, bug) -> Find, of one way to fuzz."""
    rows = [[bug, *(cell(finds[column.name, bug]) for column in columns)] for bug in example.BUGS]
    counts = [str(sum(finds[column.name, bug].found for bug in example.BUGS)) for column in columns]
    return form(["bug", *(column.title for column in columns)], rows + [["found", *counts]])


def speed_table(columns, speeds, form=table):
    """`speeds`: (mode's title, column's name) -> executions a second."""
    shown = [column for column in columns if not column.stops]
    modes = dict.fromkeys(title for title, _ in speeds)
    rows = [[title, *(f"{speeds[title, column.name]:,.0f}" for column in shown)] for title in modes]
    return form(["executions a second", *(column.title for column in shown)], rows)


def text(columns, finds, speeds):
    """What is printed: executions until the first crash."""
    parts = [f"{title}\n{mode_table(columns, of_mode, plain)}" for title, of_mode in finds.items()]
    return "\n".join([*parts, speed_table(columns, speeds, plain)])


def message_table(columns, finds):
    shown = [column for column in columns if not column.stops]
    rows = [[bug, *(finds[column.name, bug].said or "-" for column in shown)] for bug in example.BUGS]
    return table(["bug", *(column.title for column in shown)], rows)


def page(columns, finds, speeds, executions, commit, machine):
    """The document. `finds`: mode's title -> (column's name, bug) -> Find."""
    parts = [_HEADING.format(commit=commit, machine=machine, executions=executions)]
    parts.append("| bug | what it does, and in which record |\n|---|---|\n" +
                 "".join(f"| `{bug}` | {about} |\n" for bug, about in example.BUGS.items()))
    for title, of_mode in finds.items():
        parts.append(f"## {title}\n\n{mode_table(columns, of_mode)}")
    first = next(iter(finds))
    parts.append(f"## What is said\n\nOf the crash, in the runs of {first}. A crash of the program itself is a SEGV.\n\n" +
                 message_table(columns, finds[first]))
    parts.append("## Speed\n\nExecutions a second of the parser without a bug, one process.\n\n" + speed_table(columns, speeds))
    return "\n".join(parts)
