"""What `bartizan unreachable` says, with names."""

import collections

from symbolize import code

DIRECT, INDIRECT, REACHABLE = "direct", "indirect", "reachable"
KINDS = (DIRECT, INDIRECT, REACHABLE)

# A function in a stack: of one address there are several, where calls were inlined.
Frame = collections.namedtuple("Frame", "number address function file line module offset build_id")
# Blocks of one stack; `size` is that of each where there is no stack.
Leak = collections.namedtuple("Leak", "kind blocks bytes size frames example")


class Findings:
    """The lost blocks of one process."""

    def __init__(self, document, symbolizer, suppressions):
        self.process = document["process"]
        self.program = document["program"]
        self.all_threads = document["all_threads"]
        self.suppressed = collections.Counter()
        addresses = {int(frame, 16) for group in document["groups"] for frame in group["frames"]}
        self._code = code.Code(document["code"], addresses, symbolizer)
        self.leaks = self._merge(self._kept(document["groups"], suppressions))

    def total(self, kind):
        """Blocks and bytes of a kind."""
        leaks = [leak for leak in self.leaks if leak.kind == kind]
        return sum(leak.blocks for leak in leaks), sum(leak.bytes for leak in leaks)

    @property
    def lost(self):
        return any(leak.kind != REACHABLE for leak in self.leaks)

    def _kept(self, groups, suppressions):
        """Groups that are not suppressed: not by their own stack, nor by that of what they were lost with."""
        gone = set()
        for group in groups:
            rule = suppressions.match(self._frames(group["frames"])) if group["kind"] != REACHABLE else None
            if rule:
                gone.add(id(group))
                self._note(rule, group)
        leaders = {(group["stack"], group["size"]): id(group) in gone for group in groups if group["kind"] == DIRECT}
        for group in groups:
            with_leader = leaders.get((group["leader_stack"], group["leader_size"]), False)
            if group["kind"] == INDIRECT and with_leader and id(group) not in gone:
                gone.add(id(group))
        return [group for group in groups if id(group) not in gone]

    def _note(self, rule, group):
        self.suppressed[rule, "blocks"] += group["blocks"]
        self.suppressed[rule, "bytes"] += group["bytes"]

    def _merge(self, groups):
        """Blocks that were lost with several others are told once for each stack of their own."""
        merged = {}
        for group in groups:
            key = group["kind"], group["stack"], group["size"]
            before = merged.get(key)
            merged[key] = Leak(group["kind"], group["blocks"] + (before.blocks if before else 0),
                               group["bytes"] + (before.bytes if before else 0), group["size"],
                               before.frames if before else self._frames(group["frames"]),
                               before.example if before else group["example"])
        return sorted(merged.values(), key=lambda leak: (KINDS.index(leak.kind), -leak.bytes, -leak.blocks))

    def _frames(self, addresses):
        frames = []
        for number, text in enumerate(addresses):
            address = int(text, 16)
            location = self._code.location(address)
            mapping = self._code.mapping(location)
            own = self._code.own_address(address)
            module = (mapping.path, own, mapping.build_id) if mapping and own is not None else (mapping.path if mapping else "", None, "")
            for place in location.places or [None]:
                named = (place.function, place.file, place.line) if place else ("", "", 0)
                frames.append(Frame(number, address, *named, *module))
        return frames
