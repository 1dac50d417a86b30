#!/usr/bin/env python3
"""tools/mutants must tell killed from survived, and leave nothing behind."""

import importlib.machinery
import importlib.util
import os
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
LOADER = importlib.machinery.SourceFileLoader('mutants', os.path.join(HERE, 'mutants'))
mutants = importlib.util.module_from_spec(importlib.util.spec_from_loader('mutants', LOADER))
sys.modules['mutants'] = mutants
LOADER.exec_module(mutants)

TEXT = 'if (broken) return;\nif (late) return;\n'


class FakeCopy:
    """A tree of one file; tests fail where the file no longer says what they look for."""

    read = staticmethod(mutants.Copy.read)

    def __init__(self, tree):
        self.tree = tree
        self.seen = []
        with open(self.path(), 'w', encoding='utf-8') as file:
            file.write(TEXT)

    def path(self):
        return os.path.join(self.tree, 'a.cc')

    def text(self):
        return self.read(self.path()).decode()

    def bazel(self, *_):
        return (1, 'no program') if 'syntax error' in self.text() else (0, '')

    def failing(self, tests, flags):
        self.seen.append((tests, flags))
        return [test for test in tests if test == '//a:sees' and 'broken' not in self.text()], ''


def mutant(**changes):
    described = {'name': 'm', 'file': 'a.cc', 'old': 'if (broken)', 'new': 'if (false)', 'why': '', 'tests': ('//a:sees',)}
    return mutants.Mutant(**(described | changes))


class MutantsTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='bartizan-mutants-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.copy = FakeCopy(self.folder)

    def expect(self, end, **changes):
        self.assertEqual(mutants.examine(self.copy, mutant(**changes))[0], end)
        self.assertEqual(self.copy.text(), TEXT)

    def test_a_test_that_fails_kills(self):
        self.expect('killed')

    def test_every_test_that_is_named_must_fail(self):
        self.expect('survived', tests=('//a:sees', '//a:looks_away'))
        self.expect('survived', old='late', new='early')

    def test_what_is_no_program_kills_nothing(self):
        self.expect('does not build', new='syntax error')

    def test_the_text_must_be_there_once(self):
        self.expect('does not apply', old='is not there')
        self.expect('does not apply', old='return;')
        self.expect('does not apply', file='b.cc')

    def test_filters_reach_the_test(self):
        mutants.examine(self.copy, mutant(filter='Some.*'))
        self.assertIn('--test_filter=Some.*', self.copy.seen[-1][1])

    def test_what_an_edit_leaves_unused_is_no_mistake(self):
        self.assertEqual(mutant().apply(TEXT), mutants.NO_WARNINGS + TEXT.replace('broken', 'false'))
        self.assertEqual(mutant(file='a.py').apply(TEXT), TEXT.replace('broken', 'false'))

    def test_the_disk_cache_is_bounded(self):
        built = os.path.join(self.folder, 'built', 'ac')
        mutants.empty_above(built, 0)  # there is none yet
        os.makedirs(built)
        with open(os.path.join(built, 'a'), 'wb') as file:
            file.write(bytes(100))
        mutants.empty_above(os.path.dirname(built), 100)
        self.assertTrue(os.path.exists(built))
        mutants.empty_above(os.path.dirname(built), 99)
        self.assertFalse(os.path.exists(os.path.dirname(built)))

    def write(self, text):
        with open(os.path.join(self.folder, 'm.toml'), 'w', encoding='utf-8') as file:
            file.write(text)

    def test_descriptions_are_whole(self):
        whole = "[[mutant]]\nname = 'm'\nfile = 'a'\nold = 'b'\nnew = 'c'\nwhy = 'd'\ntests = ['//e']\n"
        self.write(whole)
        self.assertEqual([m.tests for m in mutants.load(self.folder)], [('//e',)])
        for wrong in (whole + whole, whole.replace("new = 'c'", "new = 'b'"), whole.replace("why = 'd'\n", ''),
                      whole + "size = 3\n", whole.replace("['//e']", '[]')):
            self.write(wrong)
            self.assertRaises(SystemExit, mutants.load, self.folder)


if __name__ == '__main__':
    unittest.main()
