"""Inputs of the programs, the same in every run: all chance comes from one seed."""

import json
import random

_SEED = 20240229
_LETTERS = "etaoinshrdlucmfwypvbgkqjxz"
_WORDS = 20_000


def _source(purpose):
    return random.Random(f"{_SEED} {purpose}")


def text(lines):
    """Lines of invented words, some of which are common and most of which are rare, as in a language."""
    source = _source("text")
    falling = range(len(_LETTERS), 0, -1)
    words = ["".join(source.choices(_LETTERS, falling, k=source.randint(2, 12))) for _ in range(_WORDS)]
    weights = [1 / (rank + 3) for rank in range(_WORDS)]
    totals, total = [], 0.0
    for weight in weights:
        total += weight
        totals.append(total)
    return "".join(" ".join(source.choices(words, cum_weights=totals, k=source.randint(4, 16))) + "\n"
                   for _ in range(lines))


def rows(count):
    """A JSON document: a list of objects with short strings, lists and numbers."""
    source = _source("rows")
    return json.dumps([{
        "id": number, "name": f"name-{source.randrange(5000)}",
        "tags": [f"t{source.randrange(50)}" for _ in range(source.randint(0, 6))],
        "place": {"x": round(source.uniform(-180, 180), 6), "y": source.randrange(360), "known": source.random() < 0.5,
                  "note": None},
    } for number in range(count)], indent=1)


def formulas(count):
    """Small problems for a solver, each easy, in SMT-LIB: sums of bounded integers, and an unknown function."""
    source = _source("formulas")
    lines = ["(set-option :smt.random_seed 1)", "(declare-fun f (Int Int) Int)"]
    lines += [f"(declare-const x{i} Int) (assert (<= 0 x{i} 50))" for i in range(8)]

    def addends(terms):
        return " ".join(f"(* {source.randint(-9, 9)} x{source.randrange(8)})" for _ in range(terms))

    for _ in range(count):
        lines.append("(push)")
        for _ in range(14):
            a, b, c = (source.randrange(8) for _ in range(3))
            lines.append(f"(assert (or (<= (+ {addends(3)}) {source.randint(-40, 10)}) "
                         f"(>= (+ {addends(2)}) {source.randint(10, 40)}) "
                         f"(= (f x{a} x{b}) (+ x{c} {source.randrange(5)}))))")
        lines.append("(check-sat) (pop)")
    return "\n".join(lines) + "\n"


def history(commits):
    """What `git fast-import` reads: files that grow and change from commit to commit."""
    source = _source("history")
    lines = text(2000).splitlines(keepends=True)
    files = {f"folder{number % 7}/file{number}.txt": [] for number in range(40)}
    stream = []
    for number in range(commits):
        stream.append(f"commit refs/heads/main\nmark :{number + 1}\n"
                      f"committer A <a@example.org> {1_000_000_000 + number} +0000\n"
                      f"data <<END\ncommit {number}\nEND\n")
        if number:
            stream.append(f"from :{number}\n")
        for name in source.sample(sorted(files), 3):
            content = files[name]
            position = source.randint(0, len(content))
            content[position:position + source.randint(0, 30)] = source.sample(lines, source.randint(5, 30))
            data = "".join(content)
            stream.append(f"M 100644 inline {name}\ndata {len(data)}\n{data}\n")
    return "".join(stream)
