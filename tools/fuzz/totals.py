"""What all campaigns of a folder have done for a target, by engine: each run adds to it, on each machine for itself."""

import collections
import dataclasses
import glob
import json
import os

from fuzz import engines
from fuzz.campaign import Outcome


def _load(path):
    """{engine: figures}; nothing where there is none yet, or where it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def add(place, outcome):
    path = os.path.join(place.folder, f"totals-{engines.host_name()}.json")
    totals = _load(path)
    before = totals.get(outcome.engine, {"executions": 0, "seconds": 0.0})
    totals[outcome.engine] = {"executions": before["executions"] + outcome.executions,
                              "seconds": before["seconds"] + outcome.seconds,
                              "edges": outcome.edges, "inputs": outcome.inputs}
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(totals, file)
    os.replace(file.name, path)


def outcomes(target, place):
    """As if all runs of an engine had been one."""
    sums = collections.defaultdict(lambda: Outcome(target))
    for path in glob.glob(os.path.join(glob.escape(place.folder), "totals-*.json")):
        for engine, figures in _load(path).items():
            so_far = sums[engine]
            sums[engine] = dataclasses.replace(so_far, engine=engine, executions=so_far.executions + figures["executions"],
                                               seconds=so_far.seconds + figures["seconds"],
                                               edges=max(so_far.edges, figures["edges"]),
                                               inputs=max(so_far.inputs, figures["inputs"]))
    return [sums[engine] for engine in sorted(sums)]
