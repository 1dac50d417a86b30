#!/usr/bin/env python3
"""Plays inputs of the attacker against a preloaded library, one process each, and judges how each ends.

usage: run.py --program=ATTACKER --library=LIBRARY --profile=NAME [--random=N] [--keep=FILE] FILE|FOLDER...

harmless   it exits with 0: its own model of the heap found nothing wrong
defended   the library reports, in one line, and the process ends by SIGABRT; a fault was committed before
defect     anything else: the program's checks failed, a report without a fault, two reports, another signal, no end

With --random, so many further inputs are made of the files by a fixed random stream. The exit status is 0 only if there was
no defect, and some inputs of each other kind. The random numbers that the library draws differ from run to run: a
defect may need several runs of the input that is kept.
"""

import argparse
import collections
import os
import random
import re
import signal
import subprocess
import sys
import tempfile

SECONDS = 20
LONGEST = 256
HARMLESS, DEFENDED = "harmless", "defended"


def inputs_of(paths):
    """The bytes of all files, by path."""
    files = []
    for path in paths:
        if os.path.isdir(path):
            files += [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
        else:
            files.append(path)
    result = {}
    for path in sorted(files):
        with open(path, "rb") as file:
            result[path] = file.read()
    return result


def changed(seeds, source):
    """An input made of one or two others, or of nothing."""
    text = bytearray(source.choice(seeds) if source.randrange(4) else source.randbytes(source.randint(1, LONGEST)))
    if source.randrange(4) == 0:
        other = source.choice(seeds)
        text += other[source.randrange(len(other) + 1):]
    for _ in range(source.randrange(8)):
        if not text:
            break
        at = source.randrange(len(text))
        kind = source.randrange(4)
        if kind == 0:
            del text[at]
        elif kind == 1:
            text.insert(at, source.randrange(256))
        elif kind == 2:
            text[at] ^= 1 << source.randrange(8)
        else:
            text[at] = source.randrange(256)
    return bytes(text[:LONGEST])


def judge(status, output):
    """HARMLESS, DEFENDED, or what is wrong with how it ended."""
    reports = re.findall(r"^bartizan: fatal: .*\n", output, re.MULTILINE)
    if "fuzz: found: " in output:
        return output[output.index("fuzz: found: "):].strip()
    if status == 0:
        return f"it reported and went on: {reports[0].strip()}" if reports else HARMLESS
    if status != -signal.SIGABRT:
        return f"it ended with {status}: {output.strip()}"
    if len(reports) != 1 or not output.endswith(reports[0]):
        return f"not one report at the end, but {len(reports)}: {output.strip()}"
    if "attacker: the first fault\n" not in output:
        return f"a report without a fault: {reports[0].strip()}"
    return DEFENDED


def play(asked, path):
    """What became of the input."""
    variables = {"LD_PRELOAD": os.path.abspath(asked.library), "BARTIZAN_OPTIONS": f"profile={asked.profile}:sampling=off"}
    process = subprocess.Popen([os.path.abspath(asked.program), asked.profile, path], env=os.environ | variables,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               errors="replace")
    try:
        _, output = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"it did not end within {SECONDS} s"
    return judge(process.returncode, output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "library", "profile"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--keep", default="", help="the first input with a defect is written there")
    parser.add_argument("paths", nargs="+")
    asked = parser.parse_args()
    source = random.Random(1)
    inputs = inputs_of(asked.paths)
    seeds = list(inputs.values())
    inputs |= {f"random input {i}": changed(seeds, source) for i in range(asked.random)}
    counts, defects = collections.Counter(), 0
    with tempfile.TemporaryDirectory(prefix="bartizan-attacker-") as folder:
        path = os.path.join(folder, "input")
        for name, content in inputs.items():
            with open(path, "wb") as file:
                file.write(content)
            verdict = play(asked, path)
            if verdict in (HARMLESS, DEFENDED):
                counts[verdict] += 1
                continue
            defects += 1
            print(f"{name} ({content.hex()}):\n  {verdict}")
            if asked.keep and defects == 1:
                with open(asked.keep, "wb") as file:
                    file.write(content)
    print(f"{counts[HARMLESS]} harmless, {counts[DEFENDED]} defended, {defects} defects")
    return 0 if not defects and counts[HARMLESS] and counts[DEFENDED] else 1


if __name__ == "__main__":
    # Aborts are expected; their core dumps are unwanted.
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
