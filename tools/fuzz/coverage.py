"""Line coverage of the library by llvm-cov: by what is kept of all targets, and by these and the tests together."""

import collections
import os
import re
import shutil
import subprocess

LLVM = "19"
_COUNTED = re.compile(r"^(?:src|hardening)/")
# Without those that look at the machine code of the release, or run other tests in many more settings.
_TESTS = ("--", "//tests/...", "//fuzz/...", "-//tests/counts/...", "-//tests/layers/...")


def have_tools():
    return all(shutil.which(f"{name}-{LLVM}") for name in ("llvm-cov", "llvm-profdata"))


def replay(root, folder, binaries, places):
    """Runs all that is kept of each target; its counters go to the folder."""
    for name, binary in binaries.items():
        inputs = [path for path in (os.path.join(root, "fuzz", "corpus", name), os.path.join(root, "fuzz", "crashes", name),
                                    places[name].corpus) if os.path.isdir(path)]
        subprocess.run([binary, *inputs], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False, env=os.environ | {"LLVM_PROFILE_FILE": counters(folder)})


def counters(folder):
    """Counters are mapped from their file: processes that abort, and children that end without exit, count, too."""
    return os.path.join(folder, "%c%m.profraw")


def run_tests(root, folder):
    """Runs all tests, built to be counted; the names of those that fail. Their programs are what `objects` returns."""
    # A file for each test: what is counted before the counters are mapped is lost where the file was there before.
    script = os.path.join(folder, "counted")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n"
                   f'LLVM_PROFILE_FILE="{folder}/$(echo "$TEST_TARGET" | tr -c "a-zA-Z0-9\\n" _)-%c%m.profraw" exec "$@"\n')
    os.chmod(script, 0o755)
    # Those of earlier runs would speak of earlier sources; what is still wanted is linked again.
    for path in objects(root):
        os.chmod(os.path.dirname(path), 0o755)
        os.remove(path)
    # In a sandbox the folder could not be written to.
    words = ["bazel", "test", "--config=coverage", "--keep_going", "--curses=no", "--color=no", "--noshow_progress",
             "--strategy=TestRunner=local", "--nocache_test_results", "--test_output=summary",
             f"--run_under={script}", *_TESTS]
    done = subprocess.run(words, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return re.findall(r"^(//\S+) +(?:FAILED|TIMEOUT|NO STATUS)", done.stdout, re.MULTILINE)


def objects(root):
    """All programs and shared libraries that the tests used."""
    built = os.path.realpath(os.path.join(root, "bazel-coverage-bin"))
    found = []
    for folder, folders, names in os.walk(built):
        folders[:] = [name for name in folders if name != "_objs" and not name.endswith(".runfiles")]
        for path in (os.path.join(folder, name) for name in names):
            if not os.access(path, os.X_OK):
                continue
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(path)
    return sorted(found)


def read(root, folder, programs):
    """{file: {line: times}} of src and hardening."""
    raw = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".profraw")]
    profile = os.path.join(folder, "all.profdata")
    subprocess.run([f"llvm-profdata-{LLVM}", "merge", "-sparse", *raw, "-o", profile], check=True)
    words = [programs[0]] + [f"-object={path}" for path in programs[1:]] + [f"-instr-profile={profile}"]
    # Paths are those of Bazel's sandbox.
    words += [f"-path-equivalence=/proc/self/cwd,{root}", "-ignore-filename-regex=/usr/"]
    exported = subprocess.run([f"llvm-cov-{LLVM}", "export", "-format=lcov", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=True).stdout
    subprocess.run([f"llvm-cov-{LLVM}", "show", "-format=html", f"-output-dir={folder}/html", *words],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return parse(exported, root)


def parse(exported, root):
    """{file: {line: times}} of what llvm-cov exports as lcov."""
    files, lines = collections.defaultdict(dict), None
    for entry in exported.splitlines():
        kind, _, value = entry.partition(":")
        if kind == "SF":
            path = value.removeprefix("/proc/self/cwd/").removeprefix(root + "/")
            lines = files[path] if _COUNTED.search(path) else None
        elif kind == "DA" and lines is not None:
            line, times = map(int, value.split(",")[:2])
            lines[line] = max(times, lines.get(line, 0))
    return {path: lines for path, lines in files.items() if lines}


def share(files):
    """Of all lines, the part that is covered."""
    every = [times for lines in files.values() for times in lines.values()]
    return sum(times > 0 for times in every) / len(every) if every else 0.0


def uncovered(files):
    """[(file, line)], in order."""
    return [(path, line) for path, lines in sorted(files.items()) for line, times in sorted(lines.items()) if not times]
