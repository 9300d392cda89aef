"""Still pictures for a camera made of files: RGB out, or a named reason why not.

The size is read from the header before the pixels, so that a small file that unpacks to gigabytes costs nothing. What
may be an enrolment photo is stricter; `enroll.photos` decides that.
"""

import struct
from pathlib import Path

import cv2
import numpy as np

from errors import HadirError
from terminal.faces import Picture

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 64 * 2**20
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Start-of-frame markers (ITU-T T.81, table B.1): their segments carry the picture's size."""


class PictureRefused(HadirError):
    """A file is no picture that is taken; the text names the file, the reason and what would do."""


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
    size = _size(content)
    if size is None:
        raise PictureRefused(f"{path.name} is not a JPEG or PNG picture; save it as one of these")
    width, height = size
    if width * height > MAX_PIXELS:
        raise PictureRefused(f"{path.name} has {width} x {height} pixels; make it smaller than 50 million")
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        picture = None
    if picture is None:
        raise PictureRefused(f"{path.name} is damaged and cannot be decoded; give another file")
    return np.asarray(picture, np.uint8)


def _size(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) as the header says, None if it is neither a JPEG's nor a PNG's."""
    try:
        if content.startswith(_PNG):
            width, height = struct.unpack(">II", content[16:24])
            return width, height
        if not content.startswith(b"\xff\xd8"):
            return None
        at = 2
        while content[at] == 0xFF:
            marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
            if marker in _JPEG_SIZES:
                height, width = struct.unpack(">HH", content[at + 5 : at + 9])
                return width, height
            # A fill byte or a marker alone has no length behind it (T.81, B.1.1.2 and B.1.1.3).
            at += 1 if marker == 0xFF else 2 if marker == 0x01 or 0xD0 <= marker <= 0xD8 else 2 + length
    except (struct.error, IndexError):
        return None
    return None
