"""`bartizan fuzz --example`: a parser with planted heap bugs, fuzzed without sanitizers under each allocator."""

import concurrent.futures
import dataclasses
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time

from compare import allocators
from compare.ending import FAILED, MISSING, Refusal
from fuzz import engines

FOLDER = os.path.join("fuzz", "example")
EXECUTIONS = 50000
LONGEST = 128  # bytes of an input
SEED = 1
# Of one run, besides what the executions may take. Some never end: glibc aborts with its lock held, and libFuzzer's handler
# of SIGABRT allocates.
_SECONDS = 10
_REPLAYS = 3

BUGS = {
    "overflow_one": "writes one byte behind a block: `N\"...`",
    "overflow_many": "writes many bytes behind a block: `T` with tabs",
    "underflow": "writes two bytes before a block: `P` that begins with a dot",
    "off_by_null": "writes a string's final zero behind a block: `S` of 8, 16, ... bytes",
    "use_after_free_write": "adds to a member of a freed block: `D`, `U` of the same item",
    "use_after_free_read": "follows a pointer that lies in a freed block: `D`, `R` of the same item",
    "double_free": "frees a block twice: `D`, `D` of the same item",
    "invalid_free": "frees 16 bytes behind the block's begin: `B#` with more than 16 bytes",
    "realloc_confusion": "grows a list to so many bytes instead of elements: `A` with more than 4",
    "uninitialised_read": "follows a pointer that was never set: `O` of 1 byte",
    "overread": "copies more out of a block than it holds: `C`",
    "leak": "forgets a block: `L`, `L`",
}

# What is promised to be seen in the very execution that does it, and by which profiles.
_ALWAYS = ("double_free", "invalid_free")
_CANARIES = ("overflow_one", "overflow_many", "off_by_null")
PROMISED = {"fast": _ALWAYS, "hardened": _ALWAYS + _CANARIES, "strict": _ALWAYS + _CANARIES}

_SAID = re.compile(r"bartizan: fatal: ([^:;\n]*)|ERROR: (?:Address|Leak)Sanitizer: ([\w -]+?)(?: on| \(|$)|"
                   r"^((?:free|malloc|realloc|munmap_chunk|calloc|corrupted|double free|malloc_consolidate|Fatal glibc)\S*[^\n]*)|"
                   r"(SEGV) on unknown", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Find:
    """What became of one build in so many executions."""

    executions: int  # until the find, or all
    found: bool
    again: bool = False  # the kept input shows it again in a process of its own
    hung: bool = False  # in the handler of the crash
    said: str = ""


@dataclasses.dataclass(frozen=True)
class Column:
    """What the parser is run with."""

    name: str
    title: str
    variables: dict
    flags: tuple = ()
    stops: bool = False  # stops where the bug does its harm, whether or not anything is noticed


def columns(library):
    ours = [Column(each.name, each.name, {"LD_PRELOAD": library} | each.variables) for each in allocators.ours(library)]
    return [Column("reached", "reached", {}, stops=True), Column("glibc", "glibc", {}), *ours,
            Column("asan", "ASan", {}, ("-fsanitize=address",))]


class LibFuzzer:
    """libFuzzer: all executions in one process, whose own memory comes from the same allocator."""

    name, title, compiler, sources = "libfuzzer", "libFuzzer", "clang-19", ("parser.c", "planted.c", "target.c")
    flags, asan_variables = ("-fsanitize=fuzzer",), {"ASAN_OPTIONS": "abort_on_error=1"}
    speed_factor, slowest = 50, 5000  # executions a second, at least

    def fuzz(self, binary, column, executions, inputs, folder):
        kept = os.path.join(folder, "kept")
        os.mkdir(os.path.join(folder, "corpus"))
        words = [binary, f"-seed={SEED}", f"-runs={executions}", f"-max_len={LONGEST}", f"-exact_artifact_path={kept}",
                 "-print_final_stats=1", os.path.join(folder, "corpus"), inputs]
        status, output = run(words, environment(self, column, "LD_PRELOAD"), executions, self.slowest)
        done = engines.read_libfuzzer(output).executions
        return Find(done, status != 0, hung=status is None, said=said(output)), kept

    def replay(self, binary, column, kept):
        return run([binary, kept], environment(self, column, "LD_PRELOAD"))


class Persistent:
    """AFL++, all executions in one process until it crashes."""

    name, title, compiler, sources = "persistent", "AFL++, persistent mode", "afl-clang-fast", ("parser.c", "planted.c", "target.c")
    flags, speed_factor, slowest = ("-fsanitize=fuzzer",), 10, 1000
    # What afl-fuzz insists on.
    asan_variables = {"ASAN_OPTIONS": "abort_on_error=1:symbolize=0:detect_leaks=0"}

    def fuzz(self, binary, column, executions, inputs, folder):
        output = os.path.join(folder, "output")
        words = ["afl-fuzz", "-i", inputs, "-o", output, "-G", str(LONGEST), "-s", str(SEED), "-E", str(executions), "--", binary]
        variables = environment(self, column, "AFL_PRELOAD") | engines.AFL_VARIABLES | {"AFL_BENCH_UNTIL_CRASH": "1"}
        status, printed = run(words, variables, executions, self.slowest)
        try:
            with open(os.path.join(output, "default", "fuzzer_stats"), encoding="utf-8") as file:
                done = engines.read_afl(file.read()).executions
        except OSError:
            done = 0
        if not done:
            raise Refusal(f"afl-fuzz did nothing (status {status}): {printed[-1000:]}", MISSING)
        crashes = os.path.join(output, "default", "crashes")
        names = sorted(name for name in os.listdir(crashes) if name.startswith("id:"))
        if not names:
            return Find(done, False), ""
        return Find(int(re.search(r"execs:(\d+)", names[0]).group(1)), True), os.path.join(crashes, names[0])

    def replay(self, binary, column, kept):
        return run([binary, kept], environment(self, column, "LD_PRELOAD"))


class ForkServer(Persistent):
    """AFL++, a forked process for each execution."""

    name, title, sources = "forkserver", "AFL++, a process for each input", ("parser.c", "planted.c", "target.c", "standard_input.c")
    flags, speed_factor, slowest = (), 1, 200

    def replay(self, binary, column, kept):
        with open(kept, "rb") as file:
            return run([binary], environment(self, column, "LD_PRELOAD"), given=file)


MODES = (LibFuzzer(), Persistent(), ForkServer())
ENGINES = {"libfuzzer": ("libfuzzer",), "afl": ("persistent", "forkserver")}


def environment(mode, column, preload):
    """The variables of a run; the library to preload goes to that one."""
    kept = {name: value for name, value in os.environ.items()
            if name not in ("LD_PRELOAD", "AFL_PRELOAD", "BARTIZAN_OPTIONS", "ASAN_OPTIONS")}
    variables = {preload if name == "LD_PRELOAD" else name: value for name, value in column.variables.items()}
    return kept | variables | (mode.asan_variables if column.name == "asan" else {})


def run(words, variables, executions=1, slowest=1, given=subprocess.DEVNULL):
    """The status, none where it did not end, and what it printed."""
    try:
        done = subprocess.run(words, env=variables, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=_SECONDS + executions / slowest, check=False)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as expired:
        return None, (expired.stdout or b"").decode(errors="replace")


def said(output):
    """What the process said of its end."""
    found = _SAID.search(output)
    return next(filter(None, found.groups())).strip() if found else ""


def missed(finds, executions):
    """What a profile did not find although it is promised, and the fuzzer got there in half of the executions."""
    return [f"{title}: {bug} was reached after {of_mode['reached', bug].executions} executions and not found with {profile}"
            for title, of_mode in finds.items() for profile, bugs in PROMISED.items() for bug in bugs
            if of_mode["reached", bug].found and 2 * of_mode["reached", bug].executions < executions and
            not of_mode[profile, bug].found]


class Example:
    """Builds and runs it, in a folder of its own."""

    def __init__(self, root, library, chosen, executions):
        self.root, self.executions = root, executions
        self.modes = [mode for mode in MODES if mode.name in chosen]
        self.columns = columns(library)
        self.folder = tempfile.mkdtemp(prefix="bartizan-example-")
        self.inputs = os.path.join(root, FOLDER, "inputs")
        # AFL++ would complain about a program for core dumps; and nobody wants the dumps.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        for program in sorted({mode.compiler for mode in self.modes} | ({"afl-fuzz"} if self.modes[-1].name != "libfuzzer" else set())):
            if shutil.which(program) is None:
                raise Refusal(f"{program} is missing; tools/setup/install build test fuzz installs it", MISSING)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def build(self, mode, column, bug):
        """The binary with that bug."""
        sanitized = "-asan" if column.flags else ""
        path = os.path.join(self.folder, f"{mode.name}-{bug}{'-stops' if column.stops else ''}{sanitized}")
        if os.path.exists(path):
            return path
        words = [mode.compiler, "-std=c11", "-g", "-O1", *mode.flags, f"-I{self.root}", f"-DPLANTED={bug}",
                 f"-DSTOP_AT_HARM={str(column.stops).lower()}",
                 *(os.path.join(self.root, FOLDER, name) for name in mode.sources), "-o", path]
        # afl-clang-fast takes sanitizers from the environment.
        variables = {"AFL_USE_ASAN": "1", "AFL_QUIET": "1"} if column.flags else {"AFL_QUIET": "1"}
        done = subprocess.run(words + (list(column.flags) if mode.name == "libfuzzer" else []), env=os.environ | variables,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Refusal(f"the example cannot be built:\n{done.stdout[-2000:]}", MISSING)
        return path

    def run(self, jobs, say):
        """Mode's title -> (column's name, bug) -> Find."""
        finds, done, total = {}, 0, len(self.modes) * len(self.columns) * len(BUGS)
        for mode in self.modes:
            finds[mode.title] = {}
            cases = [(column, bug) for column in self.columns for bug in BUGS]
            for column, bug in cases:
                say(f"building {bug} for {mode.title}", done / total)
                self.build(mode, column, bug)
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                for case, find in zip(cases, pool.map(lambda case, mode=mode: self.find(mode, *case), cases)):
                    finds[mode.title][case[0].name, case[1]] = find
                    done += 1
                    say(f"{mode.title}: {case[1]} with {case[0].title}", done / total)
        return finds

    def speeds(self, say):
        """(mode's title, column's name) -> executions a second of the parser without a bug; one process at a time."""
        result = {}
        for mode in self.modes:
            for column in self.columns:
                if column.stops:
                    continue
                say(f"speed of {mode.title} with {column.title}", 0.99)
                self.build(mode, column, "no_bug")
                began = time.monotonic()
                find = self.find(mode, column, "no_bug", mode.speed_factor * self.executions)
                if find.found:
                    raise Refusal(f"{mode.title} with {column.title} found something where there is no bug: {find.said}", FAILED)
                result[mode.title, column.name] = find.executions / (time.monotonic() - began)
        return result

    def find(self, mode, column, bug, executions=0):
        """Fuzzes until the first crash, at most so often."""
        binary = self.build(mode, column, bug)
        folder = tempfile.mkdtemp(dir=self.folder)
        try:
            find, kept = mode.fuzz(binary, column, executions or self.executions, self.inputs, folder)
            if not find.found:
                return find
            again, message = False, find.said
            for _ in range(_REPLAYS if os.path.exists(kept) else 0):
                status, output = mode.replay(binary, column, kept)
                again = again or status != 0
                message = message or said(output) or ("SEGV" if status in (-11, 139) else "")
                if again:
                    break
            return dataclasses.replace(find, again=again, said=message)
        finally:
            shutil.rmtree(folder)
