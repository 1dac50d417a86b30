"""Why lines of the library are reached by no test: fuzz/uncovered.toml."""

import dataclasses
import os
import re
import tomllib

from compare.ending import Refusal


@dataclasses.dataclass
class Reason:
    """Lines of a file that match an expression, and why nothing reaches them."""

    file: str
    text: re.Pattern
    why: str
    lines: list = dataclasses.field(default_factory=list)


def load(root):
    path = os.path.join(root, "fuzz", "uncovered.toml")
    with open(path, "rb") as file:
        entries = tomllib.load(file).get("lines", [])
    try:
        return [Reason(entry["file"], re.compile(entry["text"]), entry["why"]) for entry in entries]
    except (KeyError, re.error) as error:
        raise Refusal(f"{path}: each [[lines]] has file, text (an expression) and why: {error}") from error


def sort(root, missed, reasons):
    """Gives each missed (file, line) to its first reason; returns those without one, with their texts."""
    texts, without = {}, []
    for path, line in missed:
        if path not in texts:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                texts[path] = file.read().splitlines()
        text = texts[path][line - 1].strip()
        reason = next((each for each in reasons if each.file == path and each.text.search(text)), None)
        if reason is None:
            without.append((path, line, text))
        else:
            reason.lines.append(line)
    return without
