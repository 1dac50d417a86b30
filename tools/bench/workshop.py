"""Where the inputs of programs are made, and how programs are found."""

import dataclasses
import glob
import importlib.resources
import os
import re
import shutil
import subprocess

# The system's own programs: what a version manager puts before them is different on each machine.
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def find(name):
    """The path of a program of the system, or of the newest file that an absolute pattern matches; None."""
    if not name.startswith("/"):
        return shutil.which(name, path=SYSTEM_PATH)
    found = sorted(glob.glob(name), key=lambda path: [int(part) for part in re.findall(r"\d+", path)])
    return found[-1] if found else None


@dataclasses.dataclass
class Workshop:
    """A folder for inputs. `quick`: small ones."""

    folder: str
    quick: bool

    def size(self, quick, full):
        return quick if self.quick else full

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_folder(self, name):
        os.makedirs(self.path(name), exist_ok=True)
        return self.path(name)

    def write(self, name, content):
        """A file with this text; the path."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(content)
        return self.path(name)

    def write_once(self, name, make):
        """The same for a text that takes a while to make."""
        return self.path(name) if os.path.exists(self.path(name)) else self.write(name, make())

    def input(self, name):
        """A file of inputs/, copied here; the path."""
        return self.write(name, self.input_text(name))

    @staticmethod
    def input_text(name):
        # Not by path: this package may be inside an archive.
        return importlib.resources.files("bench").joinpath("inputs", name).read_text(encoding="utf-8")

    def call(self, *argv, stdin="", user=None):
        """Runs a program of the preparation, without any library."""
        variables = {name: value for name, value in os.environ.items()
                     if name not in ("LD_PRELOAD", "BARTIZAN_OPTIONS")}
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, env=dict(variables, PATH=SYSTEM_PATH, LC_ALL="C.UTF-8"), cwd=self.folder,
                              **identity)
        if done.returncode:
            last = done.stdout.strip()[-300:]
            raise CannotPrepare(f"{os.path.basename(argv[0])} ended with {done.returncode}: {last}")


class CannotPrepare(Exception):
    """Its text says what went wrong."""
