"""Interpreters and virtual machines: each runs the words workload in its own language."""

import re

from .. import words
from ..program import find, program

SEEDS = (42, 7)
PYTHON_TESTS = ("test_json", "test_fork1", "test_threading")
# Debian leaves these out of its package; a Python given with --program=python3=PATH may have them.
PYTHON_SQLITE_TESTS = "test_sqlite3"


def words_command(run, count, *command, extra=None):
    """Runs the words workload and compares what it printed with the known answer."""
    printed = run.guarded(*command, count, *SEEDS, extra=extra).out
    run.check(printed == words.answer(count, *SEEDS),
              f"{command[0]} printed {len(printed)} bytes that differ from the known answer")


def words_done(count):
    """For the table."""
    return f"{count * len(SEEDS):,} string operations with a known answer"


@program("python-tests", does="its own tests of json, threading and fork; the sqlite3 module",
         needs=[("python3", "python3"), ("/usr/lib/python3*/test/test_json", "libpython3.11-testsuite")],
         loaded=["python3"])
def python_tests(run):
    tests = list(run.size(PYTHON_TESTS[:2], PYTHON_TESTS))
    if run.plain("python3", "-c", f"import test.{PYTHON_SQLITE_TESTS}", expect=None).status == 0:
        tests.append(PYTHON_SQLITE_TESTS)
    # Memory from malloc instead of Python's own pools: every object of the tests goes through the library.
    done = run.guarded("python3", "-m", "test", "--timeout=200", *tests, extra={"PYTHONMALLOC": "malloc"})
    run.check(re.search(r"^(Tests result|Result): SUCCESS$", done.text, re.MULTILINE), "no success reported")
    run.check(f"All {len(tests)} tests OK" in done.text, f"not all of {len(tests)} tests ran")
    printed = run.guarded("python3", run.input("rows.py"), extra={"PYTHONMALLOC": "malloc"}).text
    run.equal("what rows.py says", printed, "rows ok\n")
    run.did = f"its own regression tests: {' '.join(tests)}; sqlite3 with callbacks, backup and threads"


@program("python-json", does="threads, JSON and a known answer", needs=[("python3", "python3")],
         loaded=["python3"])
def python_json(run):
    count = run.size(100_000, 400_000, 2_000_000)
    script = run.input("words.py")
    words_command(run, count, "python3", "-B", script, extra={"PYTHONMALLOC": "malloc"})
    words_command(run, count, "python3", "-B", script)
    run.did = f"{words_done(count)}, threads, JSON; PYTHONMALLOC=malloc and default"


@program("perl", does="words with a known answer", needs=[("perl", "perl")], loaded=["perl"])
def perl(run):
    count = run.size(400_000, 2_000_000, 8_000_000)
    words_command(run, count, "perl", run.input("words.pl"))
    run.did = f"{words_done(count)}, forks, patterns"


@program("ruby", does="words with a known answer", needs=[("ruby", "ruby")], loaded=["ruby"])
def ruby(run):
    count = run.size(200_000, 1_000_000, 4_000_000)
    words_command(run, count, "ruby", run.input("words.rb"))
    run.did = f"{words_done(count)}, threads, JSON, zlib"


@program("php", does="words with a known answer, without modules", needs=[("php", "php-cli")], loaded=["php"])
def php(run):
    count = run.size(300_000, 2_000_000, 8_000_000)
    words_command(run, count, "php", "-n", run.input("words.php"), extra={"USE_ZEND_ALLOC": "0"})
    words_command(run, count, "php", "-n", run.input("words.php"))
    run.did = f"{words_done(count)}, JSON; USE_ZEND_ALLOC=0 and default; no modules"


# On request only: no preloaded malloc that exports nothing but malloc's own family can pass
# (docs/compatibility.md).
@program("php-modules", does="words with a known answer, with the modules that are installed",
         needs=[("php", "php-cli")], loaded=["php"], on_request=True,
         hint="PHP opens its modules with RTLD_DEEPBIND: they call the C library's free with blocks of the preloaded malloc")
def php_modules(run):
    count = run.size(300_000, 1_000_000, 4_000_000)
    modules = run.guarded("php", "-m").text
    run.check("PDO" in modules and "readline" in modules, "the modules of php-cli are not loaded")
    words_command(run, count, "php", run.input("words.php"), extra={"USE_ZEND_ALLOC": "0"})
    words_command(run, count, "php", run.input("words.php"))
    run.did = f"{words_done(count)}, JSON; USE_ZEND_ALLOC=0 and default; modules opened with RTLD_DEEPBIND"


@program("lua", does="words with a known answer", needs=[("lua5.4", "lua5.4")], loaded=["lua5.4"],
         version=("lua5.4", "-v"))
def lua(run):
    count = run.size(300_000, 2_000_000, 8_000_000)
    words_command(run, count, "lua5.4", run.input("words.lua"))
    run.did = f"{words_done(count)}, coroutines"


@program("gawk", does="words with a known answer", needs=[("gawk", "gawk")], loaded=["gawk"])
def gawk(run):
    count = run.size(100_000, 400_000, 2_000_000)
    words_command(run, count, "gawk", "-f", run.input("words.awk"))
    run.did = words_done(count)


@program("node", does="words with a known answer", needs=[("node", "nodejs")], loaded=["node"])
def node(run):
    count = run.size(200_000, 800_000, 3_000_000)
    words_command(run, count, "node", run.input("words.js"))
    run.did = f"{words_done(count)}, worker threads, JSON, zlib, ciphers"


@program("java", does="words with a known answer", needs=[("java", "default-jre-headless"),
                                                          ("javac", "default-jdk-headless")], loaded=["java"])
def java(run):
    count = run.size(200_000, 1_000_000, 4_000_000)
    words_command(run, count, find("java"), "-Xmx512m", run.input("Words.java"))
    run.did = f"{words_done(count)}, compiled from source, threads, gzip, direct buffers"
