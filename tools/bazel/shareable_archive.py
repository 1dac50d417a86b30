#!/usr/bin/env python3
"""Makes a static archive that was compiled for programs fit for a shared library.

Usage: shareable_archive.py IN.a OUT.a

Debian's archives are position independent, but meant for programs, which shows in two places that a linker refuses
in a shared library. Both are changed here, and anything unexpected is an error:

 - Thread-local variables are reached at offsets from the thread pointer that only a program's linker knows
   (R_X86_64_TPOFF32). They become ordinary variables, shared by all threads: "mov %fs:x@tpoff, %eax" turns into
   "nop; mov x(%rip), %eax", which has the same length. Nothing here may use such an archive where that matters.
   In libnuma it concerns the memory policy of numa_set_bind_policy and numa_set_strict.
 - Versions in symbol names: "f@@V2", the default, becomes "f"; "f@V1", for programs linked long ago, becomes "f.V1".
"""

import os
import struct
import subprocess
import sys
import tempfile

SHT_SYMTAB, SHT_RELA = 2, 4
SHF_TLS = 0x400
STT_OBJECT, STT_TLS = 1, 6
R_X86_64_PC32, R_X86_64_TPOFF32 = 2, 23
# Other ways to reach thread-local storage: GOTTPOFF, TLSGD, TLSLD, DTPOFF32, GOTPC32_TLSDESC and relatives.
OTHER_TLS_RELOCATIONS = {16, 17, 18, 19, 20, 21, 22, 34, 35, 36}

HEADER = struct.Struct('<16sHHIQQQIHHHHHH')
SECTION = struct.Struct('<IIQQQQIIQQ')
SYMBOL = struct.Struct('<IBBHQQ')
RELOCATION = struct.Struct('<QQq')

PLAIN_NAMES = {b'.tbss': b'.bss', b'.tdata': b'.data'}

# Bytes of immediate operand after the displacement, of the one-byte operations that are known here.
IMMEDIATE = {0x80: 1, 0x83: 1, 0x81: 4, 0xC6: 1, 0xC7: 4}
WITHOUT_IMMEDIATE = {0x01, 0x03, 0x09, 0x0B, 0x21, 0x23, 0x29, 0x2B, 0x31, 0x33, 0x39, 0x3B, 0x85, 0x88, 0x89, 0x8A, 0x8B}


class Unexpected(Exception):
    """The archive holds something that is not understood here."""


def string_at(data, offset):
    return bytes(data[offset:data.index(b'\0', offset)])


def plain_access(code, at):
    """Rewrites the instruction with a thread-local displacement at `at`; returns the relocation's new addend."""
    # fs prefix, perhaps REX, operation, ModRM for "no base register", SIB for "no index register", displacement.
    modrm, sib = code[at - 2], code[at - 1]
    operation = code[at - 3]
    prefixed = 0x40 <= code[at - 4] <= 0x4F
    start = at - (5 if prefixed else 4)
    known = operation in IMMEDIATE or operation in WITHOUT_IMMEDIATE
    if start < 0 or code[start] != 0x64 or modrm & 0xC7 != 0x04 or sib != 0x25 or not known:
        raise Unexpected(f'instruction {code[max(0, at - 6):at + 4].hex()}')
    body = code[start + 1:at - 2] + bytes([modrm & 0x38 | 0x05])  # ModRM for "relative to the next instruction".
    code[start:at] = b'\x66\x90' + body  # A two-byte nop in front takes the place of the prefix and SIB.
    return -4 - IMMEDIATE.get(operation, 0)


class Object:
    """A relocatable x86-64 object file, changed in place."""

    def __init__(self, data):
        self.data = bytearray(data)
        header = HEADER.unpack_from(self.data)
        identification, kind, machine = header[0], header[1], header[2]
        if identification[:5] != b'\x7fELF\x02' or kind != 1 or machine != 62:
            raise Unexpected('not a relocatable x86-64 object file')
        offset, count, names = header[6], header[12], header[13]
        self.section_offsets = [offset + index * SECTION.size for index in range(count)]
        self.sections = [list(SECTION.unpack_from(self.data, at)) for at in self.section_offsets]
        self.names_offset = self.sections[names][4]

    def convert(self):
        for name, kind, _, _, offset, size, link, info, _, _ in list(self.sections):
            del name
            if kind == SHT_RELA:
                self._convert_relocations(offset, size, info)
            elif kind == SHT_SYMTAB:
                self._convert_symbols(offset, size, self.sections[link][4])
        self._convert_sections()

    def _convert_relocations(self, offset, size, target):
        base = self.sections[target][4]
        length = self.sections[target][5]
        for at in range(offset, offset + size, RELOCATION.size):
            place, info, addend = RELOCATION.unpack_from(self.data, at)
            kind, symbol = info & 0xFFFFFFFF, info >> 32
            if kind in OTHER_TLS_RELOCATIONS:
                raise Unexpected(f'relocation of type {kind}')
            if kind != R_X86_64_TPOFF32:
                continue
            code = bytearray(self.data[base:base + length])
            addend += plain_access(code, place)
            self.data[base:base + length] = code
            RELOCATION.pack_into(self.data, at, place, symbol << 32 | R_X86_64_PC32, addend)

    def _convert_symbols(self, offset, size, strings):
        for at in range(offset, offset + size, SYMBOL.size):
            name, info, other, section, value, extent = SYMBOL.unpack_from(self.data, at)
            if info & 0xF == STT_TLS:
                SYMBOL.pack_into(self.data, at, name, info & 0xF0 | STT_OBJECT, other, section, value, extent)
            text = string_at(self.data, strings + name)
            mark = text.find(b'@')
            if mark >= 0:
                default = text[mark:mark + 2] == b'@@'
                self.data[strings + name + mark] = 0 if default else ord('.')

    def _convert_sections(self):
        known = {string_at(self.data, self.names_offset + section[0]): section[0] for section in self.sections}
        for at, section in zip(self.section_offsets, self.sections):
            if not section[2] & SHF_TLS:
                continue
            plain = PLAIN_NAMES.get(string_at(self.data, self.names_offset + section[0]))
            if plain not in known:
                raise Unexpected('thread-local section of an unknown name, or no ordinary one to name it after')
            section[0] = known[plain]
            section[2] &= ~SHF_TLS
            SECTION.pack_into(self.data, at, *section)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        members = subprocess.run(['llvm-ar-19', 't', source], stdout=subprocess.PIPE, check=True,
                                 text=True).stdout.split()
        if len(set(members)) != len(members):
            sys.exit(f'{source}: two members of the same name')
        subprocess.run(['llvm-ar-19', 'x', source], cwd=folder, check=True)
        for member in members:
            path = os.path.join(folder, member)
            with open(path, 'rb') as file:
                converted = Object(file.read())
            try:
                converted.convert()
            except Unexpected as error:
                sys.exit(f'{source}({member}): {error}: not known how to make this fit for a shared library')
            with open(path, 'wb') as file:
                file.write(converted.data)
        if os.path.exists(target):
            os.unlink(target)
        subprocess.run(['llvm-ar-19', 'rcsD', target, *members], cwd=folder, check=True)


if __name__ == '__main__':
    main()
