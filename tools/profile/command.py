"""`bartizan profile`, from its words to its exit code."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from heap_profile import flame, pprof, samples
from symbolize import symbolizer

SUCCESS, WRONG_USE, MISSING = 0, 2, 125

_EPILOG = """\
The profile has four values for each stack: blocks and bytes allocated, and those of them alive at the end (of the program) or
now (of a process). They are estimates: one block in so many bytes is a sample and stands for the others.
FILE.pb.gz is for pprof (pprof -http=: FILE.pb.gz), FILE.html is a flame graph for any browser.

A program is profiled until it ends, is interrupted or crashes; what was allocated by programs that it starts is not in the
profile. A running process must have sampling on: bartizan run --set=sampling=on --option=sample_bytes=512k -- PROGRAM.

exit codes: of a program, its own, or 128 and the number of the signal that ended it; of a process, 0 written, 1 it is not
protected or has no sampling, 2 cannot tell, or wrong use
"""


def size(text):
    match = re.fullmatch(r"(\d+)([kmg]?)", text.lower())
    if not match or not 1 <= int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2]] <= 1 << 40:
        raise argparse.ArgumentTypeError(f"expected bytes such as 64k, 512k or 4m, not '{text}'")
    return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2]]


def parser():
    result = argparse.ArgumentParser("bartizan profile", usage="bartizan profile [--rate=BYTES] [--output=FILE] "
                                     "(PID | -- PROGRAM [ARGS])", description="sample what a program allocates, by stack",
                                     epilog=_EPILOG, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--rate", metavar="BYTES", type=size, help="of a program: a sample in so many bytes, 512k unless given")
    result.add_argument("--output", metavar="FILE", help="writes FILE.pb.gz and FILE.html; bartizan-profile-PID unless given")
    result.add_argument("--nosymbols", action="store_true", help="without names of functions: pprof finds them itself")
    result.add_argument("--symbolizer", metavar="PROGRAM", help=argparse.SUPPRESS)
    result.add_argument("--command", help=argparse.SUPPRESS)
    result.add_argument("--library", help=argparse.SUPPRESS)
    result.add_argument("process", metavar="PID", nargs="?", help="a running process, with sampling on")
    return result


def complain(message):
    print(f"bartizan: profile: {message}", file=sys.stderr)


def write(options, document, duration_ns):
    """The two files; False after a message."""
    names = symbolizer.chosen(options, complain)
    profile = samples.Profile(document, names)
    # A module that is gone has no names; pprof may find them where it is.
    base = options.output or f"bartizan-profile-{profile.process}"
    base = re.sub(r"(\.pb)?(\.gz)?$", "", base)
    title = f"Heap of {profile.program}, process {profile.process}"
    encoded = pprof.encode(profile, time.time_ns(), duration_ns, options.rate or 0)
    for path, data in ((base + ".pb.gz", encoded), (base + ".html", flame.page(profile, title).encode(errors="replace"))):
        try:
            with open(path, "wb") as file:
                file.write(data)
        except OSError as error:
            complain(f"{path}: {error.strerror}")
            return False
    print(f"bartizan: profile: wrote {base}.pb.gz and {base}.html", file=sys.stderr)
    return True


def load(path):
    """What was written there by bartizan samples; None: nothing."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def of_process(options, process):
    done = subprocess.run([options.command, "samples", f"--process={process}"], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False)
    if done.returncode != 0:
        for line in done.stderr.decode(errors="replace").splitlines():
            complain(line.removeprefix("bartizan: samples: "))
        return done.returncode
    document = json.loads(done.stdout.decode(errors="replace"))
    return SUCCESS if write(options, document, 0) else WRONG_USE


def of_program(options, program):
    options.rate = options.rate or 512 << 10
    # What interrupts or ends this is for the program; its profile is written then.
    started, early = [], []

    def pass_on(number, _):
        for process in started:
            process.send_signal(number)
        if not started:
            early.append(number)

    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    with tempfile.TemporaryDirectory(prefix="bartizan-profile-") as folder:
        path = os.path.join(folder, "samples.json")
        run = [options.command, "run", "--set=sampling=on", f"--option=sample_bytes={options.rate}",
               "--option=stack_depth=64"]
        if options.library:
            run.append(f"--library={options.library}")
        began = time.monotonic_ns()
        with subprocess.Popen([options.command, "samples", f"--json_file={path}", "--", *run, "--", *program],
                              preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL)
                                                  for number in (signal.SIGINT, signal.SIGQUIT)]) as process:
            started.append(process)
            for number in early:
                process.send_signal(number)
            code = process.wait()
        document = load(path)
        if document is None:
            return code
        written = write(options, document, time.monotonic_ns() - began)
        return code if written or code != SUCCESS else WRONG_USE


def main():
    words = sys.argv[1:]
    # What follows is a program and its own words.
    own = words[:words.index("--")] if "--" in words else words
    program = words[len(own) + 1:]
    options = parser().parse_args(own)
    if bool(program) == (options.process is not None):
        complain("one process or one program\nTry: bartizan profile -- PROGRAM [ARGS]")
        sys.exit(WRONG_USE)
    if program:
        sys.exit(of_program(options, program))
    if not options.process.isdigit() or int(options.process) == 0:
        complain(f"'{options.process}' is not a process id; a program stands behind --")
        sys.exit(WRONG_USE)
    if options.rate:
        complain("--rate is for programs that are started; a process has the one it was started with")
        sys.exit(WRONG_USE)
    sys.exit(of_process(options, int(options.process)))
