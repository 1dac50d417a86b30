# JSON documents, made, written, read and changed: documents.py ROUNDS.
import json
import sys


def document(seed):
    """Objects in lists in objects, with short strings and numbers."""
    number = seed
    rows = []
    for _ in range(2000):
        number = number * 16807 % 2147483647
        rows.append({
            "id": number,
            "name": f"name-{number % 9973}",
            "tags": [f"t{number % k}" for k in (7, 11, 13, 17)],
            "place": {"x": number / 1000.0, "y": number % 360, "known": number % 3 == 0, "note": None},
        })
    return {"seed": seed, "rows": rows}


size = 0
for turn in range(1, int(sys.argv[1]) + 1):
    text = json.dumps(document(turn))
    again = json.loads(text)
    again["rows"] = sorted((row for row in again["rows"] if row["place"]["known"]), key=lambda row: row["name"])
    size += len(json.dumps(again, indent=1))
print(size)
