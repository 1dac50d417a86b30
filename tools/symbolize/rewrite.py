"""Frames in a text or a JSON document, and what they become with names."""

import json
import re

# As src/report/stack_text.h writes them:
#     #0 0x7f0123456789 in function (/usr/lib/libx.so.1+0x1234) (BuildId: 0123456789abcdef)
# where the function, as the linker knows it, may be missing.
_TEXT = re.compile(r"(?P<number>#\d+) (?P<address>0x[0-9a-f]+)(?: in (?P<function>\S+))?"
                   r" \((?P<module>/.*)\+(?P<offset>0x[0-9a-f]+)\)"
                   r"(?P<id> \(BuildId: (?P<build_id>[0-9a-f]+)\))?")
# {"address": "0x7f0123456789", "module": "/usr/lib/libx.so.1", "offset": "0x1234", "build_id": "0123456789abcdef"}
_STRING = r'"(?:[^"\\]|\\.)*"'
_JSON = re.compile(rf'"module": ?(?P<module>{_STRING}), ?"offset": ?"(?P<offset>0x[0-9a-f]+)"'
                   r'(?:, ?"build_id": ?"(?P<build_id>[0-9a-f]*)")?(?=\s*\})')


def _key(match, module):
    return module, match["build_id"] or "", int(match["offset"], 16)


def _text_key(match):
    return _key(match, match["module"])


def _json_key(match):
    return _key(match, json.loads(match["module"]))


def keys(text):
    """What the text asks for: (module, build id, address)."""
    return {_text_key(match) for match in _TEXT.finditer(text)} | {_json_key(match) for match in _JSON.finditer(text)}


def _place_in_words(place, function):
    words = f" in {place.function or function or '??'}"
    return words + (f" {place.file}:{place.line}" if place.file else "")


def rewrite(text, places_of):
    """The text with names; places_of(module, build id, address) is what a Symbolizer's `places` says."""
    def text_frame(match):
        places = places_of(*_text_key(match))
        if not places:
            return match[0]
        indent = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
        module = f" ({match['module']}+{match['offset']}){match['id'] or ''}"
        # Functions that were inlined get lines of their own, under the same number.
        words = [_place_in_words(place, match["function"]) for place in places]
        return ("\n" + indent).join(f"{match['number']} {match['address']}{place}{module}" for place in words)

    def json_frame(match):
        places = places_of(*_json_key(match))
        if not places:
            return match[0]
        described = [{name: value for name, value in place._asdict().items() if value} for place in places]
        return f'{match[0]}, "places": {json.dumps(described)}'

    return _JSON.sub(json_frame, _TEXT.sub(text_frame, text))
