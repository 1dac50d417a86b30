"""Text tools: answers are computed once more in Python."""

import json

from ..program import program
from ..run import read
from ..words import MODULUS, MULTIPLIER


def records(count):
    """Numbers drawn by the words workload's generator, as records."""
    number = 99
    result = []
    for index in range(count):
        number = number * MULTIPLIER % MODULUS
        result.append({"id": index, "group": f"g{number % 97}", "value": number % 1000,
                       "tags": [f"t{number % 7}", "x" * (number // 64 % 40)], "nested": {"deep": [number, index]}})
    return result


def grouped(rows):
    """What the jq filter below computes."""
    groups = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    return [{"group": name, "n": len(groups[name]), "sum": sum(row["value"] for row in groups[name]),
             "longest": max(len(row["tags"][1]) for row in groups[name]),
             "last": groups[name][-1]["nested"]["deep"]} for name in sorted(groups)]


@program("jq", does="records grouped and summed", needs=[("jq", "jq")], loaded=["jq"])
def jq(run):
    count = run.size(20_000, 100_000, 400_000)
    rows = records(count)
    path = run.write("rows.json", json.dumps(rows))
    printed = run.guarded("jq", "-c", "group_by(.group) | map({group: .[0].group, n: length, sum: (map(.value) | add), "
                          "longest: (map(.tags[1] | length) | max), last: .[-1].nested.deep})", path).text
    run.equal("the groups", json.loads(printed), grouped(rows))
    again = run.guarded("jq", "-S", ".", path).out
    run.check(json.loads(again) == rows, "the records changed on their way through jq")
    run.did = f"{count:,} records grouped, summed and printed; answer computed in Python"


@program("coreutils", does="sort with threads, uniq, join, checksums", needs=[("sort", "coreutils")], loaded=["sort"])
def coreutils(run):
    count = run.size(300_000, 1_500_000, 6_000_000)
    number = 3
    lines = []
    for _ in range(count):
        number = number * MULTIPLIER % MODULUS
        lines.append(b"%d %s\n" % (number % 200_000, b"y" * (number // 128 % 30)))
    path = run.write("lines.txt", b"".join(lines))
    ordered = b"".join(sorted(lines))
    plain_order = {"LC_ALL": "C"}
    run.guarded("sort", "--parallel=2", "-S", "8M", "-o", run.path("external.txt"), path, extra=plain_order)
    run.check(read(run.path("external.txt")) == ordered, "the order is wrong (merged from files)")
    run.guarded("sort", "--parallel=2", "-S", "90%", "-o", run.path("inside.txt"), path, extra=plain_order)
    run.check(read(run.path("inside.txt")) == ordered, "the order is wrong (in memory)")
    counted = run.guarded("uniq", "-c", run.path("inside.txt")).out.splitlines()
    run.equal("distinct lines", len(counted), len(set(lines)))
    run.equal("lines counted", sum(int(line.split()[0]) for line in counted), count)
    backwards = run.guarded("tac", path).out
    run.check(backwards == b"".join(reversed(lines)), "tac gave wrong lines")
    run.did = f"{count:,} lines sorted by 2 threads from memory and from files, uniq, tac"
