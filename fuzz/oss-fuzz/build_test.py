#!/usr/bin/env python3
"""Runs build.sh in the environment of OSS-Fuzz, checks the layout of what it makes, and runs every binary.

For each configuration: the fuzz targets that Bazel knows and those in the folder are the same; each has its seeds, options and,
if it has words, dictionary; each binary replays its seeds, then runs so many new inputs. No container is needed. The last line is
`N passed, M failed`.
"""

import argparse
import concurrent.futures
import configparser
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
SECONDS = 300  # for one binary

# Those of the service's base image (infra/base-images/base-builder in google/oss-fuzz).
COMMON = "-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
ADDRESS = "-fsanitize=address -fsanitize-address-use-after-scope"
_FATAL = "bool,array-bounds,float-divide-by-zero,function,integer-divide-by-zero,return,shift,signed-integer-overflow,vla-bound,vptr"
UNDEFINED = f"-fsanitize={_FATAL},unsigned-integer-overflow -fno-sanitize-recover={_FATAL}"
COVERAGE = ("-fprofile-instr-generate -fcoverage-mapping -pthread -Wl,--no-as-needed -Wl,-ldl -Wl,-lm "
            "-Wno-unused-command-line-argument")


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What the service sets."""

    name: str
    sanitizer: str
    flags: str
    engine: str = "libfuzzer"
    linked: str = "-fsanitize=fuzzer"

    def environment(self, folder):
        flags = f"{COMMON} {self.flags}"
        variables = {"SRC": os.path.dirname(ROOT), "OUT": os.path.join(folder, "out"), "WORK": os.path.join(folder, "work"),
                     "SANITIZER": self.sanitizer, "FUZZING_ENGINE": self.engine, "LIB_FUZZING_ENGINE": self.linked,
                     "CC": "clang-19", "CXX": "clang++-19", "CFLAGS": flags, "CXXFLAGS": f"{flags} -stdlib=libc++"}
        return os.environ | variables


CONFIGURATIONS = (
    Configuration("libfuzzer-address", "address", f"{ADDRESS} -fsanitize=fuzzer-no-link"),
    Configuration("libfuzzer-undefined", "undefined", f"{UNDEFINED} -fsanitize=fuzzer-no-link"),
    Configuration("libfuzzer-coverage", "coverage", COVERAGE),
    # With the service's own work-around for where afl-clang-fast does not serve: Debian's is of an older clang.
    Configuration("afl-address", "address", f"{ADDRESS} -fsanitize-coverage=trace-pc-guard", "afl",
                  "/usr/lib/afl/libAFLDriver.a /usr/lib/afl/afl-compiler-rt.o -ldl"),
)
VARIABLES = {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0:symbolize=0", "UBSAN_OPTIONS": "silence_unsigned_overflow=1",
             "AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
             "AFL_MAP_SIZE": "262144"}


def declared():
    """Target -> whether it has a dictionary, as Bazel knows them: all that the macro made."""
    def query(text):
        done = subprocess.run(["bazel", "query", "--noshow_progress", text], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bazel query {text}: {done.stderr}")
        return {label.partition(":")[2] for label in done.stdout.split()}

    made = 'attr(generator_function, "^fuzz_target$", //fuzz/...)'
    names = {name.removesuffix("_replay") for name in query(f"kind(cc_binary, {made})") if name.endswith("_replay")}
    words = {name.removesuffix("_fuzzer_dictionary") for name in query(f"kind(genrule, {made})")}
    return {name: name in words for name in names}


def check_layout(out, targets):
    """What is wrong with the folder: every target has what belongs to it, and nothing else is there."""
    wrong, expected = [], set()
    for target, has_dictionary in targets.items():
        fuzzer = f"{target}_fuzzer"
        expected |= {fuzzer, f"{fuzzer}_seed_corpus.zip", f"{fuzzer}.options"} | ({f"{fuzzer}.dict"} if has_dictionary else set())
    present = set(os.listdir(out)) - {"proc"}
    wrong += [f"{name} is missing" for name in sorted(expected - present)]
    wrong += [f"{name} belongs to no target" for name in sorted(present - expected)]
    for name in sorted(expected & present):
        path = os.path.join(out, name)
        if name.endswith("_fuzzer") and not os.access(path, os.X_OK):
            wrong.append(f"{name} cannot be run")
        if name.endswith(".options") and not read_options(path).get("libfuzzer", "max_len", fallback="").isdecimal():
            wrong.append(f"{name} has no max_len")
        if name.endswith(".zip"):
            wrong += check_seeds(path, name.removesuffix("_fuzzer_seed_corpus.zip"))
    return wrong


def read_options(path):
    options = configparser.ConfigParser()
    options.read(path)
    return options


def check_seeds(path, target):
    kept = [os.path.join(folder, name) for kind in ("corpus", "crashes")
            for folder, _, names in os.walk(os.path.join(ROOT, "fuzz", kind, target)) for name in names]
    with zipfile.ZipFile(path) as archive:
        packed = sorted(archive.read(name) for name in archive.namelist())
    contents = []
    for one in kept:
        with open(one, "rb") as file:
            contents.append(file.read())
    return [] if packed and packed == sorted(contents) else [f"{os.path.basename(path)} does not hold the inputs of {target}"]


def run_one(configuration, out, target, executions):
    """What is wrong with one binary, or nothing. It runs where it was not built, as in the service."""
    with tempfile.TemporaryDirectory(prefix="bartizan-oss-fuzz-") as folder:
        fuzzer = os.path.join(folder, f"{target}_fuzzer")
        shutil.copy(os.path.join(out, f"{target}_fuzzer"), fuzzer)
        seeds, found = os.path.join(folder, "seeds"), os.path.join(folder, "found")
        with zipfile.ZipFile(os.path.join(out, f"{target}_fuzzer_seed_corpus.zip")) as archive:
            archive.extractall(seeds)
        inputs = [os.path.join(seeds, name) for name in os.listdir(seeds)]
        length = read_options(os.path.join(out, f"{target}_fuzzer.options")).get("libfuzzer", "max_len")
        os.mkdir(found)
        if configuration.engine == "libfuzzer":
            lines = [[fuzzer, *inputs], [fuzzer, f"-runs={len(inputs) + executions}", f"-max_len={length}", "-seed=1", found, seeds]]
        else:
            lines = [[fuzzer, *inputs], ["afl-fuzz", "-i", seeds, "-o", found, "-G", length, "-t", "10000", "-E", str(executions),
                                         "--", fuzzer]]
        for words in lines:
            try:
                done = subprocess.run(words, cwd=folder, env=os.environ | VARIABLES, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
            except subprocess.TimeoutExpired:
                return f"{' '.join(words)[:200]} does not end"
            if done.returncode != 0:
                return f"{' '.join(words)[:200]} ends with {done.returncode}: {done.stdout.decode(errors='replace')[-2000:]}"
        return "" if configuration.engine == "libfuzzer" else read_afl(os.path.join(found, "default"), executions)


def read_afl(folder, executions):
    """What is wrong with what AFL++ did."""
    with open(os.path.join(folder, "fuzzer_stats"), encoding="utf-8") as file:
        figures = dict(map(str.strip, line.split(":", 1)) for line in file if ":" in line)
    if int(figures["execs_done"]) < executions or int(figures["edges_found"]) < 10:
        return f"AFL++ did nothing: {figures}"
    return f"AFL++ kept {figures['saved_crashes']} crashes" if figures["saved_crashes"] != "0" else ""


def try_one(configuration, targets, executions, say):
    """(passed, failed) of one configuration."""
    with tempfile.TemporaryDirectory(prefix="bartizan-oss-fuzz-") as folder:
        environment = configuration.environment(folder)
        os.mkdir(environment["WORK"])
        done = subprocess.run([os.path.join(ROOT, "fuzz", "oss-fuzz", "build.sh")], cwd=folder, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        try:
            if done.returncode != 0:
                return 0, say(f"build.sh ends with {done.returncode}:\n{done.stdout[-5000:]}")
            wrong = check_layout(environment["OUT"], targets)
            failed = sum(say(line) for line in wrong)
            if wrong:
                return 0, failed
            with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                results = list(pool.map(lambda target: run_one(configuration, environment["OUT"], target, executions),
                                        sorted(targets)))
            failed += sum(say(line) for line in results if line)
            return 1 + results.count(""), failed
        finally:
            # Bazel takes away the right to write to folders.
            subprocess.run(["chmod", "-R", "u+w", environment["WORK"]], check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=500, metavar="N", help="of new inputs, for each binary")
    parser.add_argument("--only", default="", metavar="A,B", help=", ".join(each.name for each in CONFIGURATIONS))
    asked = parser.parse_args()
    targets = declared()
    passed = failed = 0
    for configuration in CONFIGURATIONS:
        if asked.only and configuration.name not in asked.only.split(","):
            continue

        def say(line, name=configuration.name):
            print(f"{name}: {line}", flush=True)
            return 1

        good, bad = try_one(configuration, targets, asked.executions, say)
        say(f"{good} passed, {bad} failed, {len(targets)} targets")
        passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
