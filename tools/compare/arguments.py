"""The words behind `bartizan compare`: flags first, then the program."""

import dataclasses
import difflib

from compare import allocators, measure

DEFAULT_BASE = "glibc"
DEFAULT_ROUNDS = 10
# Without --layers: those of these that are there.
DEFAULT_ALLOCATORS = ("hardened", "fast", "strict", "glibc", "jemalloc", "mimalloc", "tcmalloc", "scudo")
TO_STANDARD_OUTPUT = "-"


class WrongUse(Exception):
    """Its text is for the user."""


@dataclasses.dataclass
class Arguments:
    """What was asked for."""

    allocators: str = ""
    base: str = DEFAULT_BASE
    profile: str = "hardened"
    layers: bool = False
    rounds: int = DEFAULT_ROUNDS
    report: str = ""
    json: str = ""
    metric: str = ""
    higher_is_better: bool = False
    load: str = ""
    ready: str = ""
    timeout: float = measure.DEFAULT_TIMEOUT_SECONDS
    library: str = ""
    command: str = ""
    help: bool = False
    program: tuple = ()


@dataclasses.dataclass(frozen=True)
class Flag:
    """`read` turns the value into what is kept, or raises ValueError."""

    name: str
    value: str  # as help shows it; empty: a switch
    help: str
    read: object = str
    without_value: object = None  # what the bare name means; None: it needs a value


def _profile(text):
    if text not in allocators.PROFILES:
        raise ValueError("expected " + ", ".join(allocators.PROFILES))
    return text


def _rounds(text):
    if not text.isdecimal() or not 1 <= int(text) <= 10000:
        raise ValueError("expected a number from 1 to 10000")
    return int(text)


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e7:
        raise ValueError("expected seconds, such as 600")
    return seconds


def _expression(text):
    problem = measure.problem_of_expression(text)
    if problem:
        raise ValueError(problem)
    return text


FLAGS = (
    Flag("allocators", "A,B,...", "which to run; see below"),
    Flag("base", "NAME", f"the one that others are compared with; {DEFAULT_BASE} unless given"),
    Flag("profile", "NAME", "whose layers --layers takes apart: hardened, unless given, fast or strict", _profile),
    Flag("layers", "", "what each layer costs: each one off from the profile, and each one alone", without_value=True),
    Flag("rounds", "N", f"how often each is run; {DEFAULT_ROUNDS} unless given", _rounds),
    Flag("report", "FILE", "write a page with pictures, HTML in one file; needs gnuplot"),
    Flag("json", "[=FILE]", "everything as JSON, to the file, or instead of the table",
         without_value=TO_STANDARD_OUTPUT),
    Flag("metric", "REGEX", "the measure is the last number in the output that this finds, in its first group",
         _expression),
    Flag("higher-is-better", "", "of that number", without_value=True),
    Flag("load", "COMMAND", "the program is a server: when it is ready, run this command of the shell, and measure that"),
    Flag("ready", "COMMAND", "it is ready when this succeeds; unless given, when it listens on a socket"),
    Flag("timeout", "SECONDS", f"longest run, or load; {measure.DEFAULT_TIMEOUT_SECONDS:g} unless given", _seconds),
    Flag("library", "PATH", "libbartizan.so instead of the one beside the command"),
)
# What the bartizan command says of itself.
_HIDDEN = (Flag("command", "PATH", ""), Flag("help", "", "", without_value=True))

HELP = """\
usage: bartizan compare [FLAGS] [--] PROGRAM [ARGS]

run a program under several allocators, tell what each costs

{flags}

Runs the program under each allocator by turns, and prints times, memory, page faults, context switches and mappings,
as ratios to the base. Each ratio has an interval (95 %). The base also runs against itself, which shows how small a
difference can be told from noise here; rounds in which other programs kept the machine busy are dropped and repeated.
A program that reads a file on standard input gets it from its beginning each time; other input it does not get.

allocators: {allocators}
(what the program is linked with); NAME=path.so; and a profile with layers added or taken away: fast+canaries,
hardened-quarantine-canaries. Unless given, those that are there of
{defaults}; with --layers, the base only.

examples:
  bartizan compare -- ./program arguments
  bartizan compare --layers --profile=strict --report=cost.html -- ./program
  bartizan compare --allocators=hardened,jemalloc,mine=./libmine.so --rounds=30 -- ./program
  bartizan compare --load='redis-benchmark -q -t set -n 100000' --metric='([0-9.]+) requests per second' \\
      --higher-is-better -- redis-server --save ''

exit codes: 0 all measured, 1 the program failed under an allocator, 2 wrong use, 125 an allocator, gnuplot or the
library is missing, 126 the program cannot be run, 127 program not found, 130 interrupted (what was measured is printed)
"""


def help_text():
    shown = []
    for flag in FLAGS:
        value = flag.value if flag.value.startswith("[") or not flag.value else f"={flag.value}"
        shown.append(f"  --{flag.name + value:<20} {flag.help}")
    known = (*allocators.PROFILES, allocators.STATIC_FAST, *(peer.name for peer in allocators.peers()), allocators.OWN)
    return HELP.format(flags="\n".join(shown), allocators=", ".join(known), defaults=", ".join(DEFAULT_ALLOCATORS))


def _find(name):
    flags = FLAGS + _HIDDEN
    for flag in flags:
        if flag.name == name:
            return flag
    near = difflib.get_close_matches(name, [flag.name for flag in FLAGS] + ["help"], 1)
    raise WrongUse(f"unknown flag '--{name}'" + (f"; did you mean '--{near[0]}'?" if near else ""))


def parse(words):
    """The first word that is no flag, or what follows --, is the program. WrongUse has a text for the user."""
    result = Arguments()
    words = list(words)
    while words:
        word = words.pop(0)
        if word in ("--help", "-h"):
            result.help = True
            return result
        if word == "--" or not word.startswith("-"):
            result.program = tuple(words if word == "--" else [word, *words])
            break
        if not word.startswith("--"):
            raise WrongUse(f"unknown flag '{word}'")
        _set(result, word, words)
    _check(result)
    return result


def _set(result, word, words):
    name, equals, value = word[2:].partition("=")
    flag = _find(name)
    if equals and not flag.value:
        raise WrongUse(f"--{name} takes no value")
    if equals:
        kept = value
    elif flag.without_value is not None:
        setattr(result, name.replace("-", "_"), flag.without_value)
        return
    elif words:
        kept = words.pop(0)
    else:
        raise WrongUse(f"--{name} needs a value")
    if not kept:
        raise WrongUse(f"--{name} needs a value")
    try:
        setattr(result, name.replace("-", "_"), flag.read(kept))
    except ValueError as error:
        raise WrongUse(f"--{name}={kept}: {error}") from None


def _check(result):
    if not result.program:
        raise WrongUse("which program?\nTry: bartizan compare -- PROGRAM [ARGS]")
    if result.higher_is_better and not result.metric:
        raise WrongUse("--higher-is-better says something of --metric; without it time is measured")
    if result.ready and not result.load:
        raise WrongUse("--ready is for servers; say with --load what to do with it")
    if result.layers and result.profile == "fast":
        raise WrongUse("--layers --profile=fast: this profile has no layers")
