"""One run of a program under one allocator: what it took, and what memory it held."""

import dataclasses
import os
import re
import shlex
import signal
import time

from compare import machine, memory, process

# A server has this long to get ready.
READY_SECONDS = 30.0
DEFAULT_TIMEOUT_SECONDS = 600.0
_OTHER_MALLOC = re.compile(r"/lib(?:jemalloc|tcmalloc|mimalloc|scudo|hardened_malloc|snmalloc|bartizan)[^/]*\.so")


@dataclasses.dataclass(frozen=True)
class Work:
    """A program to run. With a load command it is a server, and what is measured is the load."""

    name: str
    argv: tuple
    metric: str = ""  # Regular expression for a number in the output: the first group, or the whole.
    higher_is_better: bool = False  # of the metric
    figures: dict = dataclasses.field(default_factory=dict)  # further numbers of the output: name -> expression
    load: str = ""  # a command of the shell
    ready: str = ""  # a command of the shell that succeeds when the server is ready; else: when it listens
    stdin: str = os.devnull
    cwd: str = ""
    environment: dict = dataclasses.field(default_factory=dict)
    timeout: float = DEFAULT_TIMEOUT_SECONDS


@dataclasses.dataclass
class Run:
    """What one run took. Seconds; counts include the children that were waited for."""

    wall: float = 0.0
    user: float = 0.0
    system: float = 0.0
    minor_faults: int = 0
    major_faults: int = 0
    voluntary_switches: int = 0
    involuntary_switches: int = 0
    metric: float | None = None
    figures: dict = dataclasses.field(default_factory=dict)
    others: float = 0.0  # the share of all processors that other programs used meanwhile
    failure: str = ""  # what went wrong; empty when nothing did


@dataclasses.dataclass
class Memory:
    """What a run held, in bytes; from runs of its own, which are not timed."""

    peak: int = 0
    final: int = 0
    mappings: int = 0
    samples: list = dataclasses.field(default_factory=list)  # (seconds, bytes)
    preloaded: bool = True  # the allocator's library was in the program
    linked_malloc: str = ""  # the file name of another malloc that the program is linked with
    failure: str = ""


def environment_of(work, allocator):
    """This process's environment, what the work sets, and the allocator's library before others that are preloaded."""
    result = dict(os.environ, **work.environment)
    others = [path for path in re.split("[ :]+", result.get("LD_PRELOAD", ""))
              if path and not os.path.basename(path).startswith("libbartizan")]
    result.update(allocator.environment())
    result["LD_PRELOAD"] = ":".join(filter(None, [result["LD_PRELOAD"], *others]))
    return {name: value for name, value in result.items() if value or name not in allocator.environment()}


def run_once(work, allocator, output):
    """A timed run; what the program says is appended to the file `output`, which is emptied before."""
    before = machine.busy_seconds()
    run, programs = _run(work, allocator, output, process.Process)
    if programs:
        first = programs[0].usage
        run.user, run.system = first.ru_utime, first.ru_stime
        run.minor_faults, run.major_faults = first.ru_minflt, first.ru_majflt
        run.voluntary_switches, run.involuntary_switches = first.ru_nvcsw, first.ru_nivcsw
        ours = sum(program.usage.ru_utime + program.usage.ru_stime for program in programs)
        elapsed = max(program.ended for program in programs) - min(program.began for program in programs)
        run.others = machine.share_of_others(before, ours, elapsed)
    return run


def watch_once(work, allocator, output):
    """An untimed run that looks at memory."""
    run, programs = _run(work, allocator, output, process.WatchedProcess)
    if not programs:
        return Memory(failure=run.failure)
    watch = programs[0].memory
    library = os.path.realpath(allocator.library) if allocator.library else ""
    linked = [os.path.basename(path) for path in sorted(watch.libraries - {library}) if _OTHER_MALLOC.search(path)]
    return Memory(watch.peak, watch.final(), watch.mappings, watch.samples, not library or library in watch.libraries,
                  linked[0] if linked else "", run.failure)


def _run(work, allocator, output, kind):
    """The run so far as it is known here, and the processes that took part: the program first."""
    run = Run()
    _empty(output)
    try:
        with process.signals_held(), kind(work.argv, environment_of(work, allocator), output, work.stdin,
                                          work.cwd or None) as program:
            if work.load:
                programs = _serve(work, run, program, output)
            else:
                programs = [program]
                _finish(work, run, program)
            program.end()
    except process.CannotStart as error:
        return Run(failure=str(error)), []
    if not run.failure and work.metric:
        text = _text(output + ".load" if work.load else output)
        run.metric, run.failure = read_metric(work.metric, text)
        run.figures = {name: read_metric(pattern, text)[0] for name, pattern in work.figures.items()}
    return run, programs


def _finish(work, run, program):
    """Waits for a program that ends by itself."""
    if process.wait_for_any([program], work.timeout) is None:
        run.failure = f"did not end within {work.timeout:g} s"
        program.end()
    elif program.exit_status() != 0:
        run.failure = ending(program.exit_status())
    run.wall = program.ended - program.began


def _serve(work, run, server, output):
    """Waits until the server is ready, puts the load on it, stops it. The processes that took part."""
    run.failure = _wait_until_ready(work, server, output)
    if run.failure:
        return [server]
    with _shell(work, work.load, output + ".load") as load:
        ended = process.wait_for_any([server, load], work.timeout)
        if ended is None:
            run.failure = f"the load did not end within {work.timeout:g} s"
        elif server.has_ended():
            run.failure = f"ended under load: {ending(server.exit_status())}"
        elif load.exit_status() != 0:
            run.failure = f"the load failed: {ending(load.exit_status())}"
    run.wall = load.ended - load.began
    server.stop()
    return [server, load]


def _shell(work, command, output):
    _empty(output)
    clean = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "BARTIZAN_OPTIONS")}
    return process.Process(("/bin/sh", "-c", command), dict(clean, **work.environment), output, cwd=work.cwd or None)


def _wait_until_ready(work, server, output):
    """Empty when it is ready, else what is wrong."""
    until = time.perf_counter() + READY_SECONDS
    while time.perf_counter() < until:
        if server.has_ended():
            return (f"ended before it was ready for the load: {ending(server.exit_status())} "
                    "(a server must stay in the foreground)")
        if _is_ready(work, server, output):
            return ""
        server.pause(0.02)
    wanted = f"{shlex.quote(work.ready)} does not succeed" if work.ready else "listens on no socket"
    return f"is not ready for the load after {READY_SECONDS:g} s: {wanted}"


def _is_ready(work, server, output):
    if not work.ready:
        return machine.is_listening(memory.family(server.pid))
    with _shell(work, work.ready, output + ".ready") as question:
        process.wait_for_any([question, server], READY_SECONDS)
    return question.exit_status() == 0


def ending(status):
    return f"exit status {status}" if status >= 0 else f"ended by {signal.Signals(-status).name}"


def problem_of_expression(pattern):
    """Why it cannot be a metric; empty when it can."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        return f"no regular expression: {error}"
    return f"has {groups} groups; the number is the first, write the others as (?:...)" if groups > 1 else ""


def read_metric(pattern, text):
    """The last number in the text that the pattern finds, and what is wrong if there is none."""
    found = None
    for found in re.finditer(pattern, text, re.MULTILINE):
        pass
    if found is None:
        return None, f"printed nothing that matches {shlex.quote(pattern)}"
    word = found[1] if found.re.groups else found[0]
    try:
        return float(word.replace(",", "")), ""
    except (ValueError, AttributeError):
        return None, f"what matches {shlex.quote(pattern)} is no number: '{word}'"


def _empty(path):
    with open(path, "wb"):
        pass


def _text(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="replace")
