"""Photographs from strangers' hands: looked at before they are decoded, refused in words, never larger than needed.

Only JPEG, PNG and WebP reach a decoder, and only after their own headers have said a size that fits into memory.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from errors import HadirError
from terminal.faces import Picture

MAX_FILE_BYTES = 50 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE_PX = 64
ENOUGH_PX = 1600
"""The longer side of what is returned is at most about twice this: more than any face needs."""
_GREY = 2.0
"""Mean distance between the largest and smallest of R, G, B: 0 without colour, above 3 in 900 real portraits."""

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_OTHER_KINDS = (
    (b"GIF8", "it is a GIF, an animation or drawing; give a JPEG or PNG photo"),
    (b"BM", "it is a BMP; save it as JPEG or PNG"),
    (b"II*\0", "it is a TIFF; save it as JPEG or PNG"),
    (b"MM\0*", "it is a TIFF; save it as JPEG or PNG"),
    (b"%PDF", "it is a PDF; export the photo from it as JPEG or PNG"),
)


class PhotoRefused(HadirError):
    """The file is not a photograph that can be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself before anything is decoded."""

    kind: str
    width: int
    height: int


def read_file(path: Path) -> bytes:
    """Return the bytes of a photo file that is neither empty nor over 50 MB. Raises PhotoRefused."""
    try:
        if not path.is_file():
            raise PhotoRefused("it is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PhotoRefused(f"it cannot be read ({error.strerror})") from error
    if not content:
        raise PhotoRefused("it is empty")
    if len(content) > MAX_FILE_BYTES:
        raise PhotoRefused(f"it is larger than {MAX_FILE_BYTES // 2**20} MB")
    return content


def decoded(content: bytes) -> Picture:
    """Return the photo in colour, upright as its EXIF says, large ones shrunk while decoding. Raises PhotoRefused."""
    header = header_of(content)
    if header.width * header.height > MAX_PIXELS:
        raise PhotoRefused(
            f"it has {header.width} x {header.height} pixels, more than {MAX_PIXELS // 10**6} million; save it smaller"
        )
    if min(header.width, header.height) < MIN_SIDE_PX:
        raise PhotoRefused(f"it has {header.width} x {header.height} pixels, too few for a face")
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), _reduction(header))
    except cv2.error:
        picture = None
    if picture is None or picture.ndim != 3:
        raise PhotoRefused("it is damaged; save or copy it again")
    if float(np.ptp(picture[::4, ::4], axis=2).mean()) < _GREY:
        raise PhotoRefused("it is black and white; give a colour photo")
    return np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def header_of(content: bytes) -> Header:
    """Return what the file says of itself. Raises PhotoRefused for what is no whole colour photo of 8 bits."""
    if content.startswith(b"\xff\xd8"):
        return _jpeg(content)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    if content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif"):
        raise PhotoRefused("it is a HEIC or AVIF picture of a phone; send it as JPEG")
    for start, words in _OTHER_KINDS:
        if content.startswith(start):
            raise PhotoRefused(words)
    raise PhotoRefused("it is not a picture")


def _reduction(header: Header) -> int:
    """Return how imdecode is to shrink: JPEGs get smaller while they are decoded, which saves most of the time."""
    longest = max(header.width, header.height)
    if header.kind == "JPEG" and longest >= 4 * ENOUGH_PX:
        return cv2.IMREAD_REDUCED_COLOR_4
    if header.kind == "JPEG" and longest >= 2 * ENOUGH_PX:
        return cv2.IMREAD_REDUCED_COLOR_2
    return cv2.IMREAD_COLOR


def _jpeg(content: bytes) -> Header:
    """Read the frame header (ITU T.81, B.2.2); the scan behind it must come to an end."""
    header: Header | None = None
    for marker, segment, end in _jpeg_segments(content):
        if marker == 0xDA:
            if header is not None and content.rfind(b"\xff\xd9", end) < 0:
                raise PhotoRefused("it is cut off; copy it again")
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if len(segment) < 6:
                break
            bits, height, width, components = struct.unpack(">BHHB", segment[:6])
            if bits != 8:
                raise PhotoRefused(f"it has {bits} bits a colour; save it with 8")
            if components == 1:
                raise PhotoRefused("it is black and white; give a colour photo")
            if components == 4:
                raise PhotoRefused("it is in CMYK, the colours of print; save it as RGB")
            header = Header(kind="JPEG", width=width, height=height)
    if header is None:
        raise PhotoRefused("it is damaged; save or copy it again")
    return header


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield (marker, payload, place behind it) of each segment up to and with the start of the first scan."""
    place = 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a payload
            place += 2
            continue
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        end = place + 2 + length
        if length < 2 or end > len(content):
            return
        yield marker, content[place + 4 : end], end
        if marker == 0xDA:
            return
        place = end


def _png(content: bytes) -> Header:
    """Read the image header (PNG, 11.2.2); an animation says so before the first image data."""
    if len(content) < 33 or content[12:16] != b"IHDR":
        raise PhotoRefused("it is damaged; save or copy it again")
    width, height, bits, colours = struct.unpack(">IIBB", content[16:26])
    place = 8
    while place + 8 <= len(content):
        length, name = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        if name == b"acTL":
            raise PhotoRefused("it is an animation; give a single photo")
        if name == b"IDAT":
            break
        place += 12 + length
    if content.find(_PNG_END, place) < 0:
        raise PhotoRefused("it is cut off; copy it again")
    if bits == 16:
        raise PhotoRefused("it has 16 bits a colour; save it with 8")
    if colours in (0, 4):
        raise PhotoRefused("it is black and white; give a colour photo")
    return Header(kind="PNG", width=width, height=height)


def _webp(content: bytes) -> Header:
    """Read the first chunk (WebP container specification; RFC 9649)."""
    if len(content) < 30:
        raise PhotoRefused("it is damaged; save or copy it again")
    if int.from_bytes(content[4:8], "little") + 8 > len(content):
        raise PhotoRefused("it is cut off; copy it again")
    match content[12:16]:
        case b"VP8X":
            if content[20] & 0x02:
                raise PhotoRefused("it is an animation; give a single photo")
            width = int.from_bytes(content[24:27], "little") + 1
            height = int.from_bytes(content[27:30], "little") + 1
        case b"VP8L":
            packed = int.from_bytes(content[21:25], "little")
            width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width = int.from_bytes(content[26:28], "little") & 0x3FFF
            height = int.from_bytes(content[28:30], "little") & 0x3FFF
        case _:
            raise PhotoRefused("it is damaged; save or copy it again")
    return Header(kind="WebP", width=width, height=height)
