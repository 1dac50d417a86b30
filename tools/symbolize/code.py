"""Places in the code of a process: which module an address belongs to, and what the functions there are called."""

import bisect
import collections

from symbolize import elf

# An address; its mapping (an index, or None), and the functions there, innermost inlined one first.
Location = collections.namedtuple("Location", "address mapping places")
Mapping = collections.namedtuple("Mapping", "begin end offset path build_id")


class Code:
    """The executable mappings of a process, as the command's tools tell them, and all addresses that are asked for."""

    def __init__(self, mappings, addresses, symbolizer=None):
        self.mappings = []
        self._elves = []
        for code in mappings:
            file = self._elf(code["path"])
            self._elves.append(file)
            self.mappings.append(Mapping(int(code["begin"], 16), int(code["end"], 16), int(code["offset"], 16), code["path"],
                                         file.build_id if file else ""))
        self._begins = [mapping.begin for mapping in self.mappings]
        self._locations = {}
        self._name(sorted(addresses), symbolizer)

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
            own = self.own_address(address)
            if own is not None:
                mapping = self.mappings[self._mapping_of(address)]
                questions[address] = mapping.path, mapping.build_id, own
        if symbolizer:
            symbolizer.ask(questions.values())
        for address in addresses:
            places = symbolizer.places(*questions[address]) if symbolizer and address in questions else []
            self._locations[address] = Location(address, self._mapping_of(address), places)

    def own_address(self, address):
        """The address that the module itself gives to the place; None: it is no module, or cannot be read."""
        index = self._mapping_of(address)
        if index is None or not self._elves[index]:
            return None
        mapping = self.mappings[index]
        return self._elves[index].address_of(address - mapping.begin + mapping.offset)

    def location(self, address):
        return self._locations[address]

    def mapping(self, location):
        """The mapping of a location, or None."""
        return None if location.mapping is None else self.mappings[location.mapping]
