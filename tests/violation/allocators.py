"""The allocators that the faults are tried against: our profiles, and those that Debian 12 ships."""

import dataclasses
import os
import subprocess

_LIBRARIES = "/usr/lib/x86_64-linux-gnu"
_SCUDO = "/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.scudo_standalone-x86_64.so"
# What Scudo can do and does not do unless asked. Without a chunk size nothing enters its quarantine.
_SCUDO_OPTIONS = ("quarantine_size_kb=256:thread_local_quarantine_size_kb=64:quarantine_max_chunk_size=65536:"
                  "zero_contents=1:delete_size_mismatch=1:dealloc_type_mismatch=1")


@dataclasses.dataclass(frozen=True)
class Allocator:
    name: str
    library: str = ""
    package: str = ""  # Debian's, for the version
    variables: dict = dataclasses.field(default_factory=dict)
    note: str = ""

    def environment(self):
        """What is set for a program that shall use it."""
        result = {"LD_PRELOAD": self.library, "BARTIZAN_OPTIONS": "", "SCUDO_OPTIONS": "", "MALLOC_CONF": ""}
        result.update(self.variables)
        return result

    def version(self):
        if not self.package:
            return ""
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.package], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout

    def is_missing(self):
        return bool(self.library) and not os.access(self.library, os.R_OK)


def ours(library):
    return [Allocator(profile, library, variables={"BARTIZAN_OPTIONS": f"profile={profile}"})
            for profile in ("fast", "hardened", "strict")]


def peers():
    return [
        Allocator("glibc", package="libc6", note="as it is"),
        Allocator("jemalloc", f"{_LIBRARIES}/libjemalloc.so.2", "libjemalloc2", note="as it is"),
        Allocator("mimalloc", f"{_LIBRARIES}/libmimalloc.so.2", "libmimalloc2.0", note="as it is"),
        Allocator("tcmalloc", f"{_LIBRARIES}/libtcmalloc_minimal.so.4", "libtcmalloc-minimal4", note="as it is"),
        Allocator("Scudo", _SCUDO, "libclang-rt-19-dev", note="as it is"),
        Allocator("Scudo, all on", _SCUDO, "libclang-rt-19-dev", {"SCUDO_OPTIONS": _SCUDO_OPTIONS},
                  note=f"`SCUDO_OPTIONS={_SCUDO_OPTIONS}`"),
    ]
