"""The command: which programs, under which configurations, and one result for each pair."""

import argparse
import concurrent.futures
import dataclasses
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback

from . import configurations, processes, programs, table
from .program import INSTEAD, CheckFailed
from .run import REPOSITORY, Run

DESCRIPTION = "Runs real programs doing real work under the preloaded library and checks that each gives the right result."
EPILOG = """\
examples:
  tools/compat                                   every program under hardened and under fast
  tools/compat --quick --profile=strict          the short form under one profile
  tools/compat --quick --layers                  the short form under each layer alone, and under all of them
  tools/compat --only=redis,nginx --options=quarantine=off
  tools/compat --library=none                    are the programs and their checks all right without any library?
  tools/compat --library=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2
Exit status: 0 when all passed, 1 when something failed, 2 when it could not begin."""


@dataclasses.dataclass
class Result:
    """How one program did under one configuration."""

    program: str
    configuration: str
    passed: bool = False
    seconds: float = 0.0
    did: str = ""
    failure: str = ""
    hint: str = ""
    folder: str = ""
    last_words: list = dataclasses.field(default_factory=list)
    complaints: list = dataclasses.field(default_factory=list)
    kept: list = dataclasses.field(default_factory=list)
    missing: list = dataclasses.field(default_factory=list)

    def as_dictionary(self):
        """For JSON."""
        return dataclasses.asdict(self)


def parse(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(prog="tools/compat", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    columns = parser.add_mutually_exclusive_group()
    columns.add_argument("--profile", default="hardened,fast", metavar="P[,P]",
                         help="hardened, fast, strict, fast_static (the library built for one profile) or another "
                              "profile's name (default: %(default)s)")
    columns.add_argument("--layers", action="store_true",
                         help="instead: each layer alone on top of fast, with what it needs, and all at once")
    parser.add_argument("--library", metavar="PATH.so",
                        help="preload this one: another build, another malloc library, or 'none' (default: "
                             "bazel-bin/libbartizan.so)")
    parser.add_argument("--options", default="", metavar="STRING", help="appended to BARTIZAN_OPTIONS, as in "
                                                                       "canaries=off:quarantine=1m")
    parser.add_argument("--only", default="", metavar="A,B", help="these programs only")
    parser.add_argument("--program", action="append", default=[], metavar="NAME=PATH",
                        help="use this binary instead of the system's, as in python3=/opt/python/bin/python3")
    parser.add_argument("--list", action="store_true", help="name the programs and the packages they need")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="less work of each program")
    form.add_argument("--long", action="store_true", help="more work, and the programs that take minutes")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="programs at a time (default: 1)")
    parser.add_argument("--json", metavar="FILE", help="write the results there as well")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Runs the command; the value is the exit status."""
    options = parse(arguments)
    if options.list:
        list_programs()
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    core_limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, core_limit))
    folder = tempfile.mkdtemp(prefix="bartizan-compat-")
    os.chmod(folder, 0o755)
    try:
        replace_programs(options.program)
        chosen_programs = select(options.only, options.long)
        chosen = configurations.each_layer(options.library, options.options, REPOSITORY) if options.layers else \
            configurations.chosen(options.profile.split(","), options.library, options.options, REPOSITORY)
        for configuration in chosen:
            configurations.prepare(configuration, folder)
        results = run_all(chosen_programs, chosen, folder, options)
    except configurations.CannotStart as problem:
        print(f"tools/compat: {problem}", file=sys.stderr)
        return 2
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(os.path.join(folder, "lib"), ignore_errors=True)
        if os.path.isdir(folder) and not os.listdir(folder):
            os.rmdir(folder)
    if options.json:
        table.write_json(options.json, results)
    table.Table.end(results)
    return 0 if all(result.passed for result in results) else 1


def replace_programs(pairs):
    """Takes the binaries that --program names."""
    for pair in pairs:
        name, _, path = pair.partition("=")
        if not os.access(path, os.X_OK):
            raise configurations.CannotStart(f"--program={pair}: {path or 'nothing'} is not a program")
        INSTEAD[name] = os.path.abspath(path)


def select(only, long):
    """The programs that --only names, or all but those on request."""
    everything = programs.everything()
    if not only:
        return [program for program in everything if long or not program.on_request]
    named = {program.name: program for program in everything}
    unknown = [name for name in only.split(",") if name not in named]
    if unknown:
        raise configurations.CannotStart(f"there is no program {unknown[0]}; known: {', '.join(named)}")
    return [named[name] for name in only.split(",")]


def list_programs():
    """Every program with what it does and the packages it needs."""
    for program in programs.everything():
        packages = " ".join(dict.fromkeys(package for _, package in program.needs))
        later = "  (with --long or --only)" if program.on_request else ""
        print(f"{program.name:<13} {program.does}{later}\n{'':<13} needs: {packages}")


def run_all(chosen_programs, chosen, folder, options):
    """Every program under every configuration; prints rows as they are done."""
    for configuration in chosen:
        if configuration.start_line:
            print(f"{configuration.name}: {configuration.start_line}", flush=True)
    rows = table.Table(chosen_programs, chosen)
    rows.header()
    scale = "quick" if options.quick else "long" if options.long else "normal"
    results = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, options.jobs)) as pool:
        work = {pool.submit(run_program, program, chosen, folder, scale): program for program in chosen_programs}
        try:
            for done in concurrent.futures.as_completed(work):
                table.progress("")
                rows.row(work[done], work[done].version_found(), done.result())
                results += done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True, wait=False)
            processes.end_all()
            raise
    return results


def run_program(program, chosen, folder, scale):
    """One program under each configuration in turn; they share what was computed without the library."""
    shared = {}
    results = []
    for configuration in chosen:
        table.progress(f"{program.name} under {configuration.name} ...")
        place = os.path.join(folder, f"{program.name}-{configuration.name}")
        results.append(run_once(program, configuration, place, shared, scale))
    return results


def run_once(program, configuration, place, shared, scale):
    """One program under one configuration."""
    result = Result(program.name, configuration.name, missing=program.missing())
    if result.missing:
        result.failure = f"not installed: apt-get install {' '.join(result.missing)}"
        return result
    began = time.monotonic()
    run = Run(program, configuration, place, shared, scale)
    result.failure = attempt(run)
    result.seconds = time.monotonic() - began
    result.passed = not result.failure
    result.hint = program.hint
    result.did = run.did
    result.kept = run.kept
    result.complaints = run.complaints()
    if result.passed:
        remove_but(place, run.kept)
    else:
        result.folder = place
        result.last_words = run.fatal_reports()[:3] or run.last_words()
    return result


def attempt(run):
    """Runs the work, then looks at what it left behind; the value says what went wrong, or nothing."""
    failure = ""
    try:
        run.program.work(run)
    except CheckFailed as problem:
        failure = str(problem)
    except Exception:  # A check that breaks is a failure of that program, not the end of the table.
        failure = "the check itself broke: " + traceback.format_exc(limit=-2).strip()
    try:
        run.finish()
        if not failure:
            run.check_loaded()
    except CheckFailed as problem:
        failure = str(problem) if not failure else f"{failure}; {problem}"
    return failure


def remove_but(place, kept):
    """Removes a run's folder except for the files that are worth looking at."""
    saved = []
    for path in kept:
        target = os.path.join(os.path.dirname(place), f"{os.path.basename(place)}-{os.path.basename(path)}")
        os.replace(path, target)
        saved.append(target)
    kept[:] = saved
    shutil.rmtree(place, ignore_errors=True)
