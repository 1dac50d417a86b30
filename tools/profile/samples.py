"""What `bartizan samples` says, with names."""

import bisect
import collections

from symbolize import elf

# One stack: locations innermost first, and the four values of VALUES.
Stack = collections.namedtuple("Stack", "locations values")
# An address; its mapping (an index, or None), and the functions there, innermost inlined one first.
Location = collections.namedtuple("Location", "address mapping places")
Mapping = collections.namedtuple("Mapping", "begin end offset path build_id")

# As pprof calls them, in the order in which heap profiles have them.
VALUES = (("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes"))


class Profile:
    """Stacks and locations of one process."""

    def __init__(self, document, symbolizer=None):
        self.process = document["process"]
        self.program = document["program"]
        self.mappings = []
        self._elves = []
        for code in document["code"]:
            file = self._elf(code["path"])
            self._elves.append(file)
            self.mappings.append(Mapping(int(code["begin"], 16), int(code["end"], 16), int(code["offset"], 16), code["path"],
                                         file.build_id if file else ""))
        self._begins = [mapping.begin for mapping in self.mappings]
        self.stacks = []
        self._locations = {}
        addresses = sorted({int(frame, 16) for stack in document["stacks"] for frame in stack["frames"]})
        self._name(addresses, symbolizer)
        for stack in document["stacks"]:
            allocated = stack["allocated_blocks"], stack["allocated_bytes"]
            alive = (max(0, allocated[0] - stack["freed_blocks"]), max(0, allocated[1] - stack["freed_bytes"]))
            self.stacks.append(Stack([self._locations[int(frame, 16)] for frame in stack["frames"]], allocated + alive))

    @staticmethod
    def _elf(path):
        try:
            return elf.Elf(path)
        except (OSError, elf.NotElf):
            return None

    def _mapping_of(self, address):
        index = bisect.bisect_right(self._begins, address) - 1
        return index if index >= 0 and address < self.mappings[index].end else None

    def _name(self, addresses, symbolizer):
        questions = {}
        for address in addresses:
            index = self._mapping_of(address)
            if index is not None and self._elves[index]:
                mapping = self.mappings[index]
                own = self._elves[index].address_of(address - mapping.begin + mapping.offset)
                if own is not None:
                    questions[address] = mapping.path, mapping.build_id, own
        if symbolizer:
            symbolizer.ask(questions.values())
        for address in addresses:
            places = symbolizer.places(*questions[address]) if symbolizer and address in questions else []
            self._locations[address] = Location(address, self._mapping_of(address), places)

    def name_of(self, location):
        """What stands for a location where there is no name."""
        if location.mapping is None:
            return f"{location.address:#x}"
        mapping = self.mappings[location.mapping]
        base = mapping.path.rsplit("/", 1)[-1] or "generated code"
        return f"{base}+{location.address - mapping.begin + mapping.offset:#x}"

    def names(self, stack):
        """The functions of a stack, innermost first."""
        if not stack.locations:
            return ["(unknown stack)"]
        names = []
        for location in stack.locations:
            names += [place.function for place in location.places if place.function] or [self.name_of(location)]
        return names
