"""Reports as a SARIF 2.1.0 document, as GitHub code scanning and others take it."""

import hashlib
import json
import os
import re
import urllib.parse

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_DOCUMENTS = "docs/reports.md"

# How bad each kind is, as GitHub orders them: 9 and more is critical, 7 high, 4 medium.
_CRITICAL, _HIGH, _MEDIUM = "9.3", "8.1", "5.5"
_SEVERITIES = {"invalid_unpin": _MEDIUM, "origin_mismatch": _MEDIUM, "size_mismatch": _MEDIUM,
               "invalid_malloc_usable_size": _MEDIUM, "use_after_free_in_malloc_usable_size": _HIGH,
               "wild_access_into_the_heap": _HIGH, "heap_buffer_underflow": _CRITICAL}
# Frames of a stack that tell it from others.
_FRAMES_OF_A_FINGERPRINT = 6


class NotWhole(Exception):
    """A line that begins as a report does, and is none."""


def reports_in(text):
    """The reports among the lines of a text, in which anything else may be, too; NotWhole for each that is cut."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith('{"format":"bartizan-report"'):
            continue
        try:
            report = json.loads(line)
        except ValueError:
            yield number, NotWhole("this report was cut, and is left out")
            continue
        if report.get("version") == 1:
            yield number, report
        else:
            yield number, NotWhole("a report of another version, which is left out")


def stacks_of(report):
    """Its stacks by what they are, innermost frame first."""
    stacks = {"access": report["stack"]}
    for name in ("allocation", "free"):
        if name in report:
            stacks[name] = report[name]["stack"]
    return stacks


def keys(reports):
    """What the symbolizer is to be asked for."""
    return {_key(frame) for report in reports for stack in stacks_of(report).values() for frame in stack if "module" in frame}


def _key(frame):
    return frame["module"], frame.get("build_id", ""), int(frame["offset"], 16)


class Writer:
    """Makes the document. `places` is a Symbolizer's; files below the folder `root` are named relative to it."""

    def __init__(self, places, root):
        self._places = places
        self._root = os.path.join(os.path.realpath(root), "")
        self._rules = {}
        self._results = {}

    def add(self, report):
        result = self._result(report)
        fingerprint = result["partialFingerprints"]["bartizanStack/v1"]
        if fingerprint in self._results:
            self._results[fingerprint]["occurrenceCount"] += 1
        else:
            self._results[fingerprint] = result

    def document(self, problems=()):
        """With all that was added; `problems` are what was left out."""
        driver = {"name": "Bartizan", "rules": list(self._rules.values())}
        invocation = {"executionSuccessful": True}
        if problems:
            invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": problem}}
                                                        for problem in problems]
        return {"$schema": SCHEMA, "version": "2.1.0",
                "runs": [{"tool": {"driver": driver}, "invocations": [invocation],
                          "originalUriBaseIds": {"SRCROOT": {"uri": "file://" + urllib.parse.quote(self._root)}},
                          "columnKind": "unicodeCodePoints", "results": list(self._results.values())}]}

    def _rule(self, report):
        """Its number."""
        kind, what = report["kind"], report["what"]
        if kind not in self._rules:
            self._rules[kind] = {
                "id": kind,
                "name": "".join(word.capitalize() for word in re.split("[ _-]", what)),
                "shortDescription": {"text": what.capitalize()},
                "help": {"text": report["advice"] or f"See {_DOCUMENTS} of Bartizan."},
                "defaultConfiguration": {"level": "error"},
                "properties": {"tags": ["security", "memory"], "security-severity": _SEVERITIES.get(kind, _CRITICAL)}}
        return list(self._rules).index(kind)

    def _result(self, report):
        text = f"{report['what']}: {report['detail']}. {report['advice']}".rstrip(". ") + "."
        result = {"ruleId": report["kind"], "ruleIndex": self._rule(report), "level": "error", "message": {"text": text},
                  "locations": [self._location(report["stack"], report)], "occurrenceCount": 1,
                  "partialFingerprints": {"bartizanStack/v1": self._fingerprint(report)},
                  "stacks": [], "properties": {"layer": report["layer"], "process": report["process"]["id"],
                                               "program": report["process"]["program"], "address": report["address"]}}
        related = []
        for name, words in (("allocation", "allocated"), ("free", "freed")):
            if name in report:
                location = self._location(report[name]["stack"], report)
                location.update(id=len(related) + 1, message={"text": f"the block was {words} here"})
                related.append(location)
        if related:
            result["relatedLocations"] = related
        for name, stack in stacks_of(report).items():
            frames = [entry for frame in stack for entry in self._frames(frame)]
            if frames:
                result["stacks"].append({"message": {"text": name}, "frames": frames})
        return result

    def _named(self, frame):
        """The places of a frame, the innermost inlined function first; one without a name where nothing is known."""
        return (self._places(*_key(frame)) if "module" in frame else None) or [None]

    def _is_own(self, place):
        return os.path.realpath(place.file).startswith(self._root)

    def _location(self, stack, report):
        """Where a developer looks first: the innermost line of the project; else any line; else the program."""
        places = [place for frame in stack for place in self._named(frame) if place is not None and place.file]
        own = [place for place in places if self._is_own(place)]
        chosen = (own or places or [None])[0]
        if chosen is not None:
            return self._place(chosen)
        modules = [frame["module"] for frame in stack if "module" in frame]
        path = modules[0] if modules else report["process"]["program"] or "unknown"
        return {"physicalLocation": {"artifactLocation": self._artifact(path), "region": {"startLine": 1}}}

    def _place(self, place):
        location = {"physicalLocation": {"artifactLocation": self._artifact(place.file),
                                         "region": {"startLine": max(place.line, 1)}}}
        if place.function:
            location["logicalLocations"] = [{"fullyQualifiedName": place.function, "kind": "function"}]
        return location

    def _artifact(self, path):
        if os.path.isabs(path):
            real = os.path.realpath(path)
            if real.startswith(self._root):
                return {"uri": urllib.parse.quote(real[len(self._root):]), "uriBaseId": "SRCROOT"}
            return {"uri": "file://" + urllib.parse.quote(path)}
        return {"uri": urllib.parse.quote(path)}

    def _frames(self, frame):
        for place in self._named(frame):
            entry = {"module": frame["module"]} if "module" in frame else {}
            if place is None:
                address = int(frame["address"], 16)
                location = {"physicalLocation": {"address": {"absoluteAddress": address}}}
            else:
                location = self._place(place) if place.file else {
                    "logicalLocations": [{"fullyQualifiedName": place.function, "kind": "function"}]}
            entry["location"] = location
            yield entry

    def _fingerprint(self, report):
        """The same for the same mistake in another run, or another build where functions have names: no address, no line."""
        words = [report["kind"]]
        for name, stack in stacks_of(report).items():
            words.append(name)
            for frame in stack[:_FRAMES_OF_A_FINGERPRINT]:
                for place in self._named(frame):
                    if place is not None and place.function:
                        words.append(place.function)
                    elif "module" in frame:
                        words.append(f"{os.path.basename(frame['module'])}+{frame['offset']}")
        return hashlib.sha256("\n".join(words).encode("utf-8", errors="surrogateescape")).hexdigest()[:32]
