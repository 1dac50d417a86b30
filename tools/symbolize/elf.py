"""What is needed of an ELF file: build id, debug link, and which address a byte of it has."""

import struct

_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_LOAD, _NOTE = 1, 4
_BUILD_ID = 3
_PAGE = 4096


class NotElf(Exception):
    """The file is none that this can read."""


class Elf:
    def __init__(self, path):
        with open(path, "rb") as file:
            self._file = file
            header = file.read(64)
            if header[:6] != b"\x7fELF\x02\x01" or len(header) < 64:
                raise NotElf(f"{path}: not an ELF file of 64 bits, little endian")
            segments, sections = struct.unpack_from("<QQ", header, 32)
            segment_bytes, segment_count, section_bytes, section_count, names = struct.unpack_from("<HHHHH", header, 54)
            self._segments = [_SEGMENT.unpack(part) for part in self._table(segments, segment_bytes, segment_count,
                                                                           _SEGMENT.size)]
            self._sections = [_SECTION.unpack(part) for part in self._table(sections, section_bytes, section_count,
                                                                           _SECTION.size)]
            self._names = self._contents(self._sections[names]) if names < len(self._sections) else b""
            self.build_id = self._find_build_id()
            self.debug_link = self._find_debug_link()
            self.has_lines = self._section(b".debug_line") is not None
        self._file = None

    def _at(self, offset, count):
        self._file.seek(offset)
        return self._file.read(count)

    def _table(self, offset, entry_bytes, count, needed):
        if entry_bytes < needed:
            return []
        data = self._at(offset, entry_bytes * count)
        return [data[i:i + needed] for i in range(0, len(data) - needed + 1, entry_bytes)]

    def _contents(self, section):
        return self._at(section[4], min(section[5], 1 << 24))

    def _section(self, name):
        for section in self._sections:
            if self._names[section[0]:self._names.find(b"\0", section[0])] == name:
                return section
        return None

    def _find_build_id(self):
        for segment in self._segments:
            if segment[0] != _NOTE:
                continue
            notes, at = self._at(segment[2], min(segment[5], _PAGE)), 0
            while at + 12 <= len(notes):
                name_bytes, bytes_, kind = struct.unpack_from("<III", notes, at)
                name = notes[at + 12:at + 12 + name_bytes]
                begin = at + 12 + (name_bytes + 3) // 4 * 4
                if kind == _BUILD_ID and name == b"GNU\0":
                    return notes[begin:begin + bytes_].hex()
                at = begin + (bytes_ + 3) // 4 * 4
        return ""

    def _find_debug_link(self):
        section = self._section(b".gnu_debuglink")
        return "" if section is None else self._contents(section).split(b"\0")[0].decode(errors="replace")

    def address_of(self, file_offset):
        """The address that the file itself gives to what is mapped from there; None: it is not mapped."""
        for segment in self._segments:
            begin = segment[2] // _PAGE * _PAGE
            if segment[0] == _LOAD and begin <= file_offset < segment[2] + segment[5]:
                return file_offset - segment[2] + segment[3]
        return None
