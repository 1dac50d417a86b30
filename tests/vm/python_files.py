"""Finds what a Python script needs of the interpreter's library, for a machine that has none of it."""

import os
import subprocess
import sys

INTERPRETER = '/usr/bin/python3'
# Neither the user's nor the system's additions: -I -S. As outside: no __pycache__ beside the script.
FLAGS = ('-I', '-S', '-B')

# Imports the script, as a module, with the arguments given, and prints what was loaded by then.
LOOK = '''
import runpy, sys
script, *sys.argv[1:] = sys.argv[1:]
runpy.run_path(script, run_name="imported")
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "", getattr(module, "__cached__", None) or "", sep="\\t")
'''


class PythonError(Exception):
    """The script cannot be imported here; the text says why."""


def needed(script, arguments):
    """Pairs of a file here and its path in the machine, the script itself excepted.

    What is compiled goes in compiled, in the place of the source: compiling takes long there, and
    the times of files that the compiled form is compared with are not kept.
    """
    done = subprocess.run([INTERPRETER, *FLAGS, '-c', LOOK, script, *arguments], capture_output=True, text=True,
                          env={'PATH': os.environ.get('PATH', '')}, check=False)
    if done.returncode != 0:
        raise PythonError(f'{script}: {done.stderr.strip()[-500:]}')
    pairs = []
    for line in done.stdout.splitlines():
        source, compiled = line.split('\t')
        if compiled and source.endswith('.py') and os.path.exists(compiled):
            pairs.append((compiled, source + 'c'))
        elif source and source != script:
            pairs.append((source, source))
    return sorted(pairs)


def command(script, arguments):
    """The words that run it there."""
    return [INTERPRETER, *FLAGS, script, *arguments]


if __name__ == '__main__':
    for here, there in needed(os.path.abspath(sys.argv[1]), sys.argv[2:]):
        print(here, there)
