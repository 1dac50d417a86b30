#!/usr/bin/env python3
"""The runner of preload tests must fail whenever a test has not shown what it should."""

import os
import shutil
import subprocess
import tempfile
import unittest

RUNNER = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'run_preloaded.sh')

LIBRARY = 'int Loaded(void) { return 1; }\n'

# What the program does is its first argument.
PROGRAM = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int Loaded(void) __attribute__((weak));
int main(int argc, char** argv) {
  const char* action = argc > 1 ? argv[1] : "";
  if (!Loaded) return 3;
  if (strcmp(getenv("BARTIZAN_OPTIONS"), "profile=fast") != 0) return 4;
  if (!strcmp(action, "fail")) return 1;
  if (!strcmp(action, "die") || !strcmp(action, "twice")) fputs("bartizan: fatal: double free of 0x10\n", stderr);
  if (!strcmp(action, "twice")) fputs("bartizan: fatal: double free of 0x20\n", stderr);
  if (!strcmp(action, "inline")) fputs("x bartizan: fatal: double free of 0x20\n", stderr);
  if (*action) abort();
  return 0;
}
'''


class RunnerTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='bartizan-runner-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name, text, flags in (('library.so', LIBRARY, ['-shared', '-fPIC']), ('program', PROGRAM, [])):
            subprocess.run(['clang-19', '-x', 'c', '-', *flags, '-o', os.path.join(cls.folder, name)], input=text,
                           text=True, check=True)

    def passes(self, fatal, *arguments, library='library.so'):
        done = subprocess.run([RUNNER, library, 'profile=fast', fatal, 'program', *arguments], cwd=self.folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                              env=dict(os.environ, TEST_TMPDIR=self.folder))
        return done.returncode == 0

    def test_exit_status(self):
        self.assertTrue(self.passes(''))
        self.assertFalse(self.passes('', 'fail'))
        self.assertFalse(self.passes('', 'die'))

    def test_library_that_is_not_preloaded(self):
        self.assertFalse(self.passes('', library='absent.so'))
        with open(os.path.join(self.folder, 'broken.so'), 'w', encoding='ascii') as file:
            file.write('not a library')
        self.assertFalse(self.passes('', library='broken.so'))

    def test_fatal_report(self):
        self.assertTrue(self.passes('double free of 0x[0-9a-f]+$', 'die'))
        self.assertFalse(self.passes('overflow', 'die'))
        self.assertFalse(self.passes('double free', ''))
        self.assertFalse(self.passes('double free', 'abort only'))
        self.assertFalse(self.passes('double free', 'inline'))
        self.assertFalse(self.passes('double free', 'twice'))
        self.assertFalse(self.passes('double free', 'fail'))


if __name__ == '__main__':
    unittest.main()
