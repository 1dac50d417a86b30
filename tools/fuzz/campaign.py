"""Runs engines on targets, several at a time, for as long as was asked; what they find outlives them."""

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import time

from fuzz import crashes, engines

_PAUSE_SECONDS = 0.2
_STOP_SECONDS = 20
_WORTH_GOING_ON = 5000  # executions since the last crash


@dataclasses.dataclass
class Place:
    """Where a target's things lie, in the folder of campaigns."""

    folder: str

    def __post_init__(self):
        for name in ("corpus", "found", "seeds", "afl", "crashes"):
            # What was found and not yet sorted is this machine's; the rest is shared.
            shared = name if name != "found" else os.path.join(name, engines.host_name())
            setattr(self, name, os.path.join(self.folder, shared))
            os.makedirs(getattr(self, name), exist_ok=True)


@dataclasses.dataclass
class Outcome:
    """What became of one target."""

    target: object
    engine: str = ""
    executions: int = 0
    seconds: float = 0.0  # of processors
    edges: int = 0
    inputs: int = 0
    crashes: list = dataclasses.field(default_factory=list)
    problem: str = ""  # why the engine did nothing

    @property
    def speed(self):
        return self.executions / self.seconds if self.seconds else 0.0


class Run:
    """One process of an engine on one target."""

    def __init__(self, campaign, target, instance):
        self.campaign, self.target, self.instance = campaign, target, instance
        self.place = campaign.place(target)
        self.began = time.monotonic()
        self.seconds = 0.0  # of processors, when it has ended
        self.log = open(os.path.join(self.place.folder, f"log-{engines.instance_name(instance)}"), "w+",  # pylint: disable=consider-using-with
                        encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(self.words(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                        cwd=self.place.folder, start_new_session=True,
                                        env=os.environ | campaign.variables())

    def words(self):
        campaign = self.campaign
        if campaign.engine == "libfuzzer":
            return engines.libfuzzer_words(campaign.binaries["libfuzzer"][self.target.name], self.target, self.place,
                                           campaign.seconds_left(self.target), campaign.executions, campaign.root)
        binaries = {kind: paths[self.target.name] for kind, paths in campaign.binaries.items()}
        return engines.afl_words(binaries, self.target, self.place, campaign.seconds_left(self.target), campaign.executions,
                                 campaign.root, self.instance)

    def figures(self):
        if self.campaign.engine == "libfuzzer":
            self.log.flush()
            with open(self.log.name, encoding="utf-8", errors="replace") as file:
                return engines.read_libfuzzer(file.read())
        name = engines.instance_name(self.instance)
        try:
            with open(os.path.join(self.place.afl, name, "fuzzer_stats"), encoding="utf-8") as file:
                return engines.read_afl(file.read())
        except OSError:
            return engines.Figures()

    def has_ended(self, flags=os.WNOHANG):
        """Also that of its children: AFL++ runs the target in others."""
        if self.process.returncode is None:
            process, status, usage = os.wait4(self.process.pid, flags)
            if process:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self.seconds = usage.ru_utime + usage.ru_stime
        return self.process.returncode is not None

    def stop(self):
        if self.has_ended():
            return
        os.kill(self.process.pid, signal.SIGTERM)
        patience = time.monotonic() + _STOP_SECONDS
        while not self.has_ended() and time.monotonic() < patience:
            time.sleep(_PAUSE_SECONDS)
        if not self.has_ended():
            os.kill(self.process.pid, signal.SIGKILL)
            self.has_ended(0)

    def last_words(self):
        self.log.seek(0)
        lines = [re.sub(r"\x1b\[[?;\d]*\w", "", line).strip() for line in self.log]
        return next((line for line in reversed(lines) if line), "it printed nothing")

    def close(self):
        self.log.close()


class Campaign:
    """All targets, `jobs` processes at a time; each target gets its share of the time."""

    def __init__(self, root, folder, engine, binaries, seconds, executions, jobs, say):
        self.root, self.folder, self.engine, self.binaries = root, folder, engine, binaries
        self.seconds, self.executions, self.jobs, self.say = seconds, executions, jobs, say
        self.outcomes, self.spent = {}, {}
        self.interrupted = False

    def place(self, target):
        return Place(os.path.join(self.folder, target.name))

    def variables(self):
        return engines.SANITIZER_VARIABLES if self.engine == "libfuzzer" else engines.AFL_VARIABLES

    def seconds_left(self, target):
        return self.seconds - self.spent[target.name]

    def run(self, targets):
        """Fuzzes all targets. An interrupt ends it in order."""
        self.outcomes = {target.name: Outcome(target, self.engine) for target in targets}
        self.spent = dict.fromkeys(self.outcomes, 0.0)
        # Instances of libFuzzer would not know of each other; those of AFL++ share what they find.
        instances = max(1, self.jobs // len(targets)) if self.engine == "afl" and targets else 1
        waiting, running = [(target, i) for target in targets for i in range(instances)], []
        try:
            while waiting or running:
                while waiting and len(running) < self.jobs:
                    running.append(self.start(*waiting.pop(0)))
                time.sleep(_PAUSE_SECONDS)
                ended = [run for run in running if run.has_ended()]
                running = [run for run in running if run not in ended]
                waiting += [(run.target, run.instance) for run in ended if self.account(run)]
                self.show(running)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            for run in running:
                run.stop()
                self.account(run)
        return list(self.outcomes.values())

    def start(self, target, instance):
        place = self.place(target)
        if self.engine == "afl":
            for folder in (target.corpus(self.root), place.corpus):
                for name in os.listdir(folder) if os.path.isdir(folder) else ():
                    shutil.copy(os.path.join(folder, name), place.seeds)
        return Run(self, target, instance)

    def account(self, run):
        """Adds up what the run did. True: it ended early, by a crash, and time is left."""
        outcome, figures = self.outcomes[run.target.name], run.figures()
        outcome.seconds += run.seconds
        self.spent[run.target.name] += time.monotonic() - run.began
        outcome.executions += figures.executions
        outcome.edges = max(outcome.edges, figures.edges)
        outcome.inputs = max(outcome.inputs, figures.inputs)
        if not figures.executions and not self.interrupted:
            outcome.problem = f"{self.engine} did nothing: {run.last_words()}; see {run.log.name}"
        run.close()
        if self.engine == "afl":
            self.collect_from_afl(run.place)
        checker = self.binaries["libfuzzer"][run.target.name]
        before = len(outcome.crashes)
        outcome.crashes += crashes.sort(checker, run.place.found, run.place.crashes)
        # A crash that is known ends runs, too; where inputs of the corpus crash, nothing else would be run.
        grew = len(outcome.crashes) > before or figures.executions > _WORTH_GOING_ON
        return grew and run.process.returncode != 0 and not self.interrupted and not self.executions and self.seconds_left(run.target) > 1

    @staticmethod
    def collect_from_afl(place):
        """What AFL++ found goes to the same folders as what libFuzzer finds."""
        for instance in os.listdir(place.afl):
            for kind, folder in (("queue", place.corpus), ("crashes", place.found), ("hangs", place.found)):
                source = os.path.join(place.afl, instance, kind)
                for name in os.listdir(source) if os.path.isdir(source) else ():
                    path = os.path.join(source, name)
                    if os.path.isfile(path) and name.startswith("id"):
                        shutil.copy(path, os.path.join(folder, f"{instance}-{name}".replace(":", "-").replace(",", "-")))

    def show(self, running):
        done = sum(min(seconds, self.seconds) for seconds in self.spent.values())
        now = {run.target.name: run for run in running}
        words = []
        for name, run in now.items():
            figures = run.figures()
            words.append(f"{name} {self.outcomes[name].executions + figures.executions} executions, {figures.edges} edges, "
                         f"{len(self.outcomes[name].crashes)} crashes")
            done += time.monotonic() - run.began
        if words and self.seconds:
            self.say("; ".join(words), min(0.99, done / (self.seconds * len(self.outcomes))))


def minimise_corpus(binary, target, place, root):
    """The fewest inputs that reach all that the corpus reaches, those of the repository first."""
    smaller = f"{place.corpus}.smaller-{engines.host_name()}"
    shutil.rmtree(smaller, ignore_errors=True)
    os.makedirs(smaller)
    before = os.listdir(place.corpus)
    seeds = [target.corpus(root)] if os.path.isdir(target.corpus(root)) else []
    done = subprocess.run([binary, "-set_cover_merge=1", smaller, *seeds, place.corpus], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                          env=os.environ | engines.SANITIZER_VARIABLES)
    if done.returncode == 0 and os.listdir(smaller):
        keep_only(place.corpus, before, smaller)
    shutil.rmtree(smaller)


def keep_only(corpus, before, smaller):
    """The inputs in `smaller` take the place of those that were in the corpus before. What another machine has put there
    meanwhile stays."""
    for name in os.listdir(smaller):
        os.replace(os.path.join(smaller, name), os.path.join(corpus, name))
        before = [other for other in before if other != name]
    for name in before:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(corpus, name))
