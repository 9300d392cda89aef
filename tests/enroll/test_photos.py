"""Photographs from strangers: every odd one is refused with its own reason, before it can do harm."""

import contextlib
import os
import random
import struct
import subprocess
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enroll.photos import MAX_FILE_BYTES, PhotoRefused, decoded, read_file, sound_header

PROJECT = Path(__file__).resolve().parents[2]
COLOUR = np.random.default_rng(7).integers(0, 255, (120, 200, 3), np.uint8)


def encoded(kind: str, picture: np.ndarray = COLOUR) -> bytes:
    done, data = cv2.imencode(kind, picture)
    assert done
    return data.tobytes()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *, bits: int = 8, colours: int = 2, before: bytes = b"", rows: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    body = before + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def turned(jpeg: bytes, orientation: int) -> bytes:
    """Return `jpeg` with an EXIF block that says which way is up."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    payload = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def as_cmyk(jpeg: bytes) -> bytes:
    """Return `jpeg` with a frame header that claims a fourth component."""
    at = jpeg.index(b"\xff\xc0")
    length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
    frame = bytearray(jpeg[at : at + 2 + length])
    frame[9] = 4
    frame += b"\x04\x11\x00"
    frame[2:4] = struct.pack(">H", length + 3)
    return jpeg[:at] + bytes(frame) + jpeg[at + 2 + length :]


def why(content: bytes) -> str:
    with pytest.raises(PhotoRefused) as caught:
        decoded(content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp"])
def test_a_photo_comes_back_in_rgb(kind: str) -> None:
    red = np.full((100, 80, 3), (20, 30, 200), np.uint8)  # OpenCV writes BGR
    picture = decoded(encoded(kind, red))
    assert picture.shape == (100, 80, 3)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    assert np.abs(picture.astype(int) - (200, 30, 20)).max() < 12


def test_a_photo_with_transparency_is_taken() -> None:
    assert decoded(encoded(".png", np.dstack([COLOUR, np.full(COLOUR.shape[:2], 255, np.uint8)]))).shape == COLOUR.shape


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, (0, 0)), (2, (0, -1)), (3, (-1, -1)), (4, (-1, 0)), (5, (0, 0)), (6, (0, -1)), (7, (-1, -1)), (8, (-1, 0))],
)
def test_a_photo_is_turned_as_its_exif_says(orientation: int, corner: tuple[int, int]) -> None:
    """The stored picture has one red corner, its first; the table says where EXIF 2.3 wants to see it."""
    stored = np.full((96, 160, 3), (200, 60, 60), np.uint8)
    stored[:16, :16] = (0, 0, 255)
    picture = decoded(turned(encoded(".jpg", stored), orientation))
    assert picture.shape[:2] == ((96, 160) if orientation < 5 else (160, 96))
    red = picture[corner[0] * 6 + (2 if corner[0] == 0 else 0), corner[1] * 6 + (2 if corner[1] == 0 else 0)]
    assert red[0] > 180
    assert red[2] < 90


def test_a_large_photo_is_turned_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = np.full((2400, 3600, 3), (200, 60, 60), np.uint8)
    stored[:300, :300] = (0, 0, 255)
    picture = decoded(turned(encoded(".jpg", stored), 6))
    assert picture.shape == (1800, 1200, 3)
    assert picture[50, -50, 0] > 180
    assert decoded(encoded(".jpg", np.zeros((5000, 6400, 3), np.uint8) + np.uint8([9, 90, 200]))).shape == (
        1250,
        1600,
        3,
    )


REFUSED: dict[str, tuple[bytes, str]] = {
    "text": (b"This is not a photo.\n" * 50, "not a picture"),
    "a program": (b"\x7fELF" + bytes(200), "not a picture"),
    "a web page": (b"<html><body>404</body></html>", "not a picture"),
    "gif": (b"GIF89a" + bytes(200), "GIF"),
    "bmp": (encoded(".bmp"), "BMP"),
    "tiff": (encoded(".tiff"), "TIFF"),
    "pdf": (b"%PDF-1.7" + bytes(200), "PDF"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(200), "HEIC"),
    "png bomb": (png(20_000, 20_000), "20000 x 20000 pixels"),
    "jpeg bomb": (encoded(".jpg").replace(struct.pack(">HH", 120, 200), b"\xff\xff\xff\xff"), "65535 x 65535 pixels"),
    "png of 2^31": (png(2**31 - 1, 2**31 - 1), "pixels"),
    "a sliver": (png(50_000, 1), "too few"),
    "one pixel": (png(1, 1, rows=bytes(4)), "too few"),
    "no pixels": (png(0, 0), "too few"),
    "16 bits": (encoded(".png", COLOUR.astype(np.uint16) * 257), "16 bits"),
    "grey png": (encoded(".png", COLOUR[:, :, 0]), "black and white"),
    "grey jpeg": (encoded(".jpg", COLOUR[:, :, 0]), "black and white"),
    "grey in colour": (encoded(".jpg", np.dstack([COLOUR[:, :, 0]] * 3)), "black and white"),
    "cmyk": (as_cmyk(encoded(".jpg")), "CMYK"),
    "animated png": (png(100, 100, before=chunk(b"acTL", bytes(8)), rows=bytes(100 * 301)), "animation"),
    "animated webp": (
        b"RIFF" + struct.pack("<I", 40) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02" + bytes(50),
        "anim",
    ),
    "jpeg cut off": (encoded(".jpg")[:-2000], "cut off"),
    "png cut off": (encoded(".png")[:-2000], "cut off"),
    "webp cut off": (encoded(".webp")[:-2000], "cut off"),
    "only a jpeg's start": (b"\xff\xd8\xff", "damaged"),
    "only a png's start": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "only a webp's start": (b"RIFF\0\0\0\0WEBP", "damaged"),
    "png without data": (png(200, 200), "damaged"),
    "jpeg of nothing": (b"\xff\xd8\xff\xd9", "damaged"),
    "jpeg of fill bytes": (b"\xff\xd8" + b"\xff" * 100_000, "damaged"),
    "jpeg that says it is 0 long": (b"\xff\xd8\xff\xe0\0\0" + bytes(100), "damaged"),
    "webp of an unknown kind": (b"RIFF" + struct.pack("<I", 40) + b"WEBPVP9 " + bytes(50), "damaged"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_usable_photo_is_refused_with_its_own_reason(what: str) -> None:
    content, reason = REFUSED[what]
    assert reason in why(content)


def test_a_bomb_takes_no_memory() -> None:
    rows = zlib.compress(bytes(20_000 * 3 + 1) * 200)
    bomb = png(20_000, 20_000)[:33] + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    tracemalloc.start()
    try:
        why(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_cmyk_photo_of_a_real_program_is_named(tmp_path: Path, program: Callable[[str], str]) -> None:
    """ImageMagick writes what print shops send: Adobe CMYK."""
    source, target = tmp_path / "in.png", tmp_path / "out.jpg"
    source.write_bytes(encoded(".png"))
    convert = Path(program("import")).with_name("convert")
    subprocess.run([str(convert), str(source), "-colorspace", "CMYK", str(target)], check=True)
    assert "CMYK" in why(target.read_bytes())


def test_files_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(PhotoRefused) as caught:
            read_file(path)
        return str(caught.value)

    (tmp_path / "empty.jpg").touch()
    assert refused(tmp_path / "empty.jpg") == "it is empty"
    assert "not a file" in refused(tmp_path)
    assert "not a file" in refused(tmp_path / "absent.jpg")
    assert "not a file" in refused(Path("/dev/zero"))
    with (tmp_path / "large.jpg").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert refused(tmp_path / "large.jpg") == "it is larger than 50 MB"


def test_a_pipe_does_not_hang_the_desk(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo.jpg")
    with pytest.raises(PhotoRefused, match="not a file"):
        read_file(tmp_path / "photo.jpg")


@settings(deadline=None, max_examples=300)
@given(
    kind=st.sampled_from([".jpg", ".png", ".webp"]),
    seed=st.integers(0, 2**32),
    flips=st.integers(1, 20),
    cut=st.floats(0.1, 1),
)
def test_damaged_photos_are_refused_or_read_and_never_crash(kind: str, seed: int, flips: int, cut: float) -> None:
    dice = random.Random(seed)
    content = bytearray(encoded(kind))
    for _ in range(flips):
        content[dice.randrange(min(len(content), 600))] = dice.randrange(256)
    try:
        picture = decoded(bytes(content[: int(len(content) * cut)]))
    except PhotoRefused:
        return
    assert picture.ndim == 3


@given(st.binary(max_size=400), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBPVP8L"]))
def test_headers_of_strangers_never_crash(content: bytes, start: bytes) -> None:
    with contextlib.suppress(PhotoRefused):
        sound_header(start + content)


def test_every_portrait_of_the_demo_is_a_photo() -> None:
    portraits = sorted((PROJECT / "demo").rglob("*.jpg"))
    assert len(portraits) >= 6
    for path in portraits:
        assert decoded(read_file(path)).shape[2] == 3
