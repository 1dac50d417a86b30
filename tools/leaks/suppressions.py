"""Which leaks are not to be told: lines `leak:PATTERN`, as LeakSanitizer has them.

A pattern stands for what it occurs in: `*` is any text, `^` at its beginning and `$` at its end hold it to the beginning and
the end. It is compared with the function, the source file and the module of each frame of the stack that allocated a block.
"""

import re


class Wrong(Exception):
    """A line that is none; words for people."""


def _expression(pattern):
    begin, end = pattern.startswith("^"), pattern.endswith("$")
    body = pattern[1 if begin else 0:len(pattern) - 1 if end else None]
    return re.compile(("" if not begin else r"\A") + ".*".join(re.escape(part) for part in body.split("*")) +
                      (r"\Z" if end else ""), re.DOTALL)


class Suppressions:
    def __init__(self):
        self._rules = {}

    def read(self, path):
        """Adds the rules of a file; OSError, or Wrong."""
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                kind, colon, pattern = line.partition(":")
                if kind != "leak" or not colon or not pattern.strip("*^$"):
                    raise Wrong(f"{path}:{number}: expected leak:PATTERN, not '{line}'")
                self._rules[pattern] = _expression(pattern)

    def match(self, frames):
        """The first pattern that occurs in a frame, or None."""
        texts = [text for frame in frames for text in (frame.function, frame.file, frame.module) if text]
        for pattern, expression in self._rules.items():
            if any(expression.search(text) for text in texts):
                return pattern
        return None
