"""Decodes a PNG with 8 bits a sample and no interlacing, which is what browsers write."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {2: 3, 6: 4}  # by colour type: RGB, RGBA


class Picture:
    """The pixels of a PNG file."""

    def __init__(self, data):
        if data[:8] != SIGNATURE:
            raise ValueError("not a PNG")
        header, packed = b"", b""
        for kind, body in chunks(data):
            if kind == b"IHDR":
                header = body
            elif kind == b"IDAT":
                packed += body
        self.width, self.height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
        if depth != 8 or colour not in SAMPLES or interlaced:
            raise ValueError("a kind of PNG that is not read here")
        self._samples = SAMPLES[colour]
        self._rows = unfiltered(zlib.decompress(packed), self.height, self.width * self._samples, self._samples)

    def pixel(self, x, y):
        """The red, green and blue of a pixel."""
        start = x * self._samples
        return tuple(self._rows[y][start:start + 3])

    def colours(self, left, top, width, height):
        """How often each colour occurs in a rectangle."""
        found = {}
        for y in range(top, top + height):
            for x in range(left, left + width):
                colour = self.pixel(x, y)
                found[colour] = found.get(colour, 0) + 1
        return found


def chunks(data):
    """A PNG's chunks: pairs of kind and content, their checksums compared."""
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if zlib.crc32(kind + body) != struct.unpack_from(">I", data, at + 8 + length)[0]:
            raise ValueError(f"chunk {kind!r} is damaged")
        yield kind, body
        at += 12 + length


def unfiltered(data, height, stride, step):
    """The rows with their filters undone."""
    rows = []
    before = bytearray(stride)
    for number in range(height):
        start = number * (stride + 1)
        row = bytearray(data[start + 1:start + 1 + stride])
        undo(data[start], row, before, step)
        rows.append(row)
        before = row
    return rows


def undo(kind, row, before, step):
    """Undoes the filter of one row in place (PNG specification, section 9)."""
    for i, value in enumerate(row):
        left = row[i - step] if i >= step else 0
        above = before[i]
        corner = before[i - step] if i >= step else 0
        if kind == 1:
            row[i] = (value + left) & 255
        elif kind == 2:
            row[i] = (value + above) & 255
        elif kind == 3:
            row[i] = (value + (left + above) // 2) & 255
        elif kind == 4:
            row[i] = (value + paeth(left, above, corner)) & 255


def paeth(left, above, corner):
    """The neighbour nearest to left + above - corner."""
    guess = left + above - corner
    distances = abs(guess - left), abs(guess - above), abs(guess - corner)
    return (left, above, corner)[distances.index(min(distances))]
