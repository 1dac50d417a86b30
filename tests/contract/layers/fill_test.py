#!/usr/bin/env python3
"""fill, fill_freed: what blocks hold when they are issued and when they are freed, and that freed memory is still verified."""

import os
import re
import subprocess
import sys
import unittest

LIBRARY, PROGRAM, FAULTS = (os.path.abspath(path) for path in sys.argv[1:4])
del sys.argv[1:]

FRESH, FREED = "fill=0xa5", "fill_freed=0x5a5b"
FRESH_WORD, FREED_WORD = "a5a5a5a5a5a5a5a5", "5a5b5a5b5a5b5a5b"


def run(command, options):
    environment = dict(os.environ, LD_PRELOAD=LIBRARY, BARTIZAN_OPTIONS=options)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


class Fill(unittest.TestCase):

    def expect(self, options, fresh, freed):
        done = run([PROGRAM, fresh, freed], options)
        # What debug says at the end is no report.
        self.assertEqual((done.returncode, done.stdout, "fatal" in done.stderr), (0, "", False), options)

    def test_what_blocks_hold(self):
        for profile in ("hardened:sampling=off", "strict:sampling=off", "fast:zero_on_free", "fast:zero_on_free:reuse_check",
                        "hardened:sampling=off:decay=0", "hardened:sampling=off:wide_vectors=off"):
            for words, fresh, freed in ((FRESH, FRESH_WORD, "0"), (FREED, "0", FREED_WORD),
                                        (f"{FRESH}:{FREED}", FRESH_WORD, FREED_WORD), ("fill=off", "0", "0")):
                self.expect(f"profile={profile}:{words}", fresh, freed)

    def test_what_samples_hold(self):
        for words, fresh in ((FRESH, FRESH_WORD), (FREED, "0"), (f"{FRESH}:{FREED}", FRESH_WORD)):
            self.expect(f"profile=debug:{words}", fresh, "unmapped")
            self.expect(f"profile=strict:sampling=3:{words}", fresh, "unmapped")

    def test_writes_after_free_are_found_in_the_pattern(self):
        for profile in ("hardened", "strict"):
            for fault in ("write_after_free_first_byte", "write_after_free_one_bit", "write_after_free_last_byte",
                          "overflow_1_store", "underflow_8_store"):
                for size in ("24", "100", "4096"):
                    if profile == "hardened" and fault.startswith("underflow"):
                        continue
                    done = run([FAULTS, fault, size], f"profile={profile}:sampling=off:{FRESH}:{FREED}")
                    self.assertRegex(done.stderr, r"^bartizan: fatal: (write after free|heap (over|under)flow): ",
                                     f"{profile} {fault} {size}: {done.stdout}")

    def test_it_needs_zero_on_free(self):
        done = run(["true"], "profile=fast:fill=0xa5")
        self.assertIn("fill needs zero_on_free, which is off; it is turned off too", done.stderr)

    def test_wrong_patterns(self):
        for word in ("", "1", "a5", "0x", "0xg", "0x11111111111111111", "on"):
            self.assertTrue(re.search("expected off, or a byte or word in hexadecimal",
                                      run(["true"], f"fill={word}").stderr), word)


if __name__ == "__main__":
    unittest.main()
