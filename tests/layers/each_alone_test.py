#!/usr/bin/env python3
"""Runs the allocator's tests with every combination of layers that matters.

Each layer alone, all on, all off, each one off from all, and the composition in which all are compiled in: under each the
allocator's unit tests, the faults of tests/violation and the programs of tests/stress must pass.

As a test: bazel test //tests/layers:each_alone_test. By hand, after `bazel build //tests/layers:programs`:

  tests/layers/each_alone_test.py                           all
  tests/layers/each_alone_test.py --list                    the configurations and what is run
  tests/layers/each_alone_test.py --only='canaries (off|alone)' --program=stress
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RUN_FAULTS = os.path.join(HERE, '../violation/run.py')

SECONDS = 300
DYNAMIC = 'libbartizan.so'
STATIC = 'tests/layers/libbartizan-every.so'
# Of those that the faults know: small blocks, those of large classes, large blocks.
FAULT_SIZES = (24, 20000, 262144)
# Those that reach most of the layers; the others run under each profile.
STRESS = ('churn', 'fork', 'producers', 'realloc', 'threads')


@dataclasses.dataclass(frozen=True)
class Configuration:
    """Layers that are on, by options or by how the library was composed."""

    name: str
    profile: str
    layers: str  # further options
    library: str = DYNAMIC
    faults: str = ''  # a regular expression; all unless given
    unit_test: str = 'tests/unit/engine/allocator_hardened_test'

    @property
    def options(self):
        return f'profile={self.profile}' + (f':{self.layers}' if self.layers else '')


@dataclasses.dataclass(frozen=True)
class Program:
    """A test that takes any configuration."""

    name: str
    words: tuple
    preloaded: bool = False


def configurations(folder):
    described = subprocess.run([os.path.join(folder, 'tools/cli/bartizan'), 'options', '--json'],
                               stdout=subprocess.PIPE, check=True).stdout
    layers = [option for option in json.loads(described) if option['layer']]
    everything = ':'.join(layer['name'] for layer in layers)
    yield Configuration('all layers off', 'fast', '')
    yield Configuration('all layers on', 'strict', everything)
    # Without the functions of the C library that bounded_libc stands before: they are linked into the dynamic one only.
    yield Configuration('all layers compiled in', 'strict', everything, library=STATIC, faults='^(?!.*_memcpy$)',
                        unit_test='tests/unit/engine/allocator_every_static_test')
    for layer in layers:
        yield Configuration(f'{layer["name"]} alone', 'fast', ':'.join((*layer['needs'], layer['name'])))
    for layer in layers:
        yield Configuration(f'{layer["name"]} off', 'strict', f'{everything}:{layer["name"]}=off')


def programs(folder, configuration):
    def path(name):
        return os.path.join(folder, name)

    # What goes back to the system, and when, hangs on quarantine; those tests are half of the time.
    given_back = configuration.name.startswith('all ') or 'quarantine' in configuration.name
    yield Program('unit tests', (path(configuration.unit_test), '--gtest_brief=1',
                                 *(() if given_back else ('--gtest_filter=-GivenBack.*',))))
    yield Program('violations', (RUN_FAULTS,
                                 f'--program={path("tools/faults/bartizan-faults")}',
                                 f'--library={path(configuration.library)}', f'--profile={configuration.profile}',
                                 f'--options={configuration.layers}', f'--only={configuration.faults}', *(f'--size={size}' for size in FAULT_SIZES),
                                 # With every layer as in the profile, every fault; else what no layer changes.
                                 *(() if configuration.name.startswith('all ') else ('--any-layers',))))
    for name in STRESS:
        yield Program(f'stress {name}', (path(f'tests/stress/{name}_program'), '--short'), preloaded=True)


def environment(folder, configuration, program):
    added = {'BARTIZAN_OPTIONS': configuration.options}
    if program.preloaded:
        added['LD_PRELOAD'] = os.path.join(folder, configuration.library)
    return added


def run(folder, configuration, program):
    """What is wrong, or None."""
    added = environment(folder, configuration, program)
    try:
        done = subprocess.run(program.words, env=dict(os.environ, **added), stdin=subprocess.DEVNULL, timeout=SECONDS,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as hung:
        status, output = f'hung for {SECONDS} s', hung.output or b''
    else:
        if done.returncode == 0:
            return None
        status, output = f'ended with {done.returncode}', done.stdout
    words = [f'{name}={value}' for name, value in added.items()] + list(program.words)
    text = output.decode(errors='replace').strip()
    return f'{status}: {" ".join(words)}\n{text[-2000:]}'


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--only', default='', metavar='REGEX', help='these configurations')
    parser.add_argument('--program', default='', metavar='REGEX', help='these programs')
    parser.add_argument('--root', metavar='FOLDER', help='what was built',
                        default=os.path.join(HERE, '../../bazel-bin'))
    return parser.parse_args()


def main():
    options = parse()
    folder = os.path.abspath(options.root)
    chosen = [(configuration, program) for configuration in configurations(folder)
              for program in programs(folder, configuration)
              if re.search(options.only, configuration.name) and re.search(options.program, program.name)]
    if options.list:
        for configuration, program in chosen:
            print(f'{configuration.name}: {program.name}: {configuration.options}')
        return 0
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (configuration, program), mistake in zip(chosen, pool.map(lambda pair: run(folder, *pair), chosen)):
            if sys.stderr.isatty():
                print(f'\r\033[K{configuration.name}: {program.name}', end='\r', file=sys.stderr, flush=True)
            if mistake:
                failed += 1
                print(f'FAIL {configuration.name}: {program.name}: {mistake}', flush=True)
    print(f'{len(chosen) - failed} passed, {failed} failed')
    return 1 if failed or not chosen else 0


if __name__ == '__main__':
    sys.exit(main())
