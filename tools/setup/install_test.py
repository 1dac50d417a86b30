#!/usr/bin/env python3
"""Tests of tools/setup/install with made-up package programs: what it asks for, and what it prints when it may not."""

import os
import shutil
import stat
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))

# Packages that are there are files in $STATE/installed; known ones, in $STATE/known.
PROGRAMS = {
    'id': 'echo "${FAKE_UID:-0}"',
    'dpkg-query': 'shift 2; for p in "$@"; do [ -e "$STATE/installed/$p" ] && echo "$p installed"; done; true',
    'apt-cache': 'shift; for p in "$@"; do [ -e "$STATE/known/$p" ] && printf "%s:\\n  Candidate: 1.0\\n" "$p"; done; true',
    'apt-get': '''
echo "$*" >> "$STATE/calls"
for word in "$@"; do
  case "$word" in
    update) cp "$STATE"/archive/* "$STATE/known/" ;;
    -*|install|APT*|Dpkg*|DPkg*) ;;
    *)
      [ -e "$STATE/known/$word" ] || { echo "E: Unable to locate package $word"; exit 100; }
      cp "$STATE/known/$word" "$STATE/installed/$word"
      ;;
  esac
done
''',
}

LIST = '# A list.\n[build]\n# Group.\none\ntwo\n\n[test]\nthree\ntwo\n'


class InstallTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='bartizan-setup-')
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ('installed', 'known', 'archive', 'bin'):
            os.mkdir(os.path.join(self.folder, name))
        for name, text in PROGRAMS.items():
            self.write(f'bin/{name}', f'#!/bin/sh\n{text}\n')
        # Programs of the system that the installer uses; not sudo, and not the real package programs.
        for name in ('bash', 'basename', 'cat', 'chmod', 'cp', 'dirname', 'env', 'grep', 'mktemp', 'readlink', 'rm', 'sh',
                     'tail'):
            os.symlink(shutil.which(name), os.path.join(self.folder, 'bin', name))
        with open(os.path.join(HERE, 'install'), encoding='utf-8') as file:
            # Its own policy file, not the system's.
            text = file.read().replace('/usr/sbin/policy-rc.d', self.path('policy'))
        self.write('setup/install', text)
        self.write('setup/packages.txt', LIST)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(self.path(path), stat.S_IRWXU)

    def place(self, where, *names):
        for name in names:
            self.write(f'{where}/{name}', '')

    def install(self, *arguments, uid=0):
        """Exit status, standard output and standard error."""
        done = subprocess.run([self.path('setup/install'), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False,
                              env={'PATH': self.path('bin'), 'STATE': self.folder, 'FAKE_UID': str(uid),
                                   'TMPDIR': self.folder})
        return done.returncode, done.stdout, done.stderr

    def calls(self):
        """What apt-get was asked for: the words that are no options of its own."""
        if not os.path.exists(self.path('calls')):
            return []
        with open(self.path('calls'), encoding='utf-8') as file:
            return [' '.join(word for word in line.split() if word[0] != '-' and '::' not in word) for line in file]

    def test_silent_when_all_is_there(self):
        self.place('installed', 'one', 'two')
        self.assertEqual(self.install('build'), (0, '', ''))
        self.assertEqual(self.calls(), [])

    def test_installs_what_is_missing_once(self):
        self.place('installed', 'one')
        self.place('known', 'one', 'two', 'three')
        status, output, _ = self.install('build', 'test')
        self.assertEqual((status, output), (0, ''))
        self.assertEqual(self.calls(), ['install two three'])
        self.assertFalse(os.path.exists(self.path('policy')))

    def test_empty_package_lists_are_updated_first(self):
        self.place('archive', 'one', 'two')
        self.assertEqual(self.install('build')[0], 0)
        self.assertEqual(self.calls(), ['update', 'install one two'])

    def test_package_that_does_not_exist(self):
        self.place('archive', 'one')
        status, _, errors = self.install('build')
        self.assertEqual(status, 1)
        self.assertIn('could not install: two', errors)
        self.assertIn('Unable to locate package two', errors)

    def test_without_root_and_sudo_prints_the_command(self):
        self.place('installed', 'one')
        status, output, errors = self.install('build', 'test', uid=1000)
        self.assertEqual((status, output), (1, ''))
        self.assertEqual(errors.splitlines()[-1],
                         'apt-get update && apt-get install -y --no-install-recommends two three')
        self.assertEqual(self.calls(), [])

    def test_dry_run(self):
        self.place('installed', 'two')
        self.assertEqual(self.install('--dry-run', 'test', 'build'), (0, 'one\nthree\n', ''))

    def test_keeps_a_policy_of_the_machine(self):
        self.write('policy', '#!/bin/sh\nexit 0\n')
        self.place('known', 'one', 'two')
        self.assertEqual(self.install('build')[0], 0)
        with open(self.path('policy'), encoding='utf-8') as file:
            self.assertIn('exit 0', file.read())

    def test_wrong_arguments(self):
        self.assertEqual(self.install('nowhere')[0], 1)
        self.assertEqual(self.install('--unknown')[0], 1)
        self.assertEqual(self.install()[0], 1)


if __name__ == '__main__':
    unittest.main()
