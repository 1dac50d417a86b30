"""Interleaved runs: every allocator once a round, rounds that were disturbed dropped and repeated."""

import dataclasses
import os
import re

from compare import measure

# A round counts as disturbed when others took more than this share of all processors during one of its runs.
DISTURBED_SHARE = 0.10
# Rounds that may be added because of others, as a multiple of those asked for.
MOST_EXTRA = 1.0
# The base once more, against which it is compared: what differs there is noise.
NULL_RUN = "(null run)"


@dataclasses.dataclass
class Round:
    """One run of each allocator that still takes part, by name."""

    runs: dict

    def others(self):
        return max((run.others for run in self.runs.values()), default=0.0)


@dataclasses.dataclass
class WorkResult:
    """What became of one program."""

    work: measure.Work
    rounds: list = dataclasses.field(default_factory=list)  # those that count
    disturbed: list = dataclasses.field(default_factory=list)  # those dropped
    memory: dict = dataclasses.field(default_factory=dict)  # name -> Memory
    failures: dict = dataclasses.field(default_factory=dict)  # name -> why, and where its output is
    kept: list = dataclasses.field(default_factory=list)  # the files with the output of what failed
    used_although_disturbed: int = 0


@dataclasses.dataclass
class Results:
    allocators: list
    base: str
    wanted_rounds: int
    works: list = dataclasses.field(default_factory=list)
    interrupted: bool = False


def order_of(names, number):
    """The order of a round: forwards, then backwards (A B, B A), then with the next one first."""
    turned = names[number // 2 % len(names):] + names[:number // 2 % len(names)]
    return turned if number % 2 == 0 else turned[::-1]


def compare(works, allocators, rounds, base, progress, folder, memory_rounds=1):
    """Runs every work under every allocator so often.

    `base` is the name of the allocator that the others are compared with, `progress` is called with a text and the
    share done (0 to 1) before each run, `folder` keeps the programs' output. An interrupt ends it early, with what there
    is.
    """
    results = Results(list(allocators), base, rounds)
    try:
        for number, work in enumerate(works):
            results.works.append(WorkResult(work))
            _Measurement(results, results.works[-1], folder).take(
                rounds, memory_rounds,
                lambda text, share, number=number: progress(text, (number + share) / len(works)))
    except KeyboardInterrupt:
        results.interrupted = True
    return results


def _last_line(path):
    with open(path, "rb") as file:
        file.seek(max(os.path.getsize(path) - 1000, 0))
        return file.read().decode(errors="replace").strip().rsplit("\n", 1)[-1][:200]


class _Measurement:
    """Takes the runs of one work."""

    def __init__(self, results, result, folder):
        self.result = result
        self.folder = folder
        self.allocators = {allocator.name: allocator for allocator in results.allocators}
        # In the middle: as far from the base as others are.
        names = list(self.allocators)
        names.insert((len(names) + 1) // 2, NULL_RUN)
        self.names = names
        self.allocators[NULL_RUN] = self.allocators[results.base]
        self.base = results.base

    def take(self, rounds, memory_rounds, progress):
        most = rounds + int(rounds * MOST_EXTRA + 0.5)
        steps = memory_rounds + 1 + rounds

        def tell(step, words):
            return lambda name, part: progress(
                f"{words}, {f'{self.base} against itself' if name == NULL_RUN else name}", (step + part) / steps)

        try:
            for number in range(memory_rounds):
                self._watch(tell(number, "memory"))
            self._round(0, tell(memory_rounds, "warm-up"))
            for _ in range(most):
                done = len(self.result.rounds)
                if done == rounds or not self._is_worth_it():
                    break
                dropped = f" ({len(self.result.disturbed)} disturbed)" if self.result.disturbed else ""
                self._take_round(done, tell(memory_rounds + 1 + done, f"round {done + 1} of {rounds}{dropped}"))
        finally:
            self._fill_up(rounds)

    def _is_worth_it(self):
        others = set(self._running()) - {self.base, NULL_RUN}
        return bool(others) and self.base not in self.result.failures

    def _running(self):
        return [name for name in self.names if name not in self.result.failures]

    def _output(self, name):
        return os.path.join(self.folder, re.sub(r"[^\w.+-]", "_", f"{self.result.work.name}-{name}.out"))

    def _fail(self, name, failure):
        # What is printed in vain is no use to anybody.
        files = [path for path in (self._output(name) + end for end in ("", ".load", ".ready"))
                 if os.path.exists(path) and os.path.getsize(path)]
        self.result.kept += files
        text = (f"{failure}; its output ends with '{_last_line(files[-1])}': {' '.join(files)}" if files else
                f"{failure}; it printed nothing")
        self.result.failures[name] = text
        if name in (self.base, NULL_RUN):
            self.result.failures[self.base] = self.result.failures[NULL_RUN] = text

    def _watch(self, progress):
        names = [name for name in self._running() if name != NULL_RUN]
        for place, name in enumerate(names):
            progress(name, place / len(names))
            found = measure.watch_once(self.result.work, self.allocators[name], self._output(name))
            if not found.failure and not found.preloaded:
                found.failure = (f"does not load {self.allocators[name].library} "
                                 "(is it statically linked, or set-user-id?)")
            if found.failure:
                self._fail(name, found.failure)
            elif name not in self.result.memory or found.peak > self.result.memory[name].peak:
                self.result.memory[name] = found

    def _round(self, number, progress):
        runs = {}
        for place, name in enumerate(order_of(self.names, number)):
            if name in self.result.failures:
                continue
            progress(name, place / len(self.names))
            run = measure.run_once(self.result.work, self.allocators[name], self._output(name))
            if run.failure:
                self._fail(name, run.failure)
            else:
                runs[name] = run
        return Round(runs)

    def _take_round(self, number, progress):
        taken = self._round(number, progress)
        kept = self.result.disturbed if taken.others() > DISTURBED_SHARE else self.result.rounds
        kept.append(taken)

    def _fill_up(self, rounds):
        """When others never ceased to disturb, the least disturbed rounds count after all, and the report says so."""
        self.result.disturbed.sort(key=Round.others)
        missing = rounds - len(self.result.rounds)
        if missing > 0:
            self.result.used_although_disturbed = min(missing, len(self.result.disturbed))
            self.result.rounds += self.result.disturbed[:missing]
            del self.result.disturbed[:missing]
