"""Still pictures for a camera made of files: RGB out, or a named reason why not; and what any picture says of itself.

The size is read from the header before the pixels, so that a small file that unpacks to gigabytes costs nothing. What
may be an enrolment photo is stricter; `enroll.photos` decides that, by the same headers.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np

from errors import HadirError
from terminal.faces import Picture

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 64 * 2**20
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Start-of-frame markers (ITU-T T.81, table B.1): their segments carry the picture's size."""


class PictureRefused(HadirError):
    """A file is no picture that is taken; the text names the file, the reason and what would do."""


class Kind(StrEnum):
    """What a picture file is by its first bytes."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"


class Colours(StrEnum):
    """How a picture keeps its colours."""

    RGB = "rgb"
    GREY = "grey"
    CMYK = "cmyk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself before anything is decoded; `bits` are those of one colour of one pixel."""

    kind: Kind
    width: int
    height: int
    bits: int = 8
    colours: Colours = Colours.RGB
    animated: bool = False
    cut_off: bool = False


def read(path: Path) -> Picture:
    """Return the picture in `path`, a JPEG or PNG of at most MAX_PIXELS, upright as its EXIF says, RGB.

    16 bits a channel become 8, grey becomes RGB, transparency is dropped. Raises PictureRefused.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PictureRefused(f"{path.name} cannot be read ({error.strerror}); give another file") from error
    if not content:
        raise PictureRefused(f"{path.name} is empty; give another file")
    if len(content) > MAX_FILE_BYTES:
        raise PictureRefused(f"{path.name} is larger than {MAX_FILE_BYTES // 2**20} MB; make it smaller")
    header = header_of(content)
    if header is None or header.kind is Kind.WEBP:
        raise PictureRefused(f"{path.name} is not a JPEG or PNG picture; save it as one of these")
    if header.width * header.height > MAX_PIXELS:
        raise PictureRefused(
            f"{path.name} has {header.width} x {header.height} pixels; make it smaller than 50 million"
        )
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        picture = None
    if picture is None:
        raise PictureRefused(f"{path.name} is damaged and cannot be decoded; give another file")
    return np.asarray(picture, np.uint8)


def kind_of(content: bytes) -> Kind | None:
    """Return what the file is by its first bytes, None for what is none of these."""
    if content.startswith(b"\xff\xd8"):
        return Kind.JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Kind.WEBP
    return None


def header_of(content: bytes) -> Header | None:
    """Return what the file says of itself, None where it is no JPEG, PNG or WebP or its header is damaged."""
    match kind_of(content):
        case Kind.JPEG:
            return _jpeg(content)
        case Kind.PNG:
            return _png(content)
        case Kind.WEBP:
            return _webp(content)
        case None:
            return None


def _jpeg(content: bytes) -> Header | None:
    """Read the frame header (ITU T.81, B.2.2); the scan behind it must come to an end."""
    frame = b""
    cut_off = False
    for marker, segment, end in _jpeg_segments(content):
        if marker == 0xDA:
            cut_off = content.rfind(b"\xff\xd9", end) < 0
        elif marker in _JPEG_SIZES:
            frame = segment[:6]
    if len(frame) < 6:
        return None
    bits, height, width, components = struct.unpack(">BHHB", frame)
    colours = {1: Colours.GREY, 4: Colours.CMYK}.get(components, Colours.RGB)
    return Header(kind=Kind.JPEG, width=width, height=height, bits=bits, colours=colours, cut_off=cut_off)


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield (marker, payload, place behind it) of each segment up to and with the start of the first scan."""
    place = 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        # A fill byte or a marker alone has no length behind it (T.81, B.1.1.2 and B.1.1.3).
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 1 if marker == 0xFF else 2
            continue
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if end < place + 4 or end > len(content):
            return
        yield marker, content[place + 4 : end], end
        if marker == 0xDA:
            return
        place = end


def _png(content: bytes) -> Header | None:
    """Read the image header (PNG, 11.2.2); an animation says so before the first image data."""
    if len(content) < 33 or content[12:16] != b"IHDR":
        return None
    width, height, bits, colours = struct.unpack(">IIBB", content[16:26])
    animated = False
    place = 8
    while place + 8 <= len(content):
        length, name = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        animated = animated or name == b"acTL"
        if name == b"IDAT":
            break
        place += 12 + length
    return Header(
        kind=Kind.PNG,
        width=width,
        height=height,
        bits=bits,
        colours=Colours.GREY if colours in (0, 4) else Colours.RGB,
        animated=animated,
        cut_off=content.find(_PNG_END, place) < 0,
    )


def _webp(content: bytes) -> Header | None:
    """Read the first chunk (WebP container specification; RFC 9649)."""
    if len(content) < 30:
        return None
    animated = False
    match content[12:16]:
        case b"VP8X":
            animated = bool(content[20] & 0x02)
            width = int.from_bytes(content[24:27], "little") + 1
            height = int.from_bytes(content[27:30], "little") + 1
        case b"VP8L":
            packed = int.from_bytes(content[21:25], "little")
            width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width = int.from_bytes(content[26:28], "little") & 0x3FFF
            height = int.from_bytes(content[28:30], "little") & 0x3FFF
        case _:
            return None
    cut_off = int.from_bytes(content[4:8], "little") + 8 > len(content)
    return Header(kind=Kind.WEBP, width=width, height=height, animated=animated, cut_off=cut_off)
