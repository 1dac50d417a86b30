"""Words in threads, through JSON and back, printed as every language prints them: words.py COUNT SEED..."""

import json
import os
import sys
import threading

# Next to this folder lies the module that the other languages are compared with.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import words  # noqa: E402

count = int(sys.argv[1])
seeds = [int(seed) for seed in sys.argv[2:]]
tables = {}


def work(seed):
    tables[seed] = words.one_table(count, seed)


threads = [threading.Thread(target=work, args=(seed,)) for seed in seeds]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for _ in range(10):
    lines = [{"seed": seed, "rows": [line.split(" ") for line in tables[seed].splitlines()]} for seed in seeds]
    back = json.loads(json.dumps(lines, indent=1))
    tables = {entry["seed"]: "".join(" ".join(row) + "\n" for row in entry["rows"]) for entry in back}
sys.stdout.write("".join(tables[seed] for seed in seeds))
