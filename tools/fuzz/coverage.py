"""Line coverage of the library by what is kept of all targets, by llvm-cov."""

import json
import os
import re
import shutil
import subprocess

LLVM = "19"
_COUNTED = re.compile(r"(?:^|/)((?:src|hardening)/.*)$")


def have_tools():
    return all(shutil.which(f"{name}-{LLVM}") for name in ("llvm-cov", "llvm-profdata"))


def measure(root, folder, binaries, places):
    """Replays everything; {file: (lines, lines covered)} of src and hardening. Writes pages of HTML to the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name, binary in binaries.items():
        inputs = [path for path in (os.path.join(root, "fuzz", "corpus", name), os.path.join(root, "fuzz", "crashes", name),
                                    places[name].corpus) if os.path.isdir(path)]
        subprocess.run([binary, *inputs], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False, env=os.environ | {"LLVM_PROFILE_FILE": os.path.join(folder, f"{name}.profraw")})
    raw = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".profraw")]
    profile = os.path.join(folder, "all.profdata")
    subprocess.run([f"llvm-profdata-{LLVM}", "merge", "-sparse", *raw, "-o", profile], check=True)
    objects = list(binaries.values())
    words = [objects[0]] + [f"-object={path}" for path in objects[1:]] + [f"-instr-profile={profile}"]
    # Paths are those of Bazel's sandbox.
    words.append(f"-path-equivalence=/proc/self/cwd,{root}")
    exported = subprocess.run([f"llvm-cov-{LLVM}", "export", "-summary-only", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=True).stdout
    subprocess.run([f"llvm-cov-{LLVM}", "show", "-format=html", f"-output-dir={folder}/html",
                    "-ignore-filename-regex=/usr/|/fuzz/|/tests/", *words], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    return read(exported)


def read(exported):
    """{file: (lines, lines covered)} from what llvm-cov exports."""
    files = {}
    for entry in json.loads(exported)["data"][0]["files"]:
        match = _COUNTED.search(entry["filename"])
        if match:
            lines = entry["summary"]["lines"]
            files[match.group(1)] = (lines["count"], lines["covered"])
    return files


def share(files):
    """Of all lines, the part that is covered."""
    lines = sum(count for count, _ in files.values())
    return sum(covered for _, covered in files.values()) / lines if lines else 0.0
