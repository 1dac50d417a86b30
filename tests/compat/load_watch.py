"""Sees in /proc that the preloaded library is really mapped in the processes of a run."""

import os
import threading
import time

# A process is counted as running without the library only when it was seen so for this long: the first moments after
# exec, before the dynamic linker has mapped anything, are not evidence.
EVIDENCE_SECONDS = 0.3
EAGER_PAUSE = 0.02
CALM_PAUSE = 0.25


class LoadWatch(threading.Thread):
    """Looks at the processes below the given ones until stopped.

    `loaded` and `unloaded` are the executables' names seen with and without the library. Written by this thread alone
    and read after `stop`.
    """

    def __init__(self, library, expected):
        super().__init__(daemon=True)
        self.library = library.encode()
        self.expected = set(expected)
        self.loaded = set()
        self.unloaded = set()
        self._roots = set()
        self._settled = set()  # (pid, executable) known to have the library
        self._suspect_since = {}
        self._stopping = threading.Event()

    def add(self, pid):
        """Watches a process and all its descendants."""
        self._roots.add(pid)

    def discard(self, pid):
        """Forgets a process that ended: its number may soon be another's."""
        self._roots.discard(pid)

    def run(self):
        while True:
            for pid in descendants(list(self._roots)):
                self._look_at(pid)
            pause = CALM_PAUSE if self.expected <= self.loaded else EAGER_PAUSE
            if self._stopping.wait(pause):
                return

    def stop(self):
        """Ends the watch."""
        self._stopping.set()
        self.join()

    def _look_at(self, pid):
        try:
            executable = os.readlink(f"/proc/{pid}/exe")
            if (pid, executable) in self._settled:
                return
            with open(f"/proc/{pid}/maps", "rb") as file:
                maps = file.read()
            if not maps or executable != os.readlink(f"/proc/{pid}/exe"):
                return
        except OSError:
            return  # It ended, or this user may not look into it.
        name = os.path.basename(executable)
        if self.library in maps:
            self._settled.add((pid, executable))
            self.loaded.add(name)
            return
        first = self._suspect_since.setdefault((pid, executable), time.monotonic())
        if time.monotonic() - first >= EVIDENCE_SECONDS:
            self.unloaded.add(name)


def descendants(roots):
    """The processes given and everything below them."""
    found = []
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children(pid))
    return found


def children(pid):
    """The children of every thread of a process."""
    result = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return result
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                result.extend(int(child) for child in file.read().split())
        except OSError:
            pass
    return result
