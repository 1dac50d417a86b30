"""The allocators that programs are run with: our profiles and single layers, and those that Debian 12 ships."""

import dataclasses
import json
import os
import re
import subprocess

_LIBRARIES = "/usr/lib/x86_64-linux-gnu"
_SCUDO = "/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.scudo_standalone-x86_64.so"
# What Scudo can do and does not do unless asked. Without a chunk size nothing enters its quarantine.
_SCUDO_OPTIONS = ("quarantine_size_kb=256:thread_local_quarantine_size_kb=64:quarantine_max_chunk_size=65536:"
                  "zero_contents=1:delete_size_mismatch=1:dealloc_type_mismatch=1")

PROFILES = ("fast", "hardened", "strict")
# The fast profile compiled in, from a library of its own.
STATIC_FAST = "fast-static"
# Nothing is preloaded: the program keeps the malloc that it is linked with.
OWN = "own"


@dataclasses.dataclass(frozen=True)
class Allocator:
    """A library to preload, if any, and the variables that configure it."""

    name: str
    library: str = ""
    package: str = ""  # Debian's; for the version, and for who lacks it
    variables: dict = dataclasses.field(default_factory=dict)
    note: str = ""
    title: str = ""  # in tables of documents, where it differs from the name

    def environment(self):
        """What is set for a program that shall use it. Other allocators' variables are emptied: the user's do not count."""
        result = {"LD_PRELOAD": self.library, "BARTIZAN_OPTIONS": "", "SCUDO_OPTIONS": "", "MALLOC_CONF": ""}
        result.update(self.variables)
        return result

    def version(self):
        if not self.package:
            return ""
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.package], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout

    def is_ours(self):
        return os.path.basename(self.library).startswith("libbartizan")

    def is_missing(self):
        return bool(self.library) and not os.access(self.library, os.R_OK)


def ours(library):
    """The profiles of libbartizan.so."""
    return [Allocator(profile, library, variables={"BARTIZAN_OPTIONS": f"profile={profile}"})
            for profile in PROFILES]


def peers():
    return [
        # Preloaded, too: some programs are linked with another malloc.
        Allocator("glibc", f"{_LIBRARIES}/libc.so.6", "libc6", note="as it is"),
        Allocator("jemalloc", f"{_LIBRARIES}/libjemalloc.so.2", "libjemalloc2", note="as it is"),
        Allocator("mimalloc", f"{_LIBRARIES}/libmimalloc.so.2", "libmimalloc2.0", note="as it is"),
        Allocator("tcmalloc", f"{_LIBRARIES}/libtcmalloc_minimal.so.4", "libtcmalloc-minimal4", note="as it is"),
        Allocator("scudo", _SCUDO, "libclang-rt-19-dev", note="as it is", title="Scudo"),
        Allocator("scudo-hard", _SCUDO, "libclang-rt-19-dev", {"SCUDO_OPTIONS": _SCUDO_OPTIONS},
                  note=f"`SCUDO_OPTIONS={_SCUDO_OPTIONS}`", title="Scudo, all on"),
    ]


class UnknownAllocator(Exception):
    """Its text is for the user."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """A row of `bartizan options --json` that is a layer."""

    name: str
    needs: tuple  # layers without which it is off
    profiles: tuple  # that have it on


def read_layers(command):
    """The layers that the bartizan command at this path knows, in their order."""
    done = subprocess.run([command, "options", "--json"], stdout=subprocess.PIPE, text=True, check=True)
    return [Layer(row["name"], tuple(row["needs"]), tuple(name for name, value in row["defaults"].items() if value))
            for row in json.loads(done.stdout) if row["layer"]]


class Catalogue:
    """Finds allocators by the names of the command line."""

    def __init__(self, library, layers):
        self.library = library
        self.layers = {layer.name: layer for layer in layers}
        fast = os.path.join(os.path.dirname(library), "libbartizan-fast.so")
        known = [*ours(library), Allocator(STATIC_FAST, fast), *peers(), Allocator(OWN)]
        self.known = {allocator.name: allocator for allocator in known}

    def find(self, name):
        """The allocator, which may be missing on this machine; UnknownAllocator when there is no such name."""
        if name in self.known:
            return self.known[name]
        own, equals, path = name.partition("=")
        if equals:
            if not own or not path:
                raise UnknownAllocator(f"'{name}': expected NAME=path.so")
            if own in self.known:
                raise UnknownAllocator(f"'{name}': {own} has a meaning already; choose another name")
            return Allocator(own, os.path.realpath(path), note=path)
        profile, *changes = re.split(r"(?=[+-])", name)
        if profile not in PROFILES or not changes:
            raise UnknownAllocator(
                f"'{name}' is no allocator; known: {', '.join(self.known)}, NAME=path.so, and a profile with layers "
                "added or taken away, such as fast+canaries or hardened-quarantine")
        options = [f"profile={profile}", *(option for change in changes for option in self._changed(name, change))]
        return Allocator(name, self.library, variables={"BARTIZAN_OPTIONS": ":".join(options)})

    def _changed(self, name, change):
        layer = self.layers.get(change[1:])
        if layer is None:
            raise UnknownAllocator(f"'{name}': '{change[1:]}' is no layer; known: {', '.join(self.layers)}")
        if change[0] == "-":
            return [f"{layer.name}=off"]
        return [f"{needed}=on" for needed in (*layer.needs, layer.name)]

    def one_off(self, profile):
        """The profile without one of its layers, for each layer."""
        return [self.find(f"{profile}-{layer.name}") for layer in self.layers.values() if profile in layer.profiles]

    def each_alone(self, profile):
        """Each layer of the profile alone, with what it needs."""
        return [self.find(f"fast+{layer.name}") for layer in self.layers.values() if profile in layer.profiles]
