"""`bartizan fuzz --exhaustive`: all programs of a few actions, under each setting of the harness, and what became of them."""

import dataclasses
import os
import shutil
import subprocess
import tempfile
import time

from compare.ending import FAILED, INTERRUPTED, MISSING, SUCCESS, Refusal

# As fuzz/exhaustive/main.cc prints them, and what they are called here.
VERDICTS = {
    "clean": "clean", "at-fault": "reported at the fault", "inaccessible": "faulted", "later": "reported later",
    "too-late": "reported too late", "harmless": "harmless", "undefended": "undefended", "failed": "promise broken",
}
MEANINGS = f"""\
- **clean**: no fault, no report.
- **{VERDICTS['at-fault']}**: by the call that was wrong.
- **{VERDICTS['inaccessible']}**: a write met memory that is not there.
- **{VERDICTS['later']}**: a layer saw the damage before a live block was harmed.
- **{VERDICTS['too-late']}**: a layer saw it after a live block was harmed.
- **{VERDICTS['harmless']}**: never reported, and no live block was harmed: what was written to was nobody's, or the layer that looks at
  it is off. A size or a family that nothing compares is counted here, too.
- **{VERDICTS['undefended']}**: never reported, and a live block was harmed.
- **{VERDICTS['failed']}**: what the documents of the layers in force promise did not happen, or a report came where nothing was wrong.
"""
# Parts of one setting's programs: small enough to share out, and the same whatever the number of processes.
_SHARDS = 16
_PAUSE_SECONDS = 0.1


@dataclasses.dataclass
class Tally:
    """What became of the programs of one setting."""

    verdicts: dict = dataclasses.field(default_factory=dict)  # by length, by verdict
    reports: dict = dataclasses.field(default_factory=dict)
    harms: dict = dataclasses.field(default_factory=dict)  # how many, and the shortest program
    broken: list = dataclasses.field(default_factory=list)  # program, promise
    played: int = 0
    shards: int = 0  # those that are complete

    def read(self, output):
        """Adds what one process has printed."""
        for line in output.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "verdict":
                length, verdict, number = rest.split()
                counts = self.verdicts.setdefault(int(length), {})
                counts[verdict] = counts.get(verdict, 0) + int(number)
            elif kind == "report":
                number, _, words = rest.partition(" ")
                self.reports[words] = self.reports.get(words, 0) + int(number)
            elif kind == "harm":
                number, program, words = rest.split(" ", 2)
                before, example = self.harms.get(words, (0, program))
                self.harms[words] = (before + int(number), min(example, program, key=lambda each: (each.count(","), each)))
            elif kind == "broken":
                program, _, words = rest.partition(" ")
                self.broken.append((program, words))
            elif kind == "played":
                self.played += int(rest)
            elif line == "end complete":
                self.shards += 1

    def count(self, verdict):
        return sum(counts.get(verdict, 0) for counts in self.verdicts.values())

    @property
    def programs(self):
        return sum(sum(counts.values()) for counts in self.verdicts.values())


class Enumeration:
    """All settings, `jobs` processes at a time."""

    def __init__(self, binary, length, jobs, say):
        self.binary, self.length, self.jobs, self.say = binary, length, jobs, say
        done = subprocess.run([binary, "--settings"], stdout=subprocess.PIPE, text=True, check=True)
        self.tallies = {name: Tally() for name in done.stdout.split()}
        self.interrupted = False

    def run(self):
        """Plays everything. An interrupt ends it in order: what was played until then is counted."""
        waiting, running = [(name, shard) for name in self.tallies for shard in range(_SHARDS)], []
        every = len(waiting)
        try:
            while waiting or running:
                while waiting and len(running) < self.jobs:
                    running.append(self.start(*waiting.pop(0)))
                time.sleep(_PAUSE_SECONDS)
                for each in [each for each in running if each[0].poll() is not None]:
                    running.remove(each)
                    self.finish(*each)
                played = sum(tally.played for tally in self.tallies.values())
                broken = sum(len(tally.broken) for tally in self.tallies.values())
                names = " and ".join(dict.fromkeys(name for _, name, _ in running))
                self.say(f"{names or 'all'}: {played} programs played, {broken} broken promises",
                         min(0.99, (every - len(waiting) - len(running)) / every))
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            for process, _, _ in running:
                process.terminate()
            for each in running:
                self.finish(*each)

    def start(self, name, shard):
        output = tempfile.TemporaryFile("w+")  # pylint: disable=consider-using-with
        words = [self.binary, f"--length={self.length}", f"--setting={name}", f"--shard={shard}/{_SHARDS}"]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output,  # pylint: disable=consider-using-with
                                   start_new_session=True)
        return process, name, output

    def finish(self, process, name, output):
        process.wait()
        output.seek(0)
        tally = self.tallies[name]
        complete = tally.shards
        tally.read(output.read())
        output.close()
        if tally.shards == complete and not tally.broken and not self.interrupted:
            tally.broken.append((name, f"the process ended with {process.returncode}"))


def table(tallies):
    """Rows of text: the heading, then one for each setting."""
    rows = [["setting", "programs", *VERDICTS.values()]]
    for name, tally in tallies.items():
        rows.append([name, f"{tally.programs:,}", *(f"{tally.count(verdict):,}" for verdict in VERDICTS)])
    return rows


def in_columns(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
                     for row in rows)


def in_markdown(rows):
    return ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])] + ["| " + " | ".join(row) + " |" for row in rows[1:]]


def page(tallies, length, seconds, jobs, commit, machine):
    """The whole document."""
    lines = ["# All short programs", "", f"`tools/bartizan fuzz --exhaustive={length} --report` wrote this page: commit {commit}, "
             f"{machine}, {seconds / 60:.1f} minutes with {jobs} processes.", "",
             "[fuzz/exhaustive](../../fuzz/exhaustive/README.md) has the alphabet, how programs are counted, and which promises are "
             "checked.", ""]
    any_tally = next(iter(tallies.values()))
    lengths = ", ".join(f"{sum(any_tally.verdicts[each].values()):,} of {each}" for each in sorted(any_tally.verdicts))
    played = sum(tally.played for tally in tallies.values())
    lines += [f"Programs, by their number of actions: {lengths}. The end of a program by a report or a fault is the end of all that "
              f"begin in the same way: {played:,} runs tell about all under all settings.", "", *in_markdown(table(tallies)), "",
              MEANINGS, "## Promises", ""]
    broken = [f"- `{program}`: {words}; `tools/bartizan fuzz --replay=exhaustive/{program}`"
              for tally in tallies.values() for program, words in tally.broken]
    lines += broken or ["None was broken."]
    lines += ["", "## What is undefended", "", "Under settings that are not listed, nothing. The program is the shortest.", "",
              "| setting | programs | what happened | for example |", "|---|---|---|---|"]
    for name, tally in tallies.items():
        for words, (number, program) in sorted(tally.harms.items()):
            lines.append(f"| {name} | {number:,} | {words} | `--replay=exhaustive/{name}:{program}` |")
    kinds = sorted({words for tally in tallies.values() for words in tally.reports})
    lines += ["", "## What the reports said", "", "| setting | " + " | ".join(kinds) + " |", "|---|" + "---|" * len(kinds)]
    for name, tally in tallies.items():
        lines.append(f"| {name} | " + " | ".join(f"{tally.reports.get(words, 0):,}" for words in kinds) + " |")
    return "\n".join(lines) + "\n"


def build(root, folder):
    """The binary, copied to the folder."""
    done = subprocess.run(["bazel", "build", "--curses=no", "--color=no", "--noshow_progress", "//fuzz/exhaustive"], cwd=root,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"//fuzz/exhaustive cannot be built:\n{done.stdout[-3000:]}", MISSING)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "exhaustive")
    shutil.copy(os.path.join(root, "bazel-bin", "fuzz", "exhaustive", "exhaustive"), path + ".new")
    os.replace(path + ".new", path)
    return path


def replay(root, folder, program):
    """One program, in words."""
    return subprocess.run([build(root, folder), f"--play={program}"], stdin=subprocess.DEVNULL, check=False).returncode


def run(root, folder, length, jobs, report, described, shown):
    """Plays all programs of up to `length` actions; the exit code. `described` gives the commit and the machine."""
    shown("building //fuzz/exhaustive", 0)
    began = time.monotonic()
    enumeration = Enumeration(build(root, folder), length, jobs, shown)
    try:
        enumeration.run()
    finally:
        shown.end()
    tallies = enumeration.tallies
    print(in_columns(table(tallies)))
    for tally in tallies.values():
        for program, words in tally.broken:
            print(f"broken: {words}: {program}\n  tools/bartizan fuzz --replay=exhaustive/{program}")
    if enumeration.interrupted:
        complete = sum(tally.shards for tally in tallies.values())
        print(f"interrupted: these are the counts of {complete} of {len(tallies) * _SHARDS} parts, and of some begun ones")
    elif report:
        path = os.path.join(root, report)
        with open(path, "w", encoding="utf-8") as file:
            file.write(page(tallies, length, time.monotonic() - began, jobs, *described()))
        print(f"written: {path}")
    failed = sum(bool(tally.broken) for tally in tallies.values())
    print(f"{sum(tally.shards == _SHARDS and not tally.broken for tally in tallies.values())} passed, {failed} failed")
    return INTERRUPTED if enumeration.interrupted else FAILED if failed else SUCCESS
