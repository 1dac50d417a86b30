#!/usr/bin/env python3
"""Compares how many instructions memcpy of 64 bytes executes in the library with tests/counts/golden_copies.txt.

As a test (bazel test //tests/counts:copies_test) it compares; by hand, after
`bazel build //:bartizan //tests/counts:count_instructions`, tests/counts/copies_test.py [--update].

What is counted, and how, is said in README.md. Nothing here is drawn at random: the numbers repeat exactly, and the
tolerance is for another release of the compiler.
"""

import argparse
import os
import subprocess
import sys

CALLS = 32
CONFIGURATIONS = (
    ('bounded_libc_off', 'libbartizan.so', 'profile=fast'),
    ('bounded_libc_alone', 'libbartizan.so', 'profile=fast:bounded_libc'),
    ('strict', 'libbartizan.so', 'profile=strict:sampling=off'),
)
HEADER = f'''\
# Instructions of memcpy of 64 bytes inside the library, by what is copied; README.md in this folder explains them.
# Written by: tests/counts/copies_test.py --update
# {'configuration':22}{'copied':22}{'instructions':>14}{'calls out':>11}
'''
TOLERATED_SHARE, TOLERATED_MORE = 0.02, 2


def count(folder, library, options, what):
    """For each kind of call the median of instructions, and the calls out."""
    environment = dict(os.environ, LD_PRELOAD=os.path.join(folder, library), BARTIZAN_OPTIONS=options)
    done = subprocess.run([os.path.join(folder, 'tests/counts/count_instructions'), what, str(CALLS)],
                          env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'FAIL: {options}: count_instructions ended with {done.returncode}: {done.stderr.strip()}')
    lines = [line.split() for line in done.stdout.splitlines()]
    return {kind: (float(median), float(out)) for kind, _, median, _, out in lines}


def write(path, header, counted):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(header)
        for (name, kind), (median, out) in counted.items():
            file.write(f'{name:24}{kind:22}{median:14.0f}{out:11.2f}\n')


def read(path):
    with open(path, encoding='utf-8') as file:
        lines = [line.split() for line in file if not line.startswith('#')]
    return {(name, kind): (float(median), float(out)) for name, kind, median, out in lines}


def compare(golden, counted):
    """What differs by more than is tolerated, in sentences."""
    wrong = [f'{key}: counted or expected, not both' for key in golden.keys() ^ counted.keys()]
    for key in golden.keys() & counted.keys():
        (before, out_before), (now, out_now) = golden[key], counted[key]
        if abs(now - before) > before * TOLERATED_SHARE + TOLERATED_MORE or abs(out_now - out_before) > 0.05:
            wrong.append(f'{" ".join(key)}: {before:g} and {out_before:g} calls before, {now:g} and {out_now:g} now')
    return sorted(wrong)


def run(script, about, what, header, configurations):
    """Counts what the script is for, in each of the configurations: name, library, options."""
    name, here = os.path.basename(script), os.path.dirname(os.path.abspath(script))
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--update', action='store_true')
    parser.add_argument('--root', default=os.path.join(here, '../../bazel-bin'), metavar='FOLDER', help='what was built')
    options = parser.parse_args()
    counted = {(configuration, kind): numbers for configuration, library, given in configurations
               for kind, numbers in count(os.path.abspath(options.root), library, given, what).items()}
    golden = os.path.join(here, f'golden_{what}.txt')
    if options.update:
        write(golden, header, counted)
        return 0
    wrong = compare(read(golden), counted)
    for line in wrong:
        print(f'FAIL: {line}')
    if wrong:
        print(f'If this is meant: tests/counts/{name} --update, and look at the difference before committing it.')
    print(f'{len(counted)} numbers, {len(wrong)} differ by more than is tolerated')
    return 1 if wrong or not counted else 0


if __name__ == '__main__':
    sys.exit(run(__file__, __doc__, 'copies', HEADER, CONFIGURATIONS))
