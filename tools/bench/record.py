"""What a run of the suite found, as plain data: kept as JSON, and all that the documents are made from."""

import dataclasses
import json
import statistics

from compare import ratios
from compare.rounds import NULL_RUN

FORMAT = 1


@dataclasses.dataclass
class Figures:
    """One figure of one work under each allocator, round by round."""

    name: str
    kind: str  # program, server, micro
    unit: str  # of the values
    higher_is_better: bool = False
    small_blocks: bool = False
    control: bool = False
    timed: bool = True
    values: dict = dataclasses.field(default_factory=dict)  # allocator -> a value for each round, None where it failed
    memory: dict = dataclasses.field(default_factory=dict)  # allocator -> peak resident bytes
    failures: dict = dataclasses.field(default_factory=dict)  # allocator -> why
    disturbed: int = 0  # rounds dropped because other programs were busy
    busy: int = 0  # rounds that count although they were

    def median(self, name):
        values = [value for value in self.values.get(name, ()) if value is not None]
        return statistics.median(values) if values else None

    def ratio(self, name, base):
        """The value of one allocator to that of another, round by round; None where no round tells."""
        pairs = zip(self.values.get(name, ()), self.values.get(base, ()))
        values = [value / reference for value, reference in pairs if value is not None and reference]
        return ratios.bootstrap(values) if values and min(values) > 0 else None

    def slowness(self, name, base):
        """How many times the other's time; below 1 is faster, whichever way the figure counts. None: not known."""
        ratio = self.ratio(base, name) if self.higher_is_better else self.ratio(name, base)
        return ratio.median if ratio else None

    def noise(self, base):
        """What the base shows against itself, as a share."""
        null = self.ratio(NULL_RUN, base)
        return max(abs(null.low - 1), abs(null.high - 1)) if null else None


@dataclasses.dataclass
class Record:
    """A run of the suite."""

    form: str  # full or quick, and what was changed
    base: str
    rounds: int
    date: str = ""
    commit: str = ""
    machine: dict = dataclasses.field(default_factory=dict)
    allocators: list = dataclasses.field(default_factory=list)  # dicts: name, version, note
    works: list = dataclasses.field(default_factory=list)  # Figures
    missing: list = dataclasses.field(default_factory=list)  # works and allocators that are not installed: why
    interrupted: bool = False
    seconds: float = 0.0

    def names(self):
        return [allocator["name"] for allocator in self.allocators]

    def find(self, name):
        return next((work for work in self.works if work.name == name), None)

    def of_kind(self, kind):
        return [work for work in self.works if work.kind == kind]

    def to_json(self):
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=1) + "\n"


class NoRecord(Exception):
    """Its text is for the user."""


def from_json(text):
    try:
        data = json.loads(text)
        if data.pop("format") != FORMAT:
            raise NoRecord("was written by another version of bartizan bench")
        data["works"] = [Figures(**work) for work in data["works"]]
        return Record(**data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoRecord(f"is no record of bartizan bench: {error}") from None
