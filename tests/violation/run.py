#!/usr/bin/env python3
"""Commits every fault of tools/faults under a preloaded library and checks how each one ends.

What is expected is in expectations.py; a fault that is missed where the table says so is as it should be, and one that is
caught where the table says that it is missed is not. Ends with `N passed, N failed`.
"""

import argparse
import collections
import concurrent.futures
import os
import re
import resource
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import commit  # noqa: E402
import expectations  # noqa: E402


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="bartizan-faults")
    parser.add_argument("--library", required=True, help="the library to preload")
    parser.add_argument("--profile", required=True, choices=expectations.PROFILES)
    parser.add_argument("--options", default="", help="further options, after the profile")
    parser.add_argument("--any-layers", action="store_true", help="only what ends alike in every profile")
    parser.add_argument("--only", default="", help="regular expression for names of faults")
    parser.add_argument("--size", type=int, action="append", help="this block size only")
    parser.add_argument("--repeat", type=int, default=1, help="how many times to commit each fault")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument("--outcomes", action="store_true", help="print every outcome")
    options = parser.parse_args()
    options.library = os.path.abspath(options.library)
    options.program = os.path.abspath(options.program)
    if not os.access(options.library, os.R_OK):
        parser.error(f"cannot read {options.library}")
    return options


class Tally:
    """Compares outcomes with the table."""

    def __init__(self, profile, show_outcomes):
        self.profile = profile
        self.show_outcomes = show_outcomes
        self.passed = 0
        self.failed = 0
        self.met = collections.Counter()
        self.pending = collections.defaultdict(list)
        self.promised = []

    def fail(self, text):
        self.failed += 1
        print(f"FAIL {text}", flush=True)

    def take(self, case, outcome):
        expected = expectations.expected_of(case.fault.name, self.profile, case.size)
        if self.show_outcomes:
            print(f"{case}: {outcome}")
        mistake = expected.mistake(outcome) or expectations.missing_report(self.profile, outcome)
        if mistake and expected.pending:
            self.pending[case.fault.name, outcome.kind, outcome.moment, outcome.text.split(":")[0]].append(case)
        elif mistake:
            self.fail(f"{case}: {outcome}; {mistake}; stderr: {outcome.stderr or 'empty'}")
        else:
            self.passed += 1
            self.met["pending" if expected.pending else "settled"] += 1
        if case.fault.layer != "none" and not (mistake and expected.pending) and outcome.kind != "inapplicable":
            self.promised.append((case, outcome))

    def finish(self, whole):
        for (fault, kind, moment, text), cases in sorted(self.pending.items()):
            sizes = " ".join(f"{case.size}{'+thread' if case.thread else ''}" for case in cases)
            print(f"pending {fault}: {kind} at {moment}: {text} [{sizes}]")
        if self.met["pending"]:
            print(f"{self.met['pending']} runs that are marked as pending end as demanded")
        caught = sum(outcome.is_caught() for _, outcome in self.promised)
        print(f"{caught} of {len(self.promised)} faults caught in {self.profile}, "
              f"{sum(len(cases) for cases in self.pending.values())} pending")
        if whole:
            for broken in expectations.broken_promises(self.profile, self.promised):
                self.fail(broken)
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def main():
    options = parse_options()
    # The children crash; nobody wants their memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faults = commit.list_faults(options.program)
    differences = expectations.differences([fault.name for fault in faults])
    if differences:
        sys.exit(f"FAIL expectations.py and {options.program} differ: {' '.join(differences)}")
    chosen = [fault for fault in faults if re.search(options.only, fault.name)]
    cases = commit.cases_of(chosen, options.size) * options.repeat
    if options.any_layers:
        cases = [case for case in cases if expectations.alike_in_all_profiles(case.fault.name, case.size)]
    # What becomes of a fault in a sample is for tests of samples: here it would come by chance.
    words = f"profile={options.profile}:sampling=off" + (f":{options.options}" if options.options else "")
    variables = {"LD_PRELOAD": options.library, "BARTIZAN_OPTIONS": words}
    tally = Tally(options.profile, options.outcomes)
    shown = sys.stderr.isatty()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        outcomes = pool.map(lambda case: commit.run_case(options.program, variables, case), cases)
        for number, (case, outcome) in enumerate(zip(cases, outcomes), 1):
            if shown:
                print(f"\r{number} of {len(cases)}\033[K", end="", file=sys.stderr, flush=True)
            tally.take(case, outcome)
    if shown:
        print("\r\033[K", end="", file=sys.stderr)
    whole = len(chosen) == len(faults) and not options.size and not options.options and not options.any_layers
    return tally.finish(whole)


if __name__ == "__main__":
    sys.exit(main())
