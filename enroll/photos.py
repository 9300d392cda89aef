"""Photographs from strangers' hands: looked at before they are decoded, refused in words, never larger than needed.

Only JPEG, PNG and WebP reach a decoder, and only after their own headers have said a size that fits into memory.
"""

from pathlib import Path
from typing import assert_never

import cv2
import numpy as np

from errors import HadirError
from terminal.camera.pictures import Colours, Header, Kind, header_of, kind_of
from terminal.faces import Picture

MAX_FILE_BYTES = 50 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE_PX = 64
ENOUGH_PX = 1600
"""The longer side of what is returned is at most about twice this: more than any face needs."""
_GREY = 2.0
"""Mean distance between the largest and smallest of R, G, B: 0 without colour, above 3 in 900 real portraits."""

_OTHER_KINDS = (
    (b"GIF8", "it is a GIF, an animation or drawing; give a JPEG or PNG photo"),
    (b"BM", "it is a BMP; save it as JPEG or PNG"),
    (b"II*\0", "it is a TIFF; save it as JPEG or PNG"),
    (b"MM\0*", "it is a TIFF; save it as JPEG or PNG"),
    (b"%PDF", "it is a PDF; export the photo from it as JPEG or PNG"),
)


class PhotoRefused(HadirError):
    """The file is not a photograph that can be used; the text says why."""


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
    header = sound_header(content)
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


def sound_header(content: bytes) -> Header:
    """Return what the file says of itself. Raises PhotoRefused for what is no whole colour photo of 8 bits."""
    header = header_of(content)
    if header is None:
        raise PhotoRefused(_no_picture(content))
    if header.animated:
        raise PhotoRefused("it is an animation; give a single photo")
    if header.cut_off:
        raise PhotoRefused("it is cut off; copy it again")
    if header.bits > 8:
        raise PhotoRefused(f"it has {header.bits} bits a colour; save it with 8")
    match header.colours:
        case Colours.GREY:
            raise PhotoRefused("it is black and white; give a colour photo")
        case Colours.CMYK:
            raise PhotoRefused("it is in CMYK, the colours of print; save it as RGB")
        case Colours.RGB:
            return header
        case _:
            assert_never(header.colours)


def _no_picture(content: bytes) -> str:
    """Return why a file without a readable header is not taken."""
    if kind_of(content) is not None:
        return "it is damaged; save or copy it again"
    if content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif"):
        return "it is a HEIC or AVIF picture of a phone; send it as JPEG"
    return next((words for start, words in _OTHER_KINDS if content.startswith(start)), "it is not a picture")


def _reduction(header: Header) -> int:
    """Return how imdecode is to shrink: JPEGs get smaller while they are decoded, which saves most of the time."""
    longest = max(header.width, header.height)
    if header.kind is Kind.JPEG and longest >= 4 * ENOUGH_PX:
        return cv2.IMREAD_REDUCED_COLOR_4
    if header.kind is Kind.JPEG and longest >= 2 * ENOUGH_PX:
        return cv2.IMREAD_REDUCED_COLOR_2
    return cv2.IMREAD_COLOR
