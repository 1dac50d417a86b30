#!/usr/bin/env python3
"""Every call of the system that may be refused is refused at least once by what is kept of some targets.

The places are those in the sources of the library that call a function of src/platform which the harness can refuse
(fuzz/harness/system.h). Which of them were met is what the replay binary says, by lines of the sources.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
TARGETS = ("syscall_failures", "handle", "epoch")
CONFIGURATION = "fuzz"  # in which every call returns to its caller
REFUSED = ("ClaimAt", "ClaimAnywhere", "SetAccess", "DropPages", "Release", "MovePages", "GrowInPlace", "InstallGuard",
           "RemoveGuard", "ResidentPages")
# Where only a thread comes that has lost a race, which one that plays all others never does; what it gives back is address
# space that nobody has touched.
RACES = {"src/metadata/stack_table.cc": "platform::Release(place, bytes);"}
CALL = re.compile(rf"\bplatform::(?:{'|'.join(REFUSED)})\(")


def places_in_sources():
    """{(file, line): text} of all calls."""
    places = {}
    for folder in ("src/engine", "src/metadata", "hardening"):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if not name.endswith((".cc", ".h")):
                continue
            path = os.path.join(folder, name)
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if CALL.search(line) and RACES.get(path) != line.strip():
                        places[path, number] = line.strip()
    return places


def places_met(target):
    """{(file, line)} of the calls that were refused while the target's inputs were replayed."""
    binary = os.path.join(ROOT, f"bazel-{CONFIGURATION}-bin", "fuzz", f"{target}_replay")
    with tempfile.TemporaryDirectory() as folder:
        sites = os.path.join(folder, "sites")
        inputs = [os.path.join(ROOT, "fuzz", kept, target) for kept in ("corpus", "crashes")]
        subprocess.run([binary, *filter(os.path.isdir, inputs)], check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"FUZZ_CALL_SITES": sites, "ASAN_OPTIONS": "detect_leaks=0"})
        with open(sites, encoding="utf-8") as file:
            addresses = file.read().split()
    done = subprocess.run(["llvm-symbolizer-19", f"--obj={binary}", "--functions=none", "--inlines", *addresses], check=True,
                          stdout=subprocess.PIPE, text=True)
    found = re.findall(r"^.*?\b((?:src|hardening)/\S+?):(\d+):\d+$", done.stdout, re.MULTILINE)
    return {(path, int(line)) for path, line in found}


def all_places_met():
    subprocess.run(["bazel", "build", f"--config={CONFIGURATION}", "--curses=no", "--noshow_progress",
                    *(f"//fuzz:{target}_replay" for target in TARGETS)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)
    return set().union(*map(places_met, TARGETS))


class CallSites(unittest.TestCase):

    def test_each_is_refused(self):
        places, met = places_in_sources(), all_places_met()
        self.assertGreater(len(places), 20)
        missing = [f"{path}:{line}: {text}" for (path, line), text in sorted(places.items()) if (path, line) not in met]
        self.assertFalse(missing, f"of {len(places)} call sites, never refused by what is kept of {TARGETS}:\n" + "\n".join(missing))
        print(f"{len(places)} call sites, each refused")


if __name__ == "__main__":
    sys.exit(unittest.main())
