"""What is preloaded into the programs: a profile of the library, one layer alone, another malloc library, or nothing."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
from typing import Optional

# The profile of each library that is built; any other name is a profile of the library with every layer in it.
STATIC_LIBRARIES = {"fast_static": "libbartizan-fast.so"}
SWITCHABLE_LIBRARY = "libbartizan.so"
BUILT_COMMAND = "tools/cli/bartizan"  # knows which layers there are
BUILD_COMMAND = "bazel build //:bartizan //:bartizan_fast //tools/cli:bartizan"

# By how much longer than the others a profile may take: each block of debug has pages of its own.
MORE_TIME = {"debug": 5}

# Knobs of other malloc libraries that a user may want to pass on to them.
PASSED_ON = ("SCUDO_OPTIONS", "MALLOC_CONF", "GLIBC_TUNABLES")


class CannotStart(Exception):
    """The command cannot begin: no library, or it cannot be loaded."""


@dataclasses.dataclass
class Configuration:
    """One column of the table."""

    name: str
    library: Optional[str]  # where it was built; None preloads nothing
    options: str  # the value of BARTIZAN_OPTIONS
    preloaded: Optional[str] = None  # the copy that every user of the machine may read
    start_line: str = ""
    reports: bool = False  # the library writes fatal reports to report_file= too
    layers: Optional[set] = None  # those that must be on, and no other; None for whatever the profile has
    more_time: float = 1  # by what every time limit is multiplied

    def is_bartizan(self):
        """True where the library's own options and messages can be expected."""
        return self.library is not None and "bartizan" in os.path.basename(self.library)

    def environment(self, report_folder=None):
        """The variables that the program under test gets, and nobody else."""
        if self.library is None:
            return {}
        variables = {"LD_PRELOAD": self.preloaded}
        options = self.options
        if self.reports and report_folder:
            options = joined(options, f"report_file={report_folder}/fatal.%p.report")
        if options:
            variables["BARTIZAN_OPTIONS"] = options
        return variables


def joined(*options):
    """Options in the form the library reads, empty ones left out."""
    return ":".join(option for option in options if option)


def chosen(profiles, library, options, repository):
    """The configurations that the arguments ask for, in their order."""
    if library == "none":
        return [Configuration("none", None, "")]
    if library and "bartizan" not in os.path.basename(library):
        return [Configuration(short_name(library), existing(library), options)]
    result = []
    for profile in profiles:
        built = library or os.path.join(repository, "bazel-bin", STATIC_LIBRARIES.get(profile, SWITCHABLE_LIBRARY))
        named = "" if profile in STATIC_LIBRARIES else f"profile={profile}"
        result.append(Configuration(profile, existing(built), joined(named, options),
                                    more_time=MORE_TIME.get(profile, 1)))
    return result


def each_layer(library, options, repository):
    """Each layer of the registry alone, with what it needs, on top of the profile that has none; then all of them."""
    built = existing(library or os.path.join(repository, "bazel-bin", SWITCHABLE_LIBRARY))
    command = existing(os.path.join(repository, "bazel-bin", BUILT_COMMAND))
    described = subprocess.run([command, "options", "--json"], stdout=subprocess.PIPE, timeout=60, check=True).stdout
    layers = [option for option in json.loads(described) if option["layer"]]
    result = []
    for layer in layers:
        on = (*layer["needs"], layer["name"])
        result.append(Configuration(layer["name"], built, joined("profile=fast", *on, options), layers=set(on)))
    names = [layer["name"] for layer in layers]
    result.append(Configuration("all", built, joined("profile=strict", *names, options), layers=set(names)))
    return result


def existing(library):
    """The library's absolute path; CannotStart with what to do when it is not there."""
    if os.path.isfile(library):
        return os.path.abspath(library)
    raise CannotStart(f"{library} is not there. Build it with: {BUILD_COMMAND}")


def short_name(library):
    """libjemalloc.so.2 is the column jemalloc."""
    name = os.path.basename(library).split(".so")[0].split("-x86")[0]
    for prefix in ("libclang_rt.", "lib"):
        if name.startswith(prefix):
            return name[len(prefix):]
    return name


def prepare(configuration, folder):
    """Copies the library where servers of other users can read it, and proves that it loads."""
    if configuration.library is None:
        return
    home = os.path.join(folder, "lib")
    os.makedirs(home, exist_ok=True)
    configuration.preloaded = os.path.join(home, os.path.basename(configuration.library))
    shutil.copyfile(os.path.realpath(configuration.library), configuration.preloaded)
    os.chmod(configuration.preloaded, 0o755)
    said = messages(configuration, configuration.environment())
    if "cannot be preloaded" in said:
        raise CannotStart(said.strip())
    if not configuration.is_bartizan():
        return
    if said:
        raise CannotStart(f"the options '{configuration.options}' are not understood: {said.strip()}")
    verbose = messages(configuration, {"BARTIZAN_OPTIONS": joined(configuration.options, "verbose")})
    if not verbose.startswith("bartizan"):
        raise CannotStart(f"{configuration.library} says nothing at the start of a process with "
                          f"BARTIZAN_OPTIONS=verbose; it printed: {verbose.strip() or 'nothing'}")
    configuration.start_line = verbose.splitlines()[0]
    check_layers(configuration)
    accepted = {"BARTIZAN_OPTIONS": joined(configuration.options, f"report_file={folder}/trial.%p.report")}
    configuration.reports = messages(configuration, accepted) == ""


def check_layers(configuration):
    """Fails unless the layers that the column is about are on and no others: it would prove nothing."""
    if configuration.layers is None:
        return
    on = set(re.search(r"layers: ([^;(]*)", configuration.start_line)[1].split())
    if on != configuration.layers:
        raise CannotStart(f"under '{configuration.options}' other layers are on than {sorted(configuration.layers)}: "
                          f"{configuration.start_line}")


def messages(configuration, variables):
    """What a process that does nothing says on stderr when it starts under the configuration."""
    environment = {"PATH": "/usr/bin:/bin", "LD_PRELOAD": configuration.preloaded, **variables}
    done = subprocess.run(["/bin/sh", "-c", "exit 0"], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60, check=False)
    said = done.stderr.decode(errors="replace")
    if done.returncode != 0:
        raise CannotStart(f"/bin/sh does not even start under {configuration.library} "
                          f"(status {done.returncode}): {said.strip() or 'nothing said'}")
    return said
