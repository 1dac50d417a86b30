"""`bartizan exporter`, from its words to its exit code."""

import argparse
import re
import signal
import subprocess
import sys
import threading

from exporter import server

SUCCESS, WRONG_USE, MISSING = 0, 2, 125
# Longer than Prometheus waits by default (10 s): what it no longer waits for ends soon after.
_LOOK_SECONDS = 15

_EPILOG = """\
Each request for /metrics looks at all protected processes that this user may look into, as "bartizan stats --all
--prometheus" does: run it as root for those of all users. Whoever can reach the address sees the names and numbers of
processes: leave it on 127.0.0.1, or put it behind what keeps others out. docs/monitoring has rules for alerts, a dashboard for
Grafana and a systemd unit.

exit codes: 0 it was told to end, 2 wrong use, or the address cannot be had
"""


def address(text):
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+)):(\d{1,5})", text)
    if not match or int(match[3]) > 65535:
        raise argparse.ArgumentTypeError(f"expected an address such as 127.0.0.1:9642 or [::1]:9642, not '{text}'")
    return match[1] or match[2], int(match[3])


def parser():
    result = argparse.ArgumentParser("bartizan exporter", description="serve the statistics of all protected processes to "
                                     "Prometheus", epilog=_EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--listen", metavar="ADDRESS:PORT", type=address, default=("127.0.0.1", 9642),
                        help="where: 127.0.0.1:9642 unless given; port 0 is any free one")
    result.add_argument("--noresident", action="store_true", help="without what is in RAM, which costs a look at "
                        "/proc/PID/smaps")
    result.add_argument("--command", help=argparse.SUPPRESS)
    result.add_argument("--library", help=argparse.SUPPRESS)
    return result


def look_with(command, resident):
    """What looks: the Prometheus text of all processes, or CannotLook."""
    words = [command, "stats", "--all", "--prometheus"] + ([] if resident else ["--noresident"])

    def look():
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_LOOK_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise server.CannotLook(f"bartizan stats: {error}") from error
        if done.returncode != 0:
            raise server.CannotLook(done.stderr.decode(errors="replace").strip() or f"bartizan stats ended with "
                                    f"{done.returncode}")
        return done.stdout

    return look


def run(words):
    options = parser().parse_args(words)
    if not options.command:
        print("bartizan: exporter: start it as \"bartizan exporter\"", file=sys.stderr)
        return MISSING
    try:
        serving = server.Server(*options.listen, look_with(options.command, not options.noresident))
    except OSError as error:
        host, port = options.listen
        print(f"bartizan: exporter: cannot listen on {host}:{port}: {error.strerror or error}", file=sys.stderr)
        return WRONG_USE
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not from the handler itself: it waits for the thread that it has interrupted.
        signal.signal(number, lambda *_: threading.Thread(target=serving.shutdown).start())
    print(f"bartizan: exporter: http://{serving.address()}/metrics", flush=True)
    serving.serve_forever()
    serving.server_close()
    return SUCCESS


def main():
    sys.exit(run(sys.argv[1:]))
