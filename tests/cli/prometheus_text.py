"""Reads the text format of Prometheus, strictly."""

import re


def samples(text):
    """Of a Prometheus text: values by name and labels; each metric has its HELP and TYPE, once, before its samples."""
    found, described = {}, set()
    for line in text.splitlines():
        if line.startswith("#"):
            match = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
            key = (match[1], match[2])
            if key in described:
                raise ValueError(f"{key} twice")
            described.add(key)
            continue
        match = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? ([0-9]+)', line)
        if match is None or ("TYPE", match[1]) not in described or ("HELP", match[1]) not in described:
            raise ValueError(line)
        if (match[1], match[2]) in found:
            raise ValueError(f"{line} twice")
        found[match[1], match[2]] = int(match[3])
    return found
