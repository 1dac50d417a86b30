"""The fuzz targets of a checkout, as fuzz/BUILD declares them, and their binaries."""

import dataclasses
import os
import re
import shutil
import subprocess

from compare.ending import MISSING, Refusal

# What each binary is built with: configuration, and the suffix of the target's name.
BINARIES = {"libfuzzer": ("fuzz", "libfuzzer"), "afl": ("afl", "afl"), "cmplog": ("cmplog", "afl"),
            "coverage": ("coverage", "replay")}


@dataclasses.dataclass(frozen=True)
class Target:
    """One fuzz_target."""

    name: str
    length: int  # of the longest input that is tried
    dictionary: str = ""

    def corpus(self, root):
        return os.path.join(root, "fuzz", "corpus", self.name)

    def crashes(self, root):
        return os.path.join(root, "fuzz", "crashes", self.name)


def find_root(folder):
    """The checkout around the folder."""
    while not os.path.exists(os.path.join(folder, "fuzz", "fuzz_target.bzl")):
        above = os.path.dirname(folder)
        if above == folder:
            raise Refusal("works in a checkout of Bartizan: change to its folder")
        folder = above
    return folder


def parse(text):
    """The targets that the text of a BUILD file declares."""
    targets = []
    for match in re.finditer(r"^fuzz_target\(\n(.*?)^\)", text, re.MULTILINE | re.DOTALL):
        keys = dict(re.findall(r'^    (\w+) = "?([^"\n]*?)"?,$', match.group(1), re.MULTILINE))
        targets.append(Target(keys["name"], int(keys.get("length", 256)), keys.get("dictionary", "")))
    return targets


def read(root):
    with open(os.path.join(root, "fuzz", "BUILD"), encoding="utf-8") as file:
        return parse(file.read())


def build(root, kind, targets, folder, say):
    """Builds the binaries of that kind and copies them to the folder; their paths, by target."""
    configuration, suffix = BINARIES[kind]
    labels = [f"//fuzz:{target.name}_{suffix}" for target in targets]
    say(f"building {len(labels)} binaries ({kind})")
    done = subprocess.run(["bazel", "build", f"--config={configuration}", "--curses=no", "--color=no", "--noshow_progress",
                           *labels], cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"the targets cannot be built:\n{done.stdout[-3000:]}", MISSING)
    os.makedirs(folder, exist_ok=True)
    paths = {}
    for target in targets:
        built = os.path.join(root, f"bazel-{configuration}-bin", "fuzz", f"{target.name}_{suffix}")
        paths[target.name] = os.path.join(folder, f"{target.name}_{kind}")
        # Another name first: a binary that still runs cannot be written to.
        shutil.copy(built, paths[target.name] + ".new")
        os.replace(paths[target.name] + ".new", paths[target.name])
    return paths
