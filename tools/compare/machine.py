"""What the machine does meanwhile, and what it is."""

import glob
import os
import platform
import re

_TICK = os.sysconf("SC_CLK_TCK")
_LISTENING = "0A"
_ACCEPTS_CONNECTIONS = 0x10000


def _lines(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def busy_seconds():
    """Seconds of processor time that programs took, of all processors, and that other machines stole."""
    for line in _lines("/proc/stat"):
        if line.startswith("cpu "):
            user, nice, system, _, _, _, _, steal = [int(word) for word in line.split()[1:9]]
            return (user + nice + system + steal) / _TICK
    return 0.0


def share_of_others(before, ours, elapsed):
    """The share of all processors that others took since `busy_seconds()` was `before`, of which `ours` was ours.

    The kernel counts in ticks: what is less than two of them is not seen.
    """
    others = busy_seconds() - before - ours - 2 / _TICK
    return max(others, 0.0) / max(elapsed * os.cpu_count(), 1 / _TICK)


def _sockets_of(pid):
    inodes = set()
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(path))
        except OSError:
            continue
        if found:
            inodes.add(found[1])
    return inodes


def is_listening(pids):
    """Whether one of the processes waits for connections, on TCP or on a socket of the file system."""
    for pid in pids:
        own = _sockets_of(pid)
        tcp = [line.split() for name in ("tcp", "tcp6") for line in _lines(f"/proc/{pid}/net/{name}")[1:]]
        local = [line.split() for line in _lines(f"/proc/{pid}/net/unix")[1:]]
        if (any(row[3] == _LISTENING and row[9] in own for row in tcp) or
                any(int(row[3], 16) & _ACCEPTS_CONNECTIONS and row[6] in own for row in local)):
            return True
    return False


def description():
    """The machine, for reports."""
    models = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {"processor": models[0] if models else platform.machine(), "processors": os.cpu_count(),
            "memory_bytes": memory[0] * 1024 if memory else 0, "kernel": platform.release().split("-")[0],
            "architecture": platform.machine()}
