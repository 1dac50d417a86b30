"""The known answer of the workload that every language runs: build a table of growing strings, sort it, print it.

The same few lines are written in each language of `inputs/words.*`. They allocate, grow and drop strings of changing
length in an order that a small generator draws; numbers stay below 2^53, so that languages with floating-point numbers
agree.
"""

import functools

MULTIPLIER = 16807
MODULUS = 2147483647
KEYS = 9973
LONGEST = 3000


@functools.lru_cache(maxsize=None)
def answer(count, *seeds):
    """What a program prints for these seeds, one table after the other, in bytes."""
    return "".join(one_table(count, seed) for seed in seeds).encode()


def one_table(count, seed):
    """The table of one seed."""
    number = seed
    values = {}
    for _ in range(count):
        number = number * MULTIPLIER % MODULUS
        key = f"k{number % KEYS}"
        piece = chr(97 + number % 26) * (number // 128 % 61 + 1)
        old = values.get(key, "")
        values[key] = piece if len(old) > LONGEST else old + piece
    return "".join(f"{key} {len(values[key])} {values[key][:8]} {values[key][-8:]}\n" for key in sorted(values))
