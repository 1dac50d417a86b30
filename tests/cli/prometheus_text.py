"""Reads the text format of Prometheus, strictly."""

import re


def number(word):
    return int(word) if word.isdigit() else float(word)


def histograms(text):
    """Of a Prometheus text that `samples` has read: buckets (bound and count, in their order), sum and count of each histogram
    by name and labels, all checked."""
    found, result = samples(text), {}
    for name in re.findall(r"(?m)^# TYPE ([a-z_]+) histogram$", text):
        buckets = {}
        for (metric, labels), value in found.items():
            if metric == name + "_bucket":
                bound = re.search(r'le="([^"]+)"', labels)[1]
                others = re.sub(r',?le="[^"]+"', "", labels).replace("{}", "") or None
                buckets.setdefault(others, []).append((float(bound), value))
        for labels, counts in buckets.items():
            total = found[name + "_count", labels]
            if counts != sorted(counts) or [n for _, n in counts] != sorted(n for _, n in counts):
                raise ValueError(f"{name}{labels}: buckets are not in order or do not add up")
            if counts[-1] != (float("inf"), total):
                raise ValueError(f"{name}{labels}: the last bucket is {counts[-1]}, and there are {total}")
            result[name, labels] = counts, found[name + "_sum", labels], total
    return result


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
        match = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? ([0-9]+(?:\.[0-9]+)?)', line)
        if match is None:
            raise ValueError(line)
        family = match[1]
        if ("TYPE", family) not in described:
            family = re.sub("_(bucket|sum|count)$", "", family)
            if f"# TYPE {family} histogram\n" not in text:
                raise ValueError(line)
        if ("HELP", family) not in described:
            raise ValueError(line)
        if (match[1], match[2]) in found:
            raise ValueError(f"{line} twice")
        found[match[1], match[2]] = number(match[3])
    return found
