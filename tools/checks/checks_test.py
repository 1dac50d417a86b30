#!/usr/bin/env python3
"""Each check must find the fault it is there for, in a made-up repository, and nothing without it."""

import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))

HEADER = '#ifndef BARTIZAN_{0}_H_\n#define BARTIZAN_{0}_H_\n{1}#endif\n'


class CheckTest(unittest.TestCase):
    """A repository that lives as long as one test."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='bartizan-checks-')
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text, executable=False):
        whole = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(whole, 0o755 if executable else 0o644)

    def run_check(self, name, *arguments):
        """Exit status and output of a check of the made-up repository."""
        done = subprocess.run([os.path.join(HERE, name), f'--root={self.root}', *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def expect_clean(self, name, *arguments):
        status, output = self.run_check(name, *arguments)
        self.assertEqual(status, 0, output)

    def expect_finding(self, text, name, *arguments):
        status, output = self.run_check(name, *arguments)
        self.assertEqual(status, 1, output)
        self.assertIn(text, output)


class ArrowsTest(CheckTest):

    def setUp(self):
        super().setUp()
        self.write('src/base/bits.h', '')
        self.write('src/engine/heap.h', '#include "src/base/bits.h"\n#include "src/engine/slab.h"\n')
        self.write('src/engine/slab.h', '#include <stdint.h>\n')
        self.write('hardening/canaries.h', '#include "src/base/bits.h"\n')
        self.write('include/bartizan/bartizan.h', '')
        self.write('tests/unit/heap_test.cc', '#include "src/engine/heap.h"\n#include "gtest/gtest.h"\n')

    def test_downward_arrows_pass(self):
        self.write('src/abi/malloc.cc', '#include "bartizan/bartizan.h"\n#include "hardening/canaries.h"\n')
        self.expect_clean('arrows')

    def test_upward_arrow(self):
        self.write('src/base/text.h', '\n#include "src/engine/heap.h"\n')
        self.expect_finding('src/base/text.h:2: "src/engine/heap.h": src/base lies below src/engine', 'arrows')

    def test_siblings(self):
        self.write('hardening/zero.h', '  #  include "src/engine/heap.h"\n')
        self.expect_finding('siblings', 'arrows')
        self.write('hardening/zero.h', '')
        self.write('src/engine/run.cc', '#include "hardening/zero.h"\n')
        self.expect_finding('siblings', 'arrows')

    def test_library_includes_tests(self):
        self.write('tests/support/random.h', '')
        self.write('src/engine/run.cc', '#include "tests/support/random.h"\n')
        self.expect_finding('is part of the library', 'arrows')

    def test_tools_do_not_include_tests_but_fuzz_targets_do(self):
        self.write('tests/support/random.h', '')
        self.write('fuzz/heap_fuzz.cc', '#include "tests/support/random.h"\n#include "src/engine/heap.h"\n')
        self.expect_clean('arrows')
        self.write('tools/cli/main.cc', '#include "tests/support/random.h"\n')
        self.expect_finding('tools may not include tests', 'arrows')

    def test_not_from_the_root(self):
        self.write('src/engine/run.cc', '#include "heap.h"\n')
        self.expect_finding('no such file', 'arrows')

    def test_unknown_folder(self):
        self.write('src/extra/a.cc', '#include "src/base/bits.h"\n')
        self.expect_finding('has no place in the list', 'arrows')


class PreprocessorTest(CheckTest):

    def test_guards_and_platform_pass(self):
        self.write('src/base/bits.h', '// What it is.\n' + HEADER.format('SRC_BASE_BITS', 'int f();\n'))
        self.write('src/platform/cpu.h', HEADER.format('SRC_PLATFORM_CPU', '#if defined(__x86_64__)\n#endif\n'))
        self.write('include/bartizan/new.h', HEADER.format('NEW', '#ifdef __cplusplus\n#endif\n'))
        self.expect_clean('preprocessor')

    def test_conditional(self):
        self.write('src/engine/heap.cc', 'int a;\n#ifdef DEBUG\nint b;\n#endif\n')
        self.expect_finding('src/engine/heap.cc:2: "#ifdef DEBUG"', 'preprocessor')

    def test_conditional_inside_a_guard(self):
        self.write('hardening/zero.h', HEADER.format('HARDENING_ZERO', '#if defined(FAST)\n#endif\n'))
        self.expect_finding('hardening/zero.h:3', 'preprocessor')

    def test_conditional_in_a_comment_passes(self):
        self.write('src/engine/heap.cc', '/*\n#ifdef DEBUG\n*/\n')
        self.expect_clean('preprocessor')

    def test_guard_of_another_name(self):
        self.write('src/base/bits.h', HEADER.format('SRC_BASE_BYTES', ''))
        self.expect_finding('BARTIZAN_SRC_BASE_BITS_H_', 'preprocessor')

    def test_no_guard(self):
        self.write('src/base/bits.h', 'int f();\n')
        self.expect_finding('not enclosed', 'preprocessor')


class HygieneTest(CheckTest):

    def setUp(self):
        super().setUp()
        self.write('README.md', 'A project.\n')
        self.write('src/base/README.md', 'A folder.\n')
        self.write('src/base/bits.h', 'int a;\n' * 400)

    def test_clean(self):
        self.write('docs/README.md', 'An index.  \nNext.\n')
        self.write('docs/cost.png', b'\x89PNG\0\n')
        self.write('fuzz/README.md', 'A folder.\n')
        self.write('fuzz/corpus/heap/1', b'\0\1')
        self.write('src/base/paths.cc', '// See docs/work/plan and https://example.org/home/x; $HOME/a.\n')
        self.expect_clean('hygiene')

    def test_faults(self):
        faults = {
            ('notes.txt', 'x\n'): 'notes.txt: has no reason to be at the top',
            ('src/base/blob.dat', b'\0\n'): 'a binary',
            ('src/base/long.cc', 'int a;\n' * 401): '401 lines',
            ('src/base/string_util.h', 'int a;\n'): 'the name says nothing',
            ('src/engine/heap.cc', 'int a;\n'): 'src/engine: has neither README.md nor BUILD',
            ('src/base/a.cc', '// /' + 'home/joe/x\n'): 'a path of somebody',
            ('src/base/b.cc', '// "/' + 'work/main"\n'): 'a path of somebody',
            ('src/base/c.cc', 'int a; \n'): 'trailing blanks',
            ('src/base/d.cc', 'int a;'): 'no newline',
            ('src/base/e.cc', '<' * 7 + ' HEAD\n'): 'a conflict marker',
        }
        for (path, text), finding in faults.items():
            with self.subTest(path):
                self.write(path, text)
                self.expect_finding(finding, 'hygiene')
                os.unlink(os.path.join(self.root, path))
        shutil.rmtree(os.path.join(self.root, 'src/engine'))
        self.expect_clean('hygiene')


class ScriptsTest(CheckTest):

    def test_clean(self):
        self.write('tools/a', '#!/bin/bash\nset -euo pipefail\necho "$1"\n', executable=True)
        self.write('tools/b.py', 'print(1)\n')
        self.expect_clean('scripts')

    def test_faults(self):
        self.write('tools/a', '#!/bin/bash\necho\n', executable=True)
        self.expect_finding('tools/a: has no "set -euo pipefail"', 'scripts')
        self.write('tools/a', '#!/bin/bash\nset -euo pipefail\nrm $1\n', executable=True)
        self.expect_finding('SC2086', 'scripts')
        self.write('tools/a', '#!/usr/bin/env python3\nprint(\n', executable=True)
        self.expect_finding('tools/a:2', 'scripts')
        self.write('tools/a', '#!/usr/bin/env python3\nprint(1)\n')
        self.expect_finding('is not executable', 'scripts')


class FormatAndLintTest(CheckTest):

    def setUp(self):
        super().setUp()
        for name in ('.clang-format', '.clang-tidy'):
            shutil.copy(os.path.join(HERE, '..', '..', name), self.root)
        self.cache = tempfile.mkdtemp(prefix='bartizan-checks-')
        self.addCleanup(shutil.rmtree, self.cache)
        before = os.environ.get('XDG_CACHE_HOME')
        self.addCleanup(lambda: os.environ.pop('XDG_CACHE_HOME') if before is None else
                        os.environ.update(XDG_CACHE_HOME=before))
        os.environ['XDG_CACHE_HOME'] = self.cache

    def test_format(self):
        self.write('src/a.cc', 'int Zero() { return 0; }\n')
        self.expect_clean('format')
        self.write('src/a.cc', 'int   Zero(){return 0;}\n')
        self.expect_finding('src/a.cc:1: not formatted', 'format')
        self.expect_clean('format', '--fix')
        self.expect_clean('format')

    def test_lint_remembers_only_what_is_clean(self):
        self.write('src/a.h', 'inline int* Nothing() { return nullptr; }\n')
        self.write('src/a.cc', '#include "src/a.h"\n')
        self.expect_clean('lint')
        self.expect_clean('lint')
        # A header alone changes.
        self.write('src/a.h', 'inline int* Nothing() { return 0; }\n')
        for _ in range(2):
            self.expect_finding('modernize-use-nullptr', 'lint')


class PackagesTest(CheckTest):

    def test_list(self):
        self.write('tools/setup/packages.txt', '# A list.\n[build]\na1\nb1\n\n[test]\n# Group.\nb1\n# Group.\na1\n')
        self.expect_clean('packages')
        self.write('tools/setup/packages.txt', '[build]\nb1\na1\n')
        self.expect_finding('a1 comes before b1', 'packages')
        self.write('tools/setup/packages.txt', '[build]\na1\n# Group.\na1\n')
        self.expect_finding('listed twice', 'packages')
        self.write('tools/setup/packages.txt', '[else]\na1\n')
        self.expect_finding('is unknown', 'packages')

    def test_needs_of_programs(self):
        self.write('tools/setup/packages.txt', '[compat]\nperl\n')
        self.write('tools/compat', '#!/bin/sh\necho "perl\n   needs: perl ruby"\n', executable=True)
        self.expect_finding('ruby is missing', 'packages')


class SymbolsTest(CheckTest):
    """Libraries with one fault each, built here."""

    CLEAN = ('__attribute__((visibility("default"))) void* malloc(unsigned long n) { (void)n; return 0; }\n'
             '__attribute__((visibility("default"))) int bartizan_version(void) { return 1; }\n')

    def setUp(self):
        super().setUp()
        self.write('tools/checks/exported_symbols.txt', '# Names.\nbartizan_*\nmalloc\n')
        self.write('tools/checks/exported_library_calls.txt', '# Names.\nmemset\n')

    def build(self, more='', *flags, name='liba.so'):
        self.write('a.c', self.CLEAN + more)
        library = os.path.join(self.root, name)
        subprocess.run(['clang-19', '-shared', '-fPIC', '-O1', '-fvisibility=hidden', '-fuse-ld=lld', '-Wl,-z,now',
                        '-ftls-model=initial-exec', '-o', library, os.path.join(self.root, 'a.c'), *flags], check=True)
        return library

    def test_clean(self):
        self.expect_clean('symbols', self.build('__thread long a[8];\n'
                                                'long* __attribute__((used)) F(int i) { return a + i; }\n'))

    def test_exports(self):
        self.expect_finding('exports Extra', 'symbols', self.build('__attribute__((visibility("default"))) int Extra;\n'))
        self.write('tools/checks/exported_symbols.txt', 'bartizan_*\nfree\nmalloc\n')
        self.expect_finding('does not export free', 'symbols', self.build())

    def test_library_calls(self):
        memset = ('__attribute__((visibility("default"))) void* memset(void* p, int n, unsigned long m)'
                  ' { (void)n; (void)m; return p; }\n')
        whole = 'libbartizan.so'
        self.expect_clean('symbols', self.build(memset, '-fno-builtin', name=whole))
        self.expect_finding('exports memset', 'symbols', self.build(memset, '-fno-builtin'))
        self.expect_finding('does not export memset', 'symbols', self.build(name=whole))
        called = memset + 'void* __attribute__((used)) F(void* p) { return memset(p, 0, 8); }\n'
        self.expect_finding('calls the memset that it exports', 'symbols',
                            self.build(called, '-fno-builtin', '-O0', name=whole))
        indirect = ('static void* Set(void* p, int n, unsigned long m) { (void)n; (void)m; return p; }\n'
                    'static void* (*Resolve(void))(void*, int, unsigned long) { return Set; }\n'
                    '__attribute__((visibility("default"), ifunc("Resolve"))) '
                    'void* memset(void*, int, unsigned long);\n')
        self.expect_finding('indirect function memset', 'symbols', self.build(indirect, '-fno-builtin', name=whole))

    def test_thread_local_storage(self):
        use = 'long* __attribute__((used)) F(int i) { return a + i; }\n'
        self.expect_finding('has 72 bytes of thread-local storage', 'symbols', self.build('__thread long a[9];\n' + use))
        self.expect_finding('__tls_get_addr', 'symbols',
                            self.build('__thread long a[1];\n' + use, '-ftls-model=global-dynamic'))

    def test_needs(self):
        flags = ('-Wl,--no-as-needed', '-lm')
        self.expect_finding('needs the library libm.so.6', 'symbols', self.build('', *flags))
        newer = ('int pthread_key_create(unsigned*, void (*)(void*));\n'
                 'int __attribute__((used)) F(unsigned* key) { return pthread_key_create(key, 0); }\n')
        self.expect_finding('needs pthread_key_create of GLIBC_2.34', 'symbols', self.build(newer))
        undefined = 'int nobody(void); int __attribute__((used)) F(void) { return nobody(); }\n'
        self.expect_finding('needs nobody of no library', 'symbols', self.build(undefined))

    def test_segments(self):
        self.expect_finding('executable stack', 'symbols', self.build('', '-Wl,-z,execstack'))
        self.expect_finding('not bound at load', 'symbols', self.build('', '-Wl,-z,lazy'))
        self.expect_finding('no read-only relocations', 'symbols', self.build('', '-Wl,-z,norelro'))
        table = 'int* __attribute__((used)) const table[] = {(int*)table};\n'
        self.expect_finding('relocations in code', 'symbols',
                            self.build('__asm__(".section .code,\\"ax\\"\\n.quad table\\n.text");\n' + table,
                                       '-Wl,-z,notext'))


class HelpTest(unittest.TestCase):

    def test_every_check_explains_itself(self):
        for name in ('arrows', 'format', 'hygiene', 'lint', 'packages', 'preprocessor', 'scripts', 'symbols'):
            with self.subTest(name):
                done = subprocess.run([os.path.join(HERE, name), '--help'], stdout=subprocess.PIPE, text=True, check=True)
                self.assertIn('Checks' if name != 'lint' else 'Runs clang-tidy', done.stdout)


if __name__ == '__main__':
    unittest.main()
