#!/usr/bin/env python3
"""quarantine, seen from outside: the least distance between free and reuse that docs/layers/quarantine.md states."""

import os
import subprocess
import sys
import unittest

LIBRARY, WAITING = (os.path.abspath(path) for path in sys.argv[1:3])
# Less of the same, for an emulated processor.
FEW = "--few" in sys.argv
del sys.argv[1:]

# Slots of the class that serves the size: eight bytes more, for the canary, rounded up.
SLOT_BYTES = {24: 32, 100: 112, 1000: 1024, 5000: 5120, 20000: 20480, 100000: 106496}
if FEW:
    SLOT_BYTES = {24: 32, 5000: 5120}
QUARANTINE_BYTES = {"hardened": 16 << 10, "strict": 64 << 10}


def stated(profile, slot_bytes, how):
    """Frees by another thread are taken in at refills, by address: a page of slots at a time, what a search began behind by the
    next one; and a window more waits."""
    slots = min(max(QUARANTINE_BYTES[profile] // slot_bytes, 8), 1024)
    window = min(max((16 << 10) // slot_bytes, 4), 32)
    return slots - max(2 * (4096 // slot_bytes) - window, 0) if how == "thread" else slots


class Quarantine(unittest.TestCase):

    def run_program(self, size, how, options):
        environment = dict(os.environ, LD_PRELOAD=LIBRARY, BARTIZAN_OPTIONS=options)
        output = subprocess.run([WAITING, str(size), how], env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return [int(word) for word in output.stdout.split()]

    def test_no_block_comes_back_sooner_than_stated(self):
        for profile in QUARANTINE_BYTES:
            for size, slot_bytes in SLOT_BYTES.items():
                for how in ("tight", "batch", "thread"):
                    least, distances = self.run_program(size, how, f"profile={profile}:sampling=off")
                    what = f"{profile}, {size} bytes, {how}"
                    self.assertGreaterEqual(least, stated(profile, slot_bytes, how), what)
                    # A certain distance would be as good as none to who can count.
                    self.assertGreater(distances, 8, what)

    def test_without_it_blocks_come_back_at_once(self):
        least, _ = self.run_program(100, "tight", "profile=fast")
        self.assertEqual(least, 0, "fast issues the block that was freed last")


if __name__ == "__main__":
    unittest.main()
