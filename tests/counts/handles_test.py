#!/usr/bin/env python3
"""Compares how many instructions the functions of handles execute in the library with tests/counts/golden_handles.txt.

As a test (bazel test //tests/counts:handles_test) it compares; by hand, after
`bazel build //:bartizan //:bartizan_fast //tests/counts:count_instructions`, tests/counts/handles_test.py [--update].

Blocks of 64 bytes; resolve, pin and unpin know nothing of sizes. What is counted, and how, is said in README.md.
"""

import sys

sys.dont_write_bytecode = True
import copies_test  # pylint: disable=wrong-import-position

# Nothing is done because time has passed: a process that is stepped is slow.
ALWAYS = 'decay=3600000:wide_vectors=off:sampling=off'
CONFIGURATIONS = (('fast_static', 'libbartizan-fast.so', f'profile=fast:{ALWAYS}'),
                  *((profile, 'libbartizan.so', f'profile={profile}:{ALWAYS}')
                    for profile in ('fast', 'hardened', 'strict')))
HEADER = f'''\
# Instructions of the functions of handles inside the library, blocks of 64 bytes; README.md in this folder explains them.
# Written by: tests/counts/handles_test.py --update
# {'configuration':22}{'function':22}{'instructions':>14}{'calls out':>11}
'''

if __name__ == '__main__':
    sys.exit(copies_test.run(__file__, __doc__, 'handles', HEADER, CONFIGURATIONS))
