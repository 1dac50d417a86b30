"""The system's symbolizer: llvm-symbolizer or addr2line, whichever is there."""

import collections
import os
import re
import shutil
import subprocess

from symbolize import elf

Place = collections.namedtuple("Place", "function file line")

# In the order in which they are taken.
PROGRAMS = ("llvm-symbolizer-19", "llvm-symbolizer", "addr2line")
DEBUG_FOLDERS = ("/usr/lib/debug",)
_AT_A_TIME = 500
_SECONDS = 300
# /folder/file.c:12:3 of one, /folder/file.c:12 (discriminator 2) of the other.
_PLACE = re.compile(r"(?P<file>.*?):(?P<line>\d+|\?)(?::\d+)?(?: \(discriminator \d+\))?")


class Missing(Exception):
    """There is no symbolizer."""


def find_program(requested=None):
    """The path of the symbolizer, or Missing with words for people."""
    for name in [requested] if requested else PROGRAMS:
        path = shutil.which(name)
        if path:
            return path
    if requested:
        raise Missing(f"{requested}: no such program")
    raise Missing(f"needs a symbolizer, and there is none of {', '.join(PROGRAMS)} in PATH; install Debian's package llvm-19 "
                  "or binutils")


def debug_file(path, file, folders):
    """Where the module's debug information is: in itself, or in a separate file, as gdb looks for it."""
    if file.has_lines:
        return path
    candidates = []
    if len(file.build_id) > 2:
        candidates += [os.path.join(folder, ".build-id", file.build_id[:2], file.build_id[2:] + ".debug")
                       for folder in folders]
    if file.debug_link:
        beside = os.path.dirname(os.path.realpath(path))
        candidates += [os.path.join(beside, file.debug_link), os.path.join(beside, ".debug", file.debug_link)]
        candidates += [os.path.join(folder, beside.lstrip("/"), file.debug_link) for folder in folders]
    for candidate in candidates:
        try:
            found = elf.Elf(candidate)
        except (OSError, elf.NotElf):
            continue
        if candidate != path and found.build_id == file.build_id:
            return candidate
    return path


def _parse_place(function, place):
    match = _PLACE.fullmatch(place)
    known = match is not None and match["file"] != "??" and match["line"] not in ("?", "0")
    return Place("" if function == "??" else function, match["file"] if known else "", int(match["line"]) if known else 0)


class Symbolizer:
    """Places in source files for addresses of modules. Asks once for each."""

    def __init__(self, program=None, debug_folders=()):
        self._program = find_program(program)
        self._folders = tuple(debug_folders) + DEBUG_FOLDERS
        self._files = {}
        self._known = {}
        self.problems = []

    def _file_of(self, module, build_id):
        """What to ask about the module; None after a problem was noted."""
        if (module, build_id) not in self._files:
            self._files[module, build_id] = None
            try:
                file = elf.Elf(module)
                if build_id and file.build_id and file.build_id != build_id:
                    self.problems.append(f"{module}: is another build ({file.build_id}) than that of the stacks ({build_id})")
                else:
                    self._files[module, build_id] = debug_file(module, file, self._folders)
            except OSError as error:
                self.problems.append(f"{module}: {error.strerror}")
            except elf.NotElf as error:
                self.problems.append(str(error))
        return self._files[module, build_id]

    def ask(self, wanted):
        """Looks up a set of (module, build id, address) together."""
        by_file = collections.defaultdict(list)
        for module, build_id, address in sorted(set(wanted) - self._known.keys()):
            file = self._file_of(module, build_id)
            self._known[module, build_id, address] = []
            if file is not None:
                by_file[file].append((module, build_id, address))
        for file, keys in by_file.items():
            for i in range(0, len(keys), _AT_A_TIME):
                part = keys[i:i + _AT_A_TIME]
                for key, places in zip(part, self._run(file, [key[2] for key in part])):
                    self._known[key] = places

    def places(self, module, build_id, address):
        """The places of an address, innermost inlined function first; empty: unknown."""
        if (module, build_id, address) not in self._known:
            self.ask([(module, build_id, address)])
        return self._known[module, build_id, address]

    def _run(self, file, addresses):
        words = [f"{address:#x}" for address in addresses]
        if os.path.basename(self._program).startswith("llvm-symbolizer"):
            line = [self._program, f"--obj={file}", "--inlines", "--functions=linkage", "--demangle", *words]
        else:
            line = [self._program, "-e", file, "-i", "-f", "-C", "-a", *words]
        try:
            done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                  check=False, timeout=_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.problems.append(f"{self._program}: {error}")
            return [[] for _ in addresses]
        return list(self._answers(done.stdout, len(addresses)))

    def _answers(self, text, count):
        """The answers, in the order of the questions."""
        lines, groups = text.splitlines(), []
        if os.path.basename(self._program).startswith("llvm-symbolizer"):
            group = []
            for line in lines:  # Pairs of lines, and an empty one behind each answer.
                if line:
                    group.append(line)
                else:
                    groups.append(group)
                    group = []
        else:
            for line in lines:  # The address, then pairs of lines.
                if line.startswith("0x") and len(groups and groups[-1] or []) % 2 == 0:
                    groups.append([])
                elif groups:
                    groups[-1].append(line)
        groups += [[]] * (count - len(groups))
        for group in groups[:count]:
            places = [_parse_place(group[i], group[i + 1]) for i in range(0, len(group) - 1, 2)]
            yield [place for place in places if place.function or place.file]


def chosen(options, complain):
    """What --nosymbols and --symbolizer ask for; None, after a message where there is none, for no names."""
    if options.nosymbols:
        return None
    try:
        return Symbolizer(options.symbolizer)
    except Missing as error:
        complain(f"without names: {error}")
        return None
