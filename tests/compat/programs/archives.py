"""Compressors with threads: what was packed must come back."""

import random

from ..program import program
from ..run import digest, read


def material(run, megabytes):
    """A file that compresses somewhat, the same in every run; the value is its digest."""
    draw = random.Random(4)
    words = [draw.randbytes(draw.randint(2, 40)) for _ in range(4000)]
    data = b"".join(draw.choice(words) for _ in range(megabytes * 52_000))
    run.write("material", data)
    return digest(data)


def round_trip(run, tool, suffix, pack, unpack):
    """Packs and unpacks under the library, and unpacks once more without it."""
    wanted = digest(read(run.path("material")))
    packed = run.path("material" + suffix)
    run.write("material" + suffix, run.guarded(tool, *pack, "-c", run.path("material")).out)
    for start in (run.guarded, run.plain):
        run.check(digest(start(tool, *unpack, "-c", packed).out) == wanted, f"{tool} {' '.join(pack)}: wrong content")


@program("xz", does="round trips with threads", needs=[("xz", "xz-utils")], loaded=["xz"])
def xz(run):
    megabytes = run.size(5, 14, 64)
    material(run, megabytes)
    for pack in (("-T2", "-2", "--block-size=1MiB"), ("-T1", "-4e"), ("--format=lzma", "-1")):
        round_trip(run, "xz", ".xz", pack, ("-d", "-T2"))
    run.did = f"{megabytes} MB there and back: two threads, one thread, lzma format"


@program("zstd", does="round trips with threads", needs=[("zstd", "zstd")], loaded=["zstd"])
def zstd(run):
    megabytes = run.size(8, 24, 120)
    material(run, megabytes)
    for pack in (("-T2", "-3"), ("-T2", "-12", "--long=24"), ("-T2", "--fast=3", "-B256K"), ("-T1", "-17")):
        round_trip(run, "zstd", ".zst", ("-q", *pack), ("-q", "-d"))
    run.did = f"{megabytes} MB there and back at four levels, with threads and long distances"
