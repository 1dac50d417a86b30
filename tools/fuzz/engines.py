"""How the two fuzzing engines are started, and what they say about themselves."""

import dataclasses
import hashlib
import os
import platform
import re

SANITIZER_VARIABLES = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:symbolize=1:handle_abort=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
AFL_VARIABLES = {
    "AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1", "AFL_AUTORESUME": "1",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
}
ONE_INPUT_SECONDS = 10


@dataclasses.dataclass
class Figures:
    """What one run of an engine did."""

    executions: int = 0
    edges: int = 0
    inputs: int = 0


def host_name(host=""):
    """This machine in names of files and of instances: machines that share a folder must not share those."""
    host = host or platform.node() or "host"
    plain = re.sub(r"[^A-Za-z0-9]", "-", host)
    # AFL++ takes letters, digits, - and _, and 32 of them.
    return plain if plain == host and len(host) <= 20 else f"{plain[:13]}-{hashlib.sha1(host.encode()).hexdigest()[:6]}"


def instance_name(instance, host=""):
    """What AFL++ calls it: the first instance of each machine is a main one, as AFL++'s manual has it for several machines."""
    return f"{host_name(host)}-" + ("main" if instance == 0 else f"secondary{instance}")


def libfuzzer_words(binary, target, place, seconds, executions, root):
    """The command line that fuzzes for so long, or so often."""
    words = [binary, f"-max_len={target.length}", f"-timeout={ONE_INPUT_SECONDS}", f"-artifact_prefix={place.found}/",
             "-print_final_stats=1", "-rss_limit_mb=4096", "-reload=1"]
    words.append(f"-runs={executions}" if executions else f"-max_total_time={max(1, int(seconds))}")
    if target.dictionary:
        words.append("-dict=" + os.path.join(root, "fuzz", target.dictionary))
    seeds = [folder for folder in (target.corpus(root), target.crashes(root)) if os.path.isdir(folder)]
    return words + [place.corpus] + seeds


def read_libfuzzer(output):
    """The figures in what libFuzzer printed."""
    executions = re.findall(r"^stat::number_of_executed_units: (\d+)", output, re.MULTILINE)
    status = re.findall(r"^#(\d+)\s.* cov: (\d+) .*corp: (\d+)/", output, re.MULTILINE)
    last = status[-1] if status else ("0", "0", "0")
    return Figures(int(executions[-1]) if executions else int(last[0]), int(last[1]), int(last[2]))


def afl_words(binaries, target, place, seconds, executions, root, instance):
    """The first instance is the main one and compares by the CMPLOG twin; the others differ by chance."""
    words = ["afl-fuzz", "-i", place.seeds, "-o", place.afl, "-G", str(target.length), "-t", str(1000 * ONE_INPUT_SECONDS)]
    words += ["-M" if instance == 0 else "-S", instance_name(instance)]
    words += ["-c", binaries["cmplog"]] if instance == 0 and "cmplog" in binaries else []
    words += ["-E", str(executions)] if executions else ["-V", str(max(1, int(seconds)))]
    if target.dictionary:
        words += ["-x", os.path.join(root, "fuzz", target.dictionary)]
    return words + ["--", binaries["afl"]]


def read_afl(text):
    """The figures of a fuzzer_stats file."""
    found = dict(re.findall(r"^(\w+)\s*: (\S+)", text, re.MULTILINE))
    return Figures(int(found.get("execs_done", 0)), int(found.get("edges_found", 0)), int(found.get("corpus_count", 0)))
