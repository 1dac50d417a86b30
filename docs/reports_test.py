#!/usr/bin/env python3
"""The gallery in docs/reports.md is what reports look like.

As a test (bazel test //docs:reports_test) it commits the faults and compares, except for what differs from run to run:
addresses, numbers of processes and threads, times, frames of other modules, neighbours. `docs/reports_test.py --fix` writes
the gallery anew.
"""

import json
import os
import re
import subprocess
import sys

FIX = sys.argv[1:] == ["--fix"]
ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..") if FIX else "."
BUILT = os.path.join(ROOT, "bazel-bin") if FIX else "."
PROGRAM = os.path.join(BUILT, "tools/faults/bartizan-faults")
LIBRARY = os.path.abspath(os.path.join(BUILT, "libbartizan.so"))
PAGE = os.path.join(ROOT, "docs/reports.md")
BEGIN, END = "<!-- gallery -->\n", "<!-- end -->\n"

# Title, fault and its arguments, options.
GALLERY = (
    ("Overflow, at the access", "overflow_32_store 24", "profile=debug"),
    ("Overflow by a byte, when the block is freed", "overflow_1_store 24", "profile=debug"),
    ("Read after free, in another thread", "read_after_free 100 thread", "profile=debug"),
    ("Double free", "double_free_immediate 100", "profile=debug"),
    ("Free of an address inside a block", "free_interior_16 100", "profile=debug"),
    ("The same without samples", "free_interior_16 100", "profile=strict"),
    ("Overflow out of a large block", "overflow_1_store 262144", "profile=hardened"),
    ("Overflow by a byte, without samples", "overflow_1_store 100", "profile=hardened"),
    ("Write after free, found when the slot is issued again", "write_after_free_first_byte 100", "profile=hardened"),
    ("A call of memcpy that is too long", "overflow_1_memcpy 100", "profile=strict"),
    ("new freed with free", "new_free 100", "profile=strict"),
    ("delete with a wrong size", "sized_delete_one_more 100", "profile=hardened"),
    ("Execution of heap memory", "execute_heap 100", "profile=hardened"),
    ("As JSON", "overflow_1_store 262144", "profile=hardened:report_format=json"),
)


def report_of(arguments, options):
    """What a fault prints, without the paths of the machine it was made on."""
    done = subprocess.run([PROGRAM, *arguments.split()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False, timeout=90,
                          env=os.environ | {"LD_PRELOAD": LIBRARY, "BARTIZAN_OPTIONS": options})
    text = done.stderr.decode()
    text = re.sub(r"/[\w/.+-]*/(bartizan-faults)", r"/usr/local/bin/\1", text)
    # Enough to see what a stack is.
    text = re.sub(r"(^    #1 .*\n)(?:    #.*\n)+", r"\1    ...\n", text, flags=re.MULTILINE)
    if text.startswith("{"):
        report = json.loads(text)
        del report["stack"][2:]
        text = json.dumps(report, indent=2) + "\n"
    return text


def gallery():
    parts = []
    for title, arguments, options in GALLERY:
        text = report_of(arguments, options)
        if not text:
            sys.exit(f"FAIL: {arguments} with {options} reports nothing")
        parts.append(f"## {title}\n\n`{options}`, `bartizan-faults {arguments}`:\n\n```\n{text}```\n")
    return "\n" + "\n".join(parts) + "\n"


def comparable(text):
    """The text without what differs from run to run, of a report as text or as JSON."""
    text = re.sub(r"^    #1.*\n|^    \.\.\.\n|^  Next live block .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r'"neighbours": \[.*?\n  \]|"neighbours": \[\]', '"neighbours"', text, flags=re.DOTALL)
    text = re.sub(r'"stack": \[.*?\n  \]', '"stack"', text, flags=re.DOTALL)
    text = re.sub(r"\(BuildId: \w+\)", "(BuildId)", text)
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    text = re.sub(r"\d+(\.\d)? (ns|us|ms|s) before", "T before", text)
    text = re.sub(r'\b(process|thread|event) \d+', r"\1 N", text)
    return re.sub(r'"(time_ms|id)": \d+', r'"\1"', text)


def main():
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    head, rest = page.split(BEGIN)
    found, tail = rest.split(END)
    made = gallery()
    if FIX:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(head + BEGIN + made + END + tail)
        return
    if comparable(found) != comparable(made):
        print(comparable(made))
        sys.exit("FAIL: docs/reports.md does not have what reports look like; docs/reports_test.py --fix writes it anew")
    print("passed")


if __name__ == "__main__":
    main()
