"""The stages of the test command, in order."""

import dataclasses
import glob
import os

import results

RELEASE_TARGETS = ('//:bartizan', '//:bartizan_fast', '//:bartizan_static', '//tools/cli:bartizan')

BAZEL_TEST = ('bazel', 'test', '--keep_going', '--curses=no', '--color=no', '--show_progress_rate_limit=5')
BAZEL_BUILD = ('bazel', 'build', '--keep_going', '--curses=no', '--color=no', '--show_progress_rate_limit=5')


@dataclasses.dataclass(frozen=True)
class Command:
    """A command, relative to the repository's root, and how its results are counted."""

    name: str
    words: tuple
    read: object = results.from_status


@dataclasses.dataclass(frozen=True)
class Stage:
    """Commands that belong together, with one log and one time limit."""

    name: str
    about: str
    minutes: float
    commands: tuple
    quick: bool = False  # Also part of --quick.


def check(name):
    return Command(name, (f'tools/checks/{name}',))


def python_tests(root):
    """The Python tests of the tools themselves: one command for each file."""
    paths = sorted(glob.glob(os.path.join(root, 'tools', '**', '*_test.py'), recursive=True))
    paths = [os.path.relpath(path, root) for path in paths]
    return tuple(Command(path, ('/usr/bin/python3', '-B', path)) for path in paths)


def release_tests(quick, built):
    words = BAZEL_TEST + (f'--disk_cache={built}',) + (('--test_tag_filters=-long',) if quick else ()) + ('//...',)
    return Command('bazel test', words, results.from_bazel)


def sanitized_tests(tag, *configurations):
    words = BAZEL_TEST + tuple(f'--config={name}' for name in configurations) + (f'--test_tag_filters={tag}', '//...')
    return Command('bazel test', words, results.from_bazel)


# tools/bazel/README.md says why these and not others.
MEMORY_SANITIZED = Command('bazel test --config=msan', BAZEL_TEST + (
    '--config=msan',) + tuple(f'//fuzz:{name}_test' for name in (
        'api_model', 'config_file', 'options', 'report_statistics', 'syscall_failures')), results.from_bazel)


def stages(root, quick=False, built='FOLDER'):
    """All stages. The limits are those of two processors with nothing built yet, with room to spare.

    What the release build makes is kept in the folder `built`, too, for the mutants' copy of the repository.
    """
    return (
        Stage('checks', 'format, dependency arrows, housekeeping, scripts, packages, and the tools\' own tests', 4,
              tuple(map(check, ('format', 'arrows', 'preprocessor', 'hygiene', 'scripts', 'packages'))) +
              (Command('tools/mutants --check', ('tools/mutants', '--check')),) + python_tests(root), quick=True),
        Stage('lint', 'clang-tidy; only what has changed since it was clean', 14, (check('lint'),), quick=True),
        Stage('build', 'the libraries and the command; what the libraries export and need', 10,
              (Command('bazel build', BAZEL_BUILD + (f'--disk_cache={built}',) + RELEASE_TARGETS), check('symbols')),
              quick=True),
        Stage('tests', 'bazel test of everything, release build', 25, (release_tests(quick, built),), quick=True),
        Stage('sanitizers', 'tests that link the engine, with address and undefined-behaviour sanitizer; fuzz targets '
              'with memory sanitizer', 12, (sanitized_tests('sanitize', 'fuzz'), MEMORY_SANITIZED)),
        Stage('threads', 'concurrent tests that link the engine, with thread sanitizer', 8,
              (sanitized_tests('concurrent', 'tsan'),)),
        # Fixed numbers of executions, not times: what a change breaks here, it breaks on every machine.
        Stage('fuzz', 'each fuzz target for a few thousand executions of new inputs, with both engines; as OSS-Fuzz '
              'builds them; a user\'s program', 18,
              tuple(Command(f'bartizan fuzz --engine={engine}',
                            ('tools/bartizan', 'fuzz', '--temporary', f'--engine={engine}', f'--executions={executions}'),
                            results.from_counts) for engine, executions in (('libfuzzer', 3000), ('afl', 3000))) +
              (Command('fuzz/call_sites_test.py', ('/usr/bin/python3', '-B', 'fuzz/call_sites_test.py')),
               Command('bartizan fuzz --example', ('tools/bartizan', 'fuzz', '--example', '--engine=afl', '--executions=2000'),
                       results.from_counts),
               Command('fuzz/oss-fuzz/build_test.py', ('fuzz/oss-fuzz/build_test.py', '--only=libfuzzer-undefined'),
                       results.from_counts))),
        Stage('mutants', 'the most telling of tests/mutants: each takes a check out, and a test must fail', 14,
              (Command('tools/mutants', ('tools/mutants', '--quick', f'--built={built}'), results.from_counts),)),
        Stage('programs', 'real programs with the library preloaded', 15,
              (Command('tests/compat/detects_test.py',
                       ('env', '-C', 'tests', 'python3', '-B', '-m', 'unittest', 'compat.detects_test')),
               Command('tools/compat', ('tools/compat', '--quick'), results.from_counts),
               # Forks, threads, workers with aligned blocks, usable sizes. With all programs: docs/compatibility.md.
               Command('tools/compat --layers',
                       ('tools/compat', '--quick', '--layers', '--only=perl,python-json,nginx,redis'),
                       results.from_counts))),
        Stage('machine', 'Linux 6.1 with two memory nodes, in a virtual machine', 15,
              (Command('bazel build', BAZEL_BUILD + ('//:bartizan', '//tests/contract/layers:all', '//tests/stress/...',
                                                     '//tests/unit/...', '//tests/vm:all')),
               Command('tests/vm/run_test.py', ('tests/vm/run_test.py',)),
               Command('tests/vm/run', ('tests/vm/run', '--profiles=hardened'), results.from_counts))),
    )
