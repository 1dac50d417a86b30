#!/usr/bin/env python3
"""Proves the bench: boots the machine with programs whose end is known.

Needs `bazel build //tests/vm:all`. Takes about half a minute.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True  # The source tree stays clean.
# pylint: disable=wrong-import-position
import kernel
import machine
import python_files
from machine import Command, PASSED

HERE = os.path.dirname(os.path.realpath(__file__))
BUILT = os.path.join(HERE, '..', '..', 'bazel-bin', 'tests', 'vm')
NUMA_TEST = [os.path.join(BUILT, 'numa_place_test'), '--require-nodes=2']
NODE_MALLOC = os.path.join(BUILT, 'libnode-malloc.so')
BUSYBOX_SH = ['/bin/busybox', 'sh', '-c']


def bench():
    """The script tests/vm/run as a module."""
    loader = importlib.machinery.SourceFileLoader('run', os.path.join(HERE, 'run'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('run', loader))
    sys.modules['run'] = module
    loader.exec_module(module)
    return module


def outcomes(results):
    return [result.outcome for result in results]


def boot(*commands, **options):
    """Runs the commands in a machine; returns their outcomes and all that was printed."""
    out = io.StringIO()
    results, _ = machine.run(commands, kernel=kernel.find_kernel(), out=out, **options)
    return outcomes(results), out.getvalue()


class MachineTest(unittest.TestCase):
    """What a real machine does."""

    def test_python_with_modules_and_without(self):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, 'script.py')
            with open(script, 'w', encoding='utf-8') as file:
                file.write('import json, os, sys\nif __name__ == "__main__":\n  print(json.dumps(sys.argv[1:]))\n'
                           '  if sys.argv[1] == "more":\n    import wave\n  sys.exit(os.uname().release[0] != "6")\n')
            files = [(script, None)] + python_files.needed(script, ['x'])
            ended, printed = boot(*(Command(python_files.command(script, [word]), files=files)
                                    for word in ('ok', 'more')))
        self.assertEqual(ended, [PASSED, 'exit status 1'])
        self.assertIn('["ok"]', printed)
        self.assertIn("No module named 'wave'", printed)

    def test_python_that_cannot_be_imported(self):
        with self.assertRaisesRegex(python_files.PythonError, 'No such file'):
            python_files.needed('/nowhere.py', [])

    def test_exit_statuses_and_output(self):
        ended, printed = boot(
            Command(['/bin/busybox', 'uname', '-r']),
            Command(BUSYBOX_SH + ['echo "in $WORD"; printf "no line end"; exit 3'],
                    {'WORD': "it's"}),
            Command(BUSYBOX_SH + ['kill -SEGV $$']),
            Command(BUSYBOX_SH + ['sleep 1000 & echo "left $((6 * 7)) behind"']),
            Command(BUSYBOX_SH + ['! ps | grep "[s]leep 1000"']),
            Command(BUSYBOX_SH + ['cat /given/file /sys/devices/system/node/online']),
            files=[(__file__, '/given/file')])
        self.assertEqual(ended, [PASSED, 'exit status 3', 'exit status 139 (SIGSEGV)', PASSED,
                                 PASSED, PASSED], printed)
        self.assertIn("in it's\nno line end\n--- FAILED: exit status 3", printed)
        self.assertIn('left 42 behind\n', printed)
        self.assertIn('"""Proves the bench', printed)
        self.assertIn('\n0-1\n--- passed', printed)

    def test_numa_place_test_passes_and_fails_for_the_right_reason(self):
        preload = {'LD_PRELOAD': NODE_MALLOC}
        ended, printed = boot(
            Command(NUMA_TEST, preload),
            Command(NUMA_TEST, {**preload, 'NODE_MALLOC_FLAW': 'touch'}),
            Command(NUMA_TEST, {**preload, 'NODE_MALLOC_FLAW': 'keep'}),
            Command(NUMA_TEST))
        self.assertEqual(ended, [PASSED] + ['exit status 1'] * 3, printed)
        good, touch, keep, first_touch = printed.split('=== [')[1:]
        self.assertNotIn('WRONG NODE', good)
        self.assertRegex(touch, r'allocate.*WRONG NODE')
        # Freed blocks that stay with the freeing thread: that thread's blocks alone are wrong.
        self.assertRegex(keep, r'visitor.*WRONG NODE')
        self.assertNotRegex(keep, r'(allocate|again).*WRONG NODE')
        self.assertRegex(first_touch, r'allocate.*WRONG NODE')

    def test_one_node_leaves_nothing_to_check(self):
        ended, printed = boot(Command(NUMA_TEST[:1]), Command(NUMA_TEST), nodes=1)
        self.assertEqual(ended, [PASSED, 'exit status 1'], printed)
        self.assertIn('nothing to check', printed)

    def test_machine_that_stops_fails_the_rest(self):
        ended, printed = boot(Command(BUSYBOX_SH + ['echo c > /proc/sysrq-trigger']),
                              Command(['/bin/busybox', 'true']))
        self.assertEqual(ended, ['the machine stopped while this command ran',
                                 'never started: the machine stopped'])
        self.assertIn('console: ', printed)
        self.assertIn('Kernel panic', printed)


class TranscriptTest(unittest.TestCase):
    """How the line from the guest is read; no machine."""

    COMMANDS = (Command(['first']), Command(['second']))

    def read(self, *pieces):
        out = io.StringIO()
        transcript = machine.Transcript(self.COMMANDS, 'TOKEN', out)
        for piece in pieces:
            transcript.feed(piece)
        return transcript, out

    def test_markers_may_be_cut_anywhere(self):
        line = b'\nTOKEN begin 0\nfake TOKEN end 0 0\nxyz\nTOKEN end 0 7\n'
        for size in range(1, len(line)):
            pieces = [line[at:at + size] for at in range(0, len(line), size)]
            transcript, out = self.read(*pieces)
            self.assertEqual(outcomes(transcript.results), ['exit status 7'])
            self.assertIn('fake TOKEN end 0 0\nxyz\n---', out.getvalue())

    def test_timeout_names_the_command_under_way(self):
        line = r'\nTOKEN begin 0\n\nTOKEN end 0 0\n\nTOKEN begin 1\nhalf a line'
        script = f'printf "{line}"; sleep 60'
        transcript, out = self.read()
        with subprocess.Popen(['sh', '-c', script], stdout=subprocess.PIPE,
                              start_new_session=True) as emulator:
            reason = machine._follow(emulator, transcript, 2)
            os.killpg(emulator.pid, signal.SIGKILL)
        transcript.broken_off(reason)
        self.assertEqual(outcomes(transcript.results),
                         [PASSED, 'timeout of 2 s while this command ran'])
        self.assertIn('[2/2] second\nhalf a line\n--- FAILED: timeout', out.getvalue())


class CommandLineTest(unittest.TestCase):
    """tests/vm/run before and after the machine; no machine."""

    def setUp(self):
        self.run = bench()

    def main(self, words, results=()):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), \
             contextlib.redirect_stderr(io.StringIO()), \
             mock.patch.object(kernel, 'find_kernel', return_value='kernel'), \
             mock.patch.object(machine, 'run', return_value=(list(results), 1.0)) as ran:
            status = self.run.main(words)
        return status, out.getvalue().splitlines(), ran

    def test_commands_and_variables(self):
        status, lines, ran = self.main(
            ['--env', 'A=1', '--timeout=7', '--', 'x', '--flag', '--', 'A=2', 'B=', 'y'],
            [machine.Result('x', PASSED), machine.Result('y', PASSED)])
        self.assertEqual((status, lines[-1]), (0, '2 passed, 0 failed'))
        self.assertEqual(ran.call_args.args[0], [Command(['x', '--flag'], {'A': '1'}),
                                                 Command(['y'], {'A': '2', 'B': ''})])
        self.assertEqual(ran.call_args.kwargs['timeout'], 7)

    def test_one_failure_is_a_failure(self):
        status, lines, _ = self.main(['--', 'x', '--', 'y'], [machine.Result('x', PASSED),
                                                              machine.Result('y', 'exit status 1')])
        self.assertEqual((status, lines[-1]), (1, '1 passed, 1 failed'))

    def test_empty_command_is_refused(self):
        self.assertEqual(self.main(['--', 'x', '--'])[0], 2)
        self.assertEqual(self.main(['--', 'A=1'])[0], 2)

    def test_default_set_says_what_is_not_built(self):
        with mock.patch.object(self.run, 'built_folder', return_value='/nowhere'):
            status, lines, ran = self.main(['--profiles=fast,strict'])
        self.assertEqual(status, 1)
        self.assertEqual(lines[-1],
                         f'0 passed, {1 + len(self.run.DEFAULT_SET) + len(self.run.DEFAULT_SCRIPTS)} failed')
        self.assertIn('failed: libbartizan.so: not built', lines)
        ran.assert_not_called()


if __name__ == '__main__':
    for needed in NUMA_TEST[0], NODE_MALLOC:
        if not os.path.exists(needed):
            sys.exit(f'{os.path.relpath(needed)} is missing: bazel build //tests/vm:all')
    unittest.main()
