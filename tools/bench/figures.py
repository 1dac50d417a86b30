"""How far a goal was reached: figures over several works, from a record."""

import dataclasses

from compare.ratios import geometric_mean

PEERS = ("glibc", "jemalloc", "mimalloc", "tcmalloc")


@dataclasses.dataclass(frozen=True)
class Reached:
    """A value to compare with the goal's limit, and what belongs beside it."""

    value: float
    note: str = ""


def programs(work):
    return work.kind == "program" and not work.control


def small_block_programs(work):
    return work.small_blocks


def servers(work):
    return work.kind == "server"


def timed_micro(work):
    return work.kind == "micro" and work.timed


def compared_with_scudo(work):
    """All that the goals speak of in terms of time."""
    return programs(work) or servers(work) or timed_micro(work)


def named(*names):
    return lambda work: work.name in names


def _slownesses(record, chosen, name, base):
    found = {work.name: work.slowness(name, base) for work in record.works if chosen(work)}
    return {work: value for work, value in found.items() if value is not None}


def _memories(record, chosen, name, base):
    return {work.name: work.memory[name] / work.memory[base] for work in record.works
            if chosen(work) and work.memory.get(name) and work.memory.get(base)}


def _mean(found):
    return Reached(geometric_mean(found.values()), f"of {len(found)}") if found else None


def _largest(found, limit=None):
    """The worst of them, and how many are above the limit."""
    if not found:
        return None
    worst = max(found, key=found.get)
    above = [work for work, value in found.items() if limit is not None and value > limit]
    if len(found) == 1:
        return Reached(found[worst])
    note = f"{worst} of {len(found)}" + (f"; {len(above)} above: {_list(above, found)}" if len(above) > 1 else "")
    return Reached(found[worst], note)


def _list(names, found):
    names = sorted(names, key=found.get, reverse=True)
    return ", ".join(f"{name} {found[name]:.2f}" for name in names)


def mean(chosen, name, base="glibc"):
    """The geometric mean of times to the base's."""
    return lambda record, limit: _mean(_slownesses(record, chosen, name, base))


def largest(chosen, name, base="glibc"):
    """The largest of times to the base's."""
    return lambda record, limit: _largest(_slownesses(record, chosen, name, base), limit)


def least_throughput(chosen, name, base="glibc"):
    """The smallest of throughputs to the base's."""
    def reach(record, limit):
        found = {work: 1 / value for work, value in _slownesses(record, chosen, name, base).items()}
        note = ", ".join(f"{work} {value:.2f}" for work, value in found.items())
        return Reached(min(found.values()), note) if found else None
    return reach


def memory_mean(chosen, name, base="glibc"):
    return lambda record, limit: _mean(_memories(record, chosen, name, base))


def memory_largest(chosen, name, base="glibc"):
    return lambda record, limit: _largest(_memories(record, chosen, name, base), limit)


def mean_to_best_peer(chosen, name):
    """The geometric mean, to the peer that has the smallest geometric mean."""
    def reach(record, limit):
        found = {peer: _mean(_slownesses(record, chosen, name, peer)) for peer in PEERS}
        found = {peer: reached for peer, reached in found.items() if reached}
        best = max(found, key=lambda peer: found[peer].value, default=None)
        return Reached(found[best].value, f"of {best}'s") if found else None
    return reach


def largest_to_best_peer(chosen, name):
    """On each work, to the peer that is fastest there; the largest."""
    def reach(record, limit):
        found = {}
        for peer in PEERS:
            for work, value in _slownesses(record, chosen, name, peer).items():
                found[work] = max(value, found.get(work, 0.0))
        return _largest(found, limit)
    return reach


def milliseconds_more(work_name, name, base="glibc"):
    """The difference of medians of a time in nanoseconds."""
    def reach(record, limit):
        work = record.find(work_name)
        own, other = (work.median(name), work.median(base)) if work else (None, None)
        return Reached((own - other) / 1e6, f"{own / 1e6:.2f} to {other / 1e6:.2f}") if own and other else None
    return reach


def most_to_first(names, name):
    """The largest median of these works, to that of the first one."""
    def reach(record, limit):
        works = [work for work in map(record.find, names) if work]
        medians = {work.name: work.median(name) for work in works if work.median(name)}
        if len(medians) < 2 or names[0] not in medians:
            return None
        return _largest({work: value / medians[names[0]] for work, value in medians.items()}, limit)
    return reach


def least_to_first(names, name):
    """The least throughput (from times for one operation), to that of the first one."""
    def reach(record, limit):
        reached = most_to_first(names, name)(record, None)
        return Reached(1 / reached.value, reached.note) if reached else None
    return reach


def kibibytes(work_name, name):
    """A median in bytes."""
    def reach(record, limit):
        work = record.find(work_name)
        value = work.median(name) if work else None
        return Reached(value / 1024) if value is not None else None
    return reach
