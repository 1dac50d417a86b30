#!/usr/bin/env python3
"""random_slots, seen from outside over many processes: what an attacker who knows the code can still not guess.

Each bound follows from what docs/layers/random_slots.md promises for the size, with five standard deviations (and at
least five cases) to spare, so that chance alone fails one run in a million.
"""

import collections
import math
import os
import subprocess
import sys
import unittest

LIBRARY, PLACES = (os.path.abspath(path) for path in sys.argv[1:3])
# Less of the same, for an emulated processor.
FEW = "--few" in sys.argv
PROCESSES = 60 if FEW else 400
del sys.argv[1:]

# By block size: slots of the slab that the first block may lie in, and the least number of slots from which each
# further block is drawn. Slots are eight bytes larger than blocks, for the canary.
PROMISED = {8: (3840, 33), 100: (548, 33), 1000: (60, 17), 5000: (12, 9), 100000: (7, 7)}

if FEW:
    PROMISED = {size: PROMISED[size] for size in (100, 5000)}


def spared(expected):
    return expected + 5 * math.sqrt(expected) + 5


class RandomSlots(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        environment = dict(os.environ, LD_PRELOAD=LIBRARY, BARTIZAN_OPTIONS="profile=hardened:sampling=off")
        cls.lines = {}
        for size in PROMISED:
            cls.lines[size] = []
            for _ in range(PROCESSES):
                output = subprocess.run([PLACES, str(size)], env=environment, stdout=subprocess.PIPE, text=True, check=True)
                first, *distances, other = output.stdout.split()
                cls.lines[size].append((int(first, 16), [int(word) for word in distances], int(other, 16)))

    def test_the_first_block_lies_anywhere_in_its_slab(self):
        for size, (slots, _) in PROMISED.items():
            places = collections.Counter(first % (1 << 20) for first, _, _ in self.lines[size])
            pairs = sum(count * (count - 1) // 2 for count in places.values())
            self.assertLess(pairs, spared(PROCESSES * (PROCESSES - 1) / 2 / slots), size)

    def test_no_distance_between_two_blocks_is_likely(self):
        for size, (_, choices) in PROMISED.items():
            for i in range(8):
                distances = collections.Counter(distances[i] for _, distances, _ in self.lines[size])
                most_likely = distances.most_common(1)[0][1]
                # Two places in a row make the same distance in as many ways as there are places.
                self.assertLess(most_likely, spared(2 * PROCESSES / choices), f"{size} bytes, step {i}")

    def test_neighbours_in_time_are_rarely_neighbours_in_memory(self):
        for size, (_, choices) in PROMISED.items():
            slot = min(abs(d) for _, distances, _ in self.lines[size] for d in distances)
            adjacent = sum(abs(d) == slot for _, distances, _ in self.lines[size] for d in distances)
            self.assertLess(adjacent, spared(8 * PROCESSES * 2 / choices), size)

    def test_regions_lie_apart_at_random(self):
        for size, lines in self.lines.items():
            firsts = {first >> 21 for first, _, _ in lines}
            between = {(other - first) >> 21 for first, _, other in lines}
            self.assertGreater(len(firsts), PROCESSES * 0.98, size)
            self.assertGreater(len(between), PROCESSES * 0.95, size)


if __name__ == "__main__":
    unittest.main()
