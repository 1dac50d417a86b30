"""Crashes: which are the same, by where they end, and how each is kept."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from fuzz import engines

# Frames that say nothing about the defect: runtimes, engines, and what every case goes through.
_SAYS_NOTHING = re.compile(r"fuzzer::|__sanitizer|__asan|__ubsan|__interceptor|sanitizer_|libc\.so|LLVMFuzzer|fuzz::Found|"
                           r"^(raise|abort|main|_start|gsignal|__pthread_kill\w*|__libc_start\w*)$")
_FRAMES = 3


def key_of(output):
    """A short name for where it ended and why, the same for equal defects."""
    output = output.replace("(anonymous namespace)::", "")
    found = re.search(r"fuzz: found: (\S+?):\d+: expected (.*?): ", output)
    report = re.search(r"bartizan: fatal: (.*?);", output)
    error = re.search(r"ERROR: (?:AddressSanitizer|libFuzzer): ([\w-]+)|runtime error: ([^\n]{,60})", output)
    frames = [name for name in re.findall(r"^\s*#\d+ 0x\w+ in (.*?)(?:\(| /| \(|$)", output, re.MULTILINE)
              if name and not _SAYS_NOTHING.search(name)][:_FRAMES]
    why = " ".join(filter(None, [found and " ".join(found.groups()), report and report.group(1),
                                 error and (error.group(1) or error.group(2))]))
    name = re.sub(r"[^a-z0-9]+", "-", (why or "crash").lower()).strip("-")[:50]
    return f"{name}-{hashlib.sha1(' '.join([why, *frames]).encode()).hexdigest()[:8]}"


def replay(binary, path):
    """Whether the input still ends the process, and what it prints."""
    try:
        done = subprocess.run([binary, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", check=False, timeout=3 * engines.ONE_INPUT_SECONDS,
                              env=os.environ | engines.SANITIZER_VARIABLES)
    except subprocess.TimeoutExpired as expired:
        return True, "ERROR: libFuzzer: timeout\n" + str(expired.output or "")
    return done.returncode != 0, done.stdout


def minimise(binary, path, output):
    """Makes the input as small as it gets in half a minute; it still ends in the same place."""
    smaller = path + ".smaller"
    with tempfile.TemporaryDirectory(prefix="bartizan-fuzz-") as steps:
        subprocess.run([binary, "-minimize_crash=1", "-max_total_time=30", f"-exact_artifact_path={smaller}", path],
                       cwd=steps, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                       env=os.environ | engines.SANITIZER_VARIABLES)
    if os.path.exists(smaller):
        crashes, now = replay(binary, smaller)
        if crashes and key_of(now) == key_of(output):
            os.replace(smaller, path)
        else:
            os.remove(smaller)


def sort(binary, found, kept):
    """Moves new inputs from the folder `found` to `kept`, one for each defect; the names of those that are new."""
    new = []
    os.makedirs(kept, exist_ok=True)
    for name in sorted(os.listdir(found)):
        path = os.path.join(found, name)
        crashes, output = replay(binary, path)
        key = key_of(output) if crashes else ""
        if crashes and not os.path.exists(os.path.join(kept, key)):
            minimise(binary, path, output)
            shutil.copy(path, os.path.join(kept, key))
            with open(os.path.join(kept, key + ".txt"), "w", encoding="utf-8") as file:
                file.write(output)
            new.append(key)
        os.remove(path)
    return new


def open_ones(kept):
    """The names of the crashes that are kept in the folder."""
    return sorted(name for name in os.listdir(kept) if not name.endswith(".txt")) if os.path.isdir(kept) else []
