"""What can be said of one program under several allocators: the figures behind table, JSON and page."""

import dataclasses
import statistics

from compare import allocators, measures, ratios, rounds


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """What a layer changes, as ratios of the main measure; None where no round tells."""

    layer: str
    taken_away: ratios.Ratio | None  # the profile, to the profile without it
    alone: ratios.Ratio | None  # with it alone, to without any


class Comparison:
    """Answers about the results of one work. `layers`: all that there are, or none when --layers was not given."""

    def __init__(self, results, result, profile="", layers=()):
        self.results = results
        self.result = result
        self.base = results.base
        self.main = measures.main_measure(result.work)
        self.profile = profile
        self.layers = [layer for layer in layers if profile in layer.profiles]
        self.noise = ratios.noise(result, self.base, self.main.of)

    def measured(self):
        """The names of those that were measured, the base first."""
        names = [self.base, *(each.name for each in self.results.allocators if each.name != self.base)]
        return [name for name in names if any(name in each.runs for each in self.result.rounds)]

    def compared(self):
        """The same without those that only tell what a layer costs."""
        parts = {name for layer in self.layers for name in (f"{self.profile}-{layer.name}", f"fast+{layer.name}")}
        return [name for name in self.measured() if name not in parts]

    def ratio(self, name, measure=None):
        return ratios.ratio(self.result, name, self.base, (measure or self.main).of)

    def median(self, name, measure=None):
        values = ratios.values_of(self.result, name, (measure or self.main).of)
        return statistics.median(values) if values else None

    def memory(self, name):
        return self.result.memory.get(name)

    def verdict(self, ratio):
        """One or two words."""
        if ratio is None:
            return ""
        if ratio.rounds < ratios.LEAST_ROUNDS:
            return "too few rounds"
        if self.noise is None or not ratio.is_different(self.noise):
            return "no difference"
        if self.main.key == "metric":
            return "better" if (ratio.median > 1) == self.main.higher_is_better else "worse"
        return "slower" if ratio.median > 1 else "faster"

    def layer_costs(self):
        of = self.main.of
        return [LayerCost(layer.name, ratios.ratio(self.result, self.profile, f"{self.profile}-{layer.name}", of),
                          ratios.ratio(self.result, f"fast+{layer.name}", "fast", of)) for layer in self.layers]

    def layer_notes(self):
        """Where a layer cannot be alone, or takes others with it."""
        notes = []
        for layer in self.layers:
            if layer.needs:
                notes.append(f"{layer.name} alone is with {' and '.join(layer.needs)}, which it needs")
            dependent = [other.name for other in self.layers if layer.name in other.needs]
            if dependent:
                notes.append(f"without {layer.name} there is no {' and no '.join(dependent)} either")
        return notes

    def notes(self):
        """What a reader must know before believing the figures."""
        count = len(self.result.rounds)
        lines = []
        null = self.ratio(rounds.NULL_RUN)
        if count < ratios.LEAST_ROUNDS:
            lines.append(f"Rounds: {count}, which is not enough for a claim; it takes at least {ratios.LEAST_ROUNDS} "
                         "(--rounds). Intervals go from the least to the greatest.")
        elif self.noise is not None:
            lines.append(f"{self.base} against itself: {null.low:.3f} to {null.high:.3f}; differences below "
                         f"{100 * self.noise:.1f} % are noise here. Rounds: {count}.")
        held = self.memory(self.base)
        if held and held.linked_malloc and self.base != allocators.OWN:
            lines.append(f"The program is linked with {held.linked_malloc}, which counts under the name "
                         f"{allocators.OWN} only (--base={allocators.OWN}).")
        if self.result.disturbed:
            lines.append(f"Rounds dropped because other programs disturbed them: {len(self.result.disturbed)}.")
        if self.result.used_although_disturbed:
            lines.append(f"The machine was busy: in {self.result.used_although_disturbed} of {count} rounds other "
                         f"programs used more than {100 * rounds.DISTURBED_SHARE:.0f} % of it. Measure again when it is "
                         "idle.")
        if self.results.interrupted:
            lines.append(f"Interrupted after {count} of {self.results.wanted_rounds} rounds.")
        return lines
