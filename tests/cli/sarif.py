"""Checks SARIF documents of `bartizan symbolize --sarif`."""

import json
import os
import re
import urllib.parse

import json_schema

_HERE = os.path.dirname(os.path.realpath(__file__))
with open(os.path.join(_HERE, "sarif.schema.json"), encoding="utf-8") as _file:
    _SCHEMA = json.load(_file)


def checked(text):
    """The only run of a document; ValueError for what SARIF 2.1.0, or GitHub, would not take."""
    document = json.loads(text)
    found = json_schema.mistakes(document, _SCHEMA)
    if found or len(document["runs"]) != 1:
        raise ValueError(found or "not one run")
    run = document["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    _require(len(set(rules)) == len(rules), "a rule twice")
    _require(run["originalUriBaseIds"]["SRCROOT"]["uri"].endswith("/"), "a base that is no folder")
    for rule in run["tool"]["driver"]["rules"]:
        _require(0 < float(rule["properties"]["security-severity"]) <= 10, rule["id"])
    fingerprints = [result["partialFingerprints"]["bartizanStack/v1"] for result in run["results"]]
    _require(len(set(fingerprints)) == len(fingerprints), "a fingerprint twice")
    for result in run["results"]:
        _require(rules[result["ruleIndex"]] == result["ruleId"], "another rule")
        _require(result["message"]["text"], "no message")
        _require(len(result["locations"]) == 1, "not one location")
        related = result.get("relatedLocations", [])
        _require([location["id"] for location in related] == list(range(1, len(related) + 1)), "numbers of related locations")
        for location in result["locations"] + related:
            place = location["physicalLocation"]
            _require("region" in place and "artifactLocation" in place, "a place without a file")
            uri = place["artifactLocation"]["uri"]
            _require(re.fullmatch(r"[A-Za-z0-9/:._~%+-]+", uri), uri)
            own = "uriBaseId" in place["artifactLocation"]
            _require(".." not in uri.split("/") and own != uri.startswith("file:///") or "/" not in uri, uri)
    _require(set(rules) == {result["ruleId"] for result in run["results"]}, "a rule without results")
    return run


def _require(condition, what):
    if not condition:
        raise ValueError(what)


def place_of(location):
    """File and line."""
    place = location["physicalLocation"]
    return urllib.parse.unquote(place["artifactLocation"]["uri"]), place["region"]["startLine"]
