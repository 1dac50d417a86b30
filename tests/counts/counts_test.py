#!/usr/bin/env python3
"""Compares how many instructions malloc and free execute with tests/counts/golden.txt.

As a test (bazel test //tests/counts:counts_test) it compares; by hand, after
`bazel build //:bartizan //:bartizan_fast //tools/cli:bartizan //tests/counts:count_instructions`:

  tests/counts/counts_test.py                  compare
  tests/counts/counts_test.py --update         write the golden file anew
  tests/counts/counts_test.py --only=canaries  these configurations only (a regular expression)

Instructions are counted, not time: README.md in this folder says which, and why the tolerance is
what it is.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

SIZES = (16, 64, 256, 1024, 8192, 65536)
WARM_UP = 20000
PAIRS = 128

# Nothing is done because time has passed: a process that is stepped is slow.
ALWAYS = 'decay=3600000:wide_vectors=off'
# What it takes to count down to a sample is counted, a sample itself is not: it comes by chance, and costs as much as thousands.
NO_SAMPLE = 'sampling=1073741824'

COLUMNS = ('malloc min', 'malloc median', 'malloc average', 'free min', 'free median', 'free average', 'calls out')
# By column: a part of the golden value, and a number that is added. The least is for the reader: whether the cheapest case
# is among those counted may be chance.
TOLERANCE = {'median': (0.02, 2), 'average': (0.10, 2), 'out': (0.05, 0.05)}

HEADER = f'''\
# Instructions of malloc and free, by configuration and block size; README.md in this folder explains them.
# Written by: tests/counts/counts_test.py --update
# {'configuration':22}{'bytes':>7}  {'malloc: min':>11}{'median':>8}{'average':>9}{'free: min':>12}{'median':>8}\
{'average':>9}{'calls out':>11}
'''


def tolerated(column, golden):
    share, more = TOLERANCE.get(column.split()[-1], (0, float('inf')))
    return golden * share + more


def configurations(command):
    """Name, library and options of everything that is counted."""
    options = json.loads(subprocess.run([command, 'options', '--json'], stdout=subprocess.PIPE, check=True).stdout)
    yield 'fast_static', 'libbartizan-fast.so', 'profile=fast'
    for profile in ('fast', 'hardened', 'strict'):
        yield profile, 'libbartizan.so', f'profile={profile}' + (f':{NO_SAMPLE}' if profile != 'fast' else '')
    for option in options:
        if option['layer']:
            needed = ''.join(f':{name}' for name in option['needs'])
            asked = NO_SAMPLE if option['name'] == 'sampling' else option['name']
            yield f'{option["name"]} alone', 'libbartizan.so', f'profile=fast{needed}:{asked}'


def count(folder, library, options, pairs):
    """For each size the numbers of one configuration, in the order of COLUMNS."""
    environment = dict(os.environ, LD_PRELOAD=os.path.join(folder, library), BARTIZAN_OPTIONS=f'{options}:{ALWAYS}')
    done = subprocess.run([os.path.join(folder, 'tests/counts/count_instructions'), str(WARM_UP), str(pairs),
                           *map(str, SIZES)], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'FAIL: {options}: count_instructions ended with {done.returncode}: {done.stderr.strip()}')
    counted = {}
    for line in done.stdout.splitlines():
        words = line.split()
        counted[int(words[0])] = tuple(map(float, words[1:]))
    return counted


def count_all(folder, only, pairs):
    command = os.path.join(folder, 'tools/cli/bartizan')
    chosen = [entry for entry in configurations(command) if re.search(only, entry[0])]
    counted = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda entry: count(folder, entry[1], entry[2], pairs), chosen)
        for (name, _, _), sizes in zip(chosen, results):
            if sys.stderr.isatty():
                print(f'\r{name}\033[K', end='\r', file=sys.stderr, flush=True)
            for size, numbers in sizes.items():
                counted[name, size] = numbers
    return counted


def write(path, counted):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(HEADER)
        for (name, size), numbers in counted.items():
            malloc, free, out = numbers[:3], numbers[3:6], numbers[6]
            file.write(f'{name.replace(" ", "_"):24}{size:7}  {malloc[0]:11.0f}{malloc[1]:8.0f}{malloc[2]:9.1f}'
                       f'{free[0]:12.0f}{free[1]:8.0f}{free[2]:9.1f}{out:11.2f}\n')


def read(path):
    golden = {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            if line.startswith('#'):
                continue
            name, size, *numbers = line.split()
            golden[name.replace('_alone', ' alone'), int(size)] = tuple(map(float, numbers))
    return golden


def compare(golden, counted, only):
    """What differs by more than is tolerated, in sentences."""
    wrong = [f'{name}, {size} bytes: not in the golden file' for name, size in counted if (name, size) not in golden]
    for (name, size), expected in golden.items():
        if (name, size) not in counted:
            if re.search(only, name):
                wrong.append(f'{name}, {size} bytes: in the golden file, but there is no such configuration')
            continue
        for column, before, now in zip(COLUMNS, expected, counted[name, size]):
            if abs(now - before) > tolerated(column, before):
                change = f', {100 * (now - before) / before:+.1f} %' if before else ''
                wrong.append(f'{name}, {size} bytes: {column}: {before:g} before, {now:g} now ({now - before:+.4g}{change})')
    return wrong


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--update', action='store_true')
    parser.add_argument('--only', default='', metavar='REGEX')
    parser.add_argument('--pairs', type=int, default=PAIRS, help='how many pairs are counted (%(default)s)')
    parser.add_argument('--root', default=os.path.join(here, '../../bazel-bin'), metavar='FOLDER', help='what was built')
    options = parser.parse_args()
    if options.update and options.only:
        parser.error('--update counts everything')
    golden = os.path.join(here, 'golden.txt')
    counted = count_all(os.path.abspath(options.root), options.only, options.pairs)
    if options.update:
        write(golden, counted)
        return 0
    wrong = compare(read(golden), counted, options.only)
    for line in wrong:
        print(f'FAIL: {line}')
    if wrong:
        print('If this is meant: tests/counts/counts_test.py --update (its --help says what to build), and look at the '
              'difference before committing it.')
    print(f'{len(counted)} configurations and sizes, {len(wrong)} numbers differ by more than is tolerated')
    return 1 if wrong or not counted else 0


if __name__ == '__main__':
    sys.exit(main())
