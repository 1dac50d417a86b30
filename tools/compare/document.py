"""The comparison as JSON. What each key means: README.md."""

import dataclasses
import datetime
import json
import shlex

from compare import machine, measures, rounds

FORMAT = 1


def _ratio(ratio, comparison):
    if ratio is None:
        return None
    return dataclasses.asdict(ratio) | {"different": ratio.is_different(comparison.noise or 0.0)}


def _allocator(comparison, allocator):
    result, name = comparison.result, allocator.name
    memory = comparison.memory(name)
    return {
        "name": name,
        "library": allocator.library,
        "variables": allocator.variables,
        "version": allocator.version(),
        "failure": result.failures.get(name),
        "medians": {each.key: comparison.median(name, each) for each in measures.all_measures(result.work)},
        "ratios": {each.key: _ratio(comparison.ratio(name, each), comparison)
                   for each in measures.all_measures(result.work)},
        "memory": dataclasses.asdict(memory) if memory else None,
        "runs": [dataclasses.asdict(each.runs[name]) for each in result.rounds if name in each.runs],
    }


def content(comparison, version):
    """What is written, as dictionaries and lists."""
    results, result = comparison.results, comparison.result
    return {
        "format": FORMAT,
        "bartizan": version,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.description(),
        "program": list(result.work.argv),
        "command": shlex.join(result.work.argv),
        "load": result.work.load or None,
        "measure": comparison.main.key,
        "higher_is_better": comparison.main.higher_is_better,
        "base": comparison.base,
        "noise": comparison.noise,
        "null": _ratio(comparison.ratio(rounds.NULL_RUN), comparison),
        "rounds": {"wanted": results.wanted_rounds, "counted": len(result.rounds), "dropped": len(result.disturbed),
                   "counted_although_disturbed": result.used_although_disturbed},
        "interrupted": results.interrupted,
        "notes": comparison.notes(),
        "allocators": [_allocator(comparison, allocator) for allocator in results.allocators],
        "layers": [{"layer": cost.layer, "profile": comparison.profile,
                    "taken_away": _ratio(cost.taken_away, comparison), "alone": _ratio(cost.alone, comparison)}
                   for cost in comparison.layer_costs()],
    }


def text(comparison, version):
    return json.dumps(content(comparison, version), indent=1) + "\n"
