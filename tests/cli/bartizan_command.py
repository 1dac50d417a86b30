"""What the tests of the bartizan command share: where things are, and running them."""

import os
import subprocess
import tempfile
import unittest

_ROOT = os.environ.get("BARTIZAN_TEST_ROOT", os.getcwd())


def built(path):
    """A file that Bazel built, or that was built by hand into the same places."""
    return os.path.join(_ROOT, path)


BARTIZAN = built("tools/cli/bartizan")
LIBRARY = os.path.realpath(built("tests/cli/libbartizan.so"))
IDLE_LIBRARY = os.path.realpath(built("tests/cli/libbartizan-fast.so"))


def environment(**variables):
    """This process's environment without a library or options of its own, and with what is given."""
    result = {name: value for name, value in os.environ.items()
              if name not in ("LD_PRELOAD", "BARTIZAN_OPTIONS")}
    result.update(variables)
    return result


def can_be_another_user():
    """Whether this process may give files away and become somebody else (65534, nobody)."""
    if os.geteuid() != 0:
        return False
    with tempfile.NamedTemporaryFile() as file:
        try:
            os.chown(file.name, 65534, 65534)
        except OSError:
            return False
    return True


def lines(*words):
    return "".join(word + "\n" for word in words)


class CommandTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bartizan-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        os.chmod(self.folder, 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o755):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def command(self, *arguments, command=BARTIZAN, variables=None, **options):
        """Runs the command; its result has returncode, stdout and stderr."""
        return subprocess.run([command, *arguments], env=environment(**(variables or {})),
                              capture_output=True, text=True, check=False, **options)

    def expect(self, arguments, status, stdout="", stderr="", **options):
        result = self.command(*arguments, **options)
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (status, stdout, stderr))
