"""What memory a program and the programs that it starts hold, from /proc."""

import glob
import re
import time

# Between two looks, at first. The more looks, the rarer: a picture needs hundreds, not thousands.
_FIRST_PAUSE = 0.002
_MOST_SAMPLES = 400
# Looking may take this share of the time.
_SHARE_OF_TIME = 0.05


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:  # It is gone, or not ours.
        return ""


def _kib(text, name):
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def family(pid):
    """The process and all that descend from it."""
    found = [pid]
    for member in found:
        for path in glob.glob(f"/proc/{member}/task/*/children"):
            found += [int(word) for word in _read(path).split()]
    return found


def resident(pids):
    """Resident bytes; what several processes share counts once (their proportional shares are added).

    The kernel's quick counters (statm) are off by hundreds of pages; this reads the page tables.
    """
    kind = "Rss" if len(pids) == 1 else "Pss"
    return sum(_kib(_read(f"/proc/{pid}/smaps_rollup"), kind) for pid in pids)


class Watch:
    """Looks at a program from time to time."""

    def __init__(self):
        self.samples = []  # (seconds since the start, resident bytes)
        self.peak = 0
        self.mappings = 0  # the most in one process
        self.libraries = set()  # the files mapped into any process
        self.is_over = False  # What comes now is its end, which says nothing.
        self._began = time.perf_counter()
        self._pause = _FIRST_PAUSE
        self._next = 0.0

    def final(self):
        return self.samples[-1][1] if self.samples else 0

    def next_look(self):
        """Seconds until then."""
        return max(self._next - time.perf_counter(), 0.0)

    def look(self, pid, now=False):
        """Looks, if it is time to, or to be done now."""
        began = time.perf_counter()
        if self.is_over or (began < self._next and not now):
            return
        pids = family(pid)
        held = resident(pids)
        if held:
            self.samples.append((began - self._began, held))
            self.peak = max(self.peak, held, _kib(_read(f"/proc/{pid}/status"), "VmHWM"))
            for member in pids:
                self._look_at_mappings(member)
        ended = time.perf_counter()
        if len(self.samples) > _MOST_SAMPLES:
            del self.samples[1::2]
            self._pause *= 2
        self._next = ended + max(self._pause, (ended - began) / _SHARE_OF_TIME)

    def _look_at_mappings(self, pid):
        lines = _read(f"/proc/{pid}/maps").splitlines()
        self.mappings = max(self.mappings, len(lines))
        self.libraries.update(line[line.index("/"):] for line in lines if "/" in line)
