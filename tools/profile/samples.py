"""What `bartizan samples` says, with names."""

import collections

from symbolize import code

# One stack: locations innermost first, and the four values of VALUES.
Stack = collections.namedtuple("Stack", "locations values")
# As pprof calls them, in the order in which heap profiles have them.
VALUES = (("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes"))


class Profile:
    """Stacks and locations of one process."""

    def __init__(self, document, symbolizer=None):
        self.process = document["process"]
        self.program = document["program"]
        addresses = {int(frame, 16) for stack in document["stacks"] for frame in stack["frames"]}
        self._code = code.Code(document["code"], addresses, symbolizer)
        self.mappings = self._code.mappings
        self.stacks = []
        for stack in document["stacks"]:
            allocated = stack["allocated_blocks"], stack["allocated_bytes"]
            alive = (max(0, allocated[0] - stack["freed_blocks"]), max(0, allocated[1] - stack["freed_bytes"]))
            self.stacks.append(Stack([self._code.location(int(frame, 16)) for frame in stack["frames"]], allocated + alive))

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
