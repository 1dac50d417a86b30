#!/usr/bin/env python3
"""Tests of the stage runner: nothing that fails, hangs, is missing or runs no test may pass."""

import contextlib
import io
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
import process
import results
import run
import table

SUMMARY = """
INFO: Build completed, 1 test FAILED, 5 total actions
//tests/unit:a_test                                            (cached) PASSED in 0.1s
//tests/unit:b_test                                                     PASSED in 0.0s
  Stats over 2 runs: max = 0.1s
//tests/unit:c_test                                                    TIMEOUT in 60.1s
//tests/unit:d_test                                            FAILED TO BUILD
//tests/unit:e_test                                                  NO STATUS
//tests/unit:f_test                                                      FLAKY, failed in 1 out of 2 in 0.1s
//tests/unit:g_test                                                     FAILED in 0.2s
  /tmp/g_test/test.log
"""


class ResultsTest(unittest.TestCase):

    def test_bazel_summary(self):
        result = results.from_bazel('x', 3, SUMMARY)
        self.assertEqual(result.passed, 2)
        self.assertEqual(result.failures, [
            '//tests/unit:c_test: timeout', '//tests/unit:d_test: failed to build', '//tests/unit:e_test: no status',
            '//tests/unit:f_test: flaky', '//tests/unit:g_test: failed'])

    def test_bazel_fails_beside_its_tests(self):
        broken = "WARNING: errors encountered while analyzing target '//a:c_test': it will not be built\n"
        passing = '//a:b_test   PASSED in 0.1s\n'
        self.assertEqual(results.from_bazel('x', 1, broken + passing).failures,
                         ['//a:c_test: its BUILD file or one it depends on is wrong'])
        self.assertEqual(results.from_bazel('x', 0, passing).failed, 0)
        self.assertEqual(results.from_bazel('x', 1, passing).failed, 1)
        self.assertEqual(results.from_bazel('x', 0, '').failed, 1)
        self.assertEqual(results.from_bazel('x', 4, 'ERROR: No test targets were found\n').failed, 1)

    def test_counts(self):
        def sums(status, output):
            result = results.from_counts('x', status, output)
            return result.passed, result.failed

        self.assertEqual(sums(0, 'a\n3 passed, 0 failed\n'), (3, 0))
        self.assertEqual(sums(1, '3 passed, 2 failed'), (3, 2))
        self.assertEqual(sums(1, '3 passed, 0 failed\n'), (3, 1))
        self.assertEqual(sums(0, '0 passed, 0 failed\n'), (0, 1))
        self.assertEqual(sums(0, '3 passed, 0 failed\nmore\n'), (0, 1))
        self.assertEqual(sums(0, ''), (0, 1))


class RunTest(unittest.TestCase):

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='bartizan-stages-')
        self.addCleanup(shutil.rmtree, self.root)
        self.log = os.path.join(self.root, 'log')

    def stage(self, *commands, minutes=1.0):
        stage = table.Stage('made-up', 'a stage', minutes, tuple(
            table.Command(words[0], tuple(words), read) for words, read in commands))
        with contextlib.redirect_stdout(io.StringIO()):
            return run.run_stage(stage, self.log, time.monotonic() + 60, run.Screen(), self.root)

    def test_adds_up(self):
        result = self.stage((('true',), results.from_status), (('false',), results.from_status),
                            (('echo', '5 passed, 0 failed'), results.from_counts))
        self.assertEqual((result.passed, result.failed), (6, 1))

    def test_missing_script(self):
        result = self.stage((('tools/absent',), results.from_counts), (('true',), results.from_status))
        self.assertEqual(result.failures, ['tools/absent: tools/absent does not exist'])
        self.assertEqual(result.passed, 1)

    def test_missing_program(self):
        self.assertEqual(self.stage((('no-such-program',), results.from_status)).failed, 1)

    def test_time_limit(self):
        result = self.stage((('sleep', '77'), results.from_status), minutes=0.0)
        self.assertEqual(result.failed, 1)
        self.assertIn('took longer', result.failures[0])

    def test_ends_the_whole_group(self):
        pids = os.path.join(self.root, 'pids')
        script = f'trap "" INT; sleep 77 & echo $! > {pids}.part; mv {pids}.part {pids}; wait'

        def stop_when_started(_):
            if os.path.exists(pids):
                raise process.TimeIsUp

        with mock.patch.object(process, 'ENDINGS', ((signal.SIGINT, 0.2), (signal.SIGTERM, 5))):
            with self.assertRaises(process.TimeIsUp):
                process.run(('sh', '-c', script), self.root, self.log, 60, stop_when_started)
        with open(pids, encoding='ascii') as file:
            sleeper = int(file.read())
        with contextlib.suppress(ProcessLookupError):
            # Readable when the process is dead; without the kill, only after 77 seconds.
            self.assertTrue(select.select([os.pidfd_open(sleeper)], [], [], 30)[0])

    def test_interrupted_run_ends_its_command_and_prints_the_sum(self):
        script = (f'import os, sys; sys.path.insert(0, {HERE!r}); import run, table; '
                  'table.stages = lambda *_: (table.Stage("s", "a", 1, (table.Command("sleep", ("sleep", "77")),)'
                  ', True),); sys.argv = ["x"]; sys.exit(run.main())')
        # A shell starts what runs in the background with this signal ignored.
        child = subprocess.Popen(['env', '--default-signal=INT', sys.executable, '-B', '-c', script],
                                 stdout=subprocess.PIPE, text=True, env=dict(os.environ, TMPDIR=self.root))
        try:
            self.assertIn('s: a', child.stdout.readline())
            child.send_signal(signal.SIGINT)
            output, _ = child.communicate(timeout=30)
        finally:
            child.kill()
        self.assertEqual(output.splitlines()[-1], '0 passed, 1 failed')
        self.assertEqual(child.returncode, 130)


class TableTest(unittest.TestCase):

    @staticmethod
    def root():
        return os.path.dirname(os.path.dirname(HERE))

    def test_quick_is_a_subset_without_long_tests(self):
        root = self.root()
        everything = table.stages(root)
        self.assertEqual(len({stage.name for stage in everything}), len(everything))
        quick = [stage.name for stage in table.stages(root, quick=True) if stage.quick]
        self.assertEqual(quick, ['checks', 'lint', 'build', 'tests'])
        self.assertIn('--test_tag_filters=-long', table.release_tests(True, 'b').words)
        self.assertNotIn('--test_tag_filters=-long', table.release_tests(False, 'b').words)

    def test_mutants_take_what_the_release_build_made(self):
        words = {stage.name: ' '.join(word for command in stage.commands for word in command.words)
                 for stage in table.stages(self.root(), built='/b')}
        for name in ('build', 'tests'):
            self.assertIn('--disk_cache=/b ', words[name])
        self.assertIn('--built=/b', words['mutants'])


if __name__ == '__main__':
    unittest.main()
