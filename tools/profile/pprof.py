"""The format of pprof: profile.proto of github.com/google/pprof, in protocol buffers, compressed by gzip."""

import gzip

from heap_profile.samples import VALUES

# Numbers of the fields, by message.
_PROFILE = {"sample_type": 1, "sample": 2, "mapping": 3, "location": 4, "function": 5, "string_table": 6, "time_nanos": 9,
            "duration_nanos": 10, "period_type": 11, "period": 12, "default_sample_type": 14}
_VALUE_TYPE = {"type": 1, "unit": 2}
_SAMPLE = {"location_id": 1, "value": 2}
_MAPPING = {"id": 1, "memory_start": 2, "memory_limit": 3, "file_offset": 4, "filename": 5, "build_id": 6,
            "has_functions": 7, "has_filenames": 8, "has_line_numbers": 9, "has_inline_frames": 10}
_LOCATION = {"id": 1, "mapping_id": 2, "address": 3, "line": 4}
_LINE = {"function_id": 1, "line": 2}
_FUNCTION = {"id": 1, "name": 2, "system_name": 3, "filename": 4}


def _varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _message(numbers, **fields):
    """A message: integers, texts and bytes, and lists: of integers packed, of bytes repeated."""
    out = bytearray()
    for name, value in fields.items():
        number = numbers[name]
        if isinstance(value, int):
            if value:
                out += _varint(number << 3) + _varint(value)
            continue
        if isinstance(value, list) and all(isinstance(one, int) for one in value):
            value = [b"".join(map(_varint, value))] if value else []
        for one in value if isinstance(value, list) else [value]:
            data = one.encode(errors="replace") if isinstance(one, str) else one
            out += _varint(number << 3 | 2) + _varint(len(data)) + data
    return bytes(out)


class _Numbers(dict):
    """Numbers things as they come."""

    def __init__(self, first):
        super().__init__()
        self._first = first

    def __missing__(self, key):
        self[key] = len(self) + self._first
        return self[key]


def encode(profile, time_ns, duration_ns, period):
    """The bytes of a profile.pb.gz; `period` is one sample in so many bytes, 0 if that is not known."""
    strings = _Numbers(0)
    assert strings[""] == 0
    functions, locations = _Numbers(1), _Numbers(1)
    known, location_messages = {}, []
    samples = []
    for stack in profile.stacks:
        for location in stack.locations:
            known[location.address] = location
        ids = [locations[location.address] for location in stack.locations]
        if not ids:  # One place that stands for no stack, so that its bytes are not lost.
            ids = [locations[None]]
        samples.append(_message(_SAMPLE, location_id=ids, value=list(stack.values)))
    for address, number in locations.items():
        location = known.get(address)
        if location is None:
            lines = [_message(_LINE, function_id=functions["(unknown stack)", ""])]
            location_messages.append(_message(_LOCATION, id=number, line=lines))
            continue
        lines = [_message(_LINE, function_id=functions[place.function or profile.name_of(location), place.file],
                          line=place.line) for place in location.places]
        mapping = 0 if location.mapping is None else location.mapping + 1
        location_messages.append(_message(_LOCATION, id=number, mapping_id=mapping, address=address, line=lines))
    function_messages = [
        _message(_FUNCTION, id=number, name=strings[name], system_name=strings[name], filename=strings[file])
        for (name, file), number in functions.items()]
    named = int(any(location.places for location in known.values()))
    mappings = [
        _message(_MAPPING, id=index + 1, memory_start=mapping.begin, memory_limit=mapping.end, file_offset=mapping.offset,
                 filename=strings[mapping.path], build_id=strings[mapping.build_id], has_functions=named,
                 has_filenames=named, has_line_numbers=named, has_inline_frames=named)
        for index, mapping in enumerate(profile.mappings)]
    types = [_message(_VALUE_TYPE, type=strings[name], unit=strings[unit]) for name, unit in VALUES]
    period_type = _message(_VALUE_TYPE, type=strings["space"], unit=strings["bytes"])
    default = strings["inuse_space"]
    data = _message(_PROFILE, sample_type=types, sample=samples, mapping=mappings, location=location_messages,
                    function=function_messages, string_table=list(strings), time_nanos=time_ns, duration_nanos=duration_ns,
                    period_type=period_type, period=period, default_sample_type=default)
    return gzip.compress(data, mtime=0)
