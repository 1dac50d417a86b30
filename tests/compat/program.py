"""One row of the compatibility table: what it needs, what it does and how its result is checked."""

import dataclasses
import glob
import os
import re
import shutil
import subprocess
from typing import Callable, Optional

# Only the system's own programs are tried: a version manager's shim earlier in the user's PATH would answer for
# something that no package list can install.
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class CheckFailed(Exception):
    """A program gave a wrong result, ended wrongly, or did not end."""


@dataclasses.dataclass(frozen=True)
class Program:
    """A program of the table; `work` runs it and raises CheckFailed where the result is wrong."""

    name: str
    work: Callable
    does: str  # what it did, for the table
    needs: tuple  # pairs of (binary or absolute glob, Debian package)
    loaded: tuple  # programs that must have been seen with the library mapped
    without: tuple = ()  # executables that may run without it
    version: tuple = ()  # command that prints the version; the first binary with --version by default
    limit: int = 400  # seconds for one run of it, where the configuration does not need more
    hint: str = ""  # printed below a failure: what it is likely to mean
    on_request: bool = False  # run only with --long or when named by --only

    def missing(self):
        """The packages that this program still needs, in order."""
        return [package for binary, package in self.needs if not find(binary)]

    def version_found(self):
        """The version the program reports of itself, else its package's, else '-'."""
        command = list(self.version) or [self.needs[0][0], "--version"]
        path = find(command[0])
        if not path:
            return "-"
        package = ["dpkg-query", "-W", "-f", "${Version}", self.needs[0][1]]
        for words in ([path] + command[1:], package):
            number = re.search(r"\d+(\.\d+)+", printed(words))
            if number:
                return number.group(0)
        return "-"


def printed(command):
    """All that a short command prints; nothing when it cannot be run."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


REGISTRY = []

# Other binaries to use under a program's name, as --program names them.
INSTEAD = {}


def program(name, *, does, needs, loaded, **rest):
    """Registers the decorated function as the work of a program of the table."""

    def register(work):
        REGISTRY.append(Program(name, work, does, tuple(needs), tuple(loaded), **rest))
        return work

    return register


def find(name) -> Optional[str]:
    """The path of a system program, or of the newest file that an absolute glob matches."""
    if name in INSTEAD:
        return INSTEAD[name]
    if name.startswith("/"):
        matches = sorted(glob.glob(name), key=natural_order)
        return matches[-1] if matches else None
    return shutil.which(name, path=SYSTEM_PATH)


def natural_order(path):
    """Sorts version 15 after version 9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]


def executable_name(name):
    """What /proc will call the process: redis-server, for one, is a link to another name."""
    path = find(name)
    return os.path.basename(os.path.realpath(path)) if path else os.path.basename(name)
