"""Pictures from files that may be anything."""

import contextlib
import struct
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from terminal.camera.pictures import PictureRefused, read

RED = np.full((40, 60, 3), (200, 30, 40), np.uint8)


def saved(path: Path, picture: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)
    return path


def png(width: int, height: int, *, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["red.png", "red.jpg", "RED.JPEG"])
def test_a_picture_comes_as_rgb(tmp_path: Path, name: str) -> None:
    picture = read(saved(tmp_path / name, RED))
    assert (picture.shape, picture.dtype) == ((40, 60, 3), np.uint8)
    np.testing.assert_allclose(picture.mean(axis=(0, 1)), (200, 30, 40), atol=4)


def test_grey_transparent_and_16_bit_pictures_become_rgb_of_8_bits(tmp_path: Path) -> None:
    assert read(saved(tmp_path / "grey.png", RED[..., 0])).shape == (40, 60, 3)
    deep = saved(tmp_path / "deep.png", RED.astype(np.uint16) * 257)
    assert read(deep)[0, 0].tolist() == [200, 30, 40]
    clear = np.dstack([RED[..., ::-1], np.full((40, 60), 9, np.uint8)])
    assert cv2.imwrite(str(tmp_path / "clear.png"), clear)
    assert read(tmp_path / "clear.png")[0, 0].tolist() == [200, 30, 40]


def test_a_photo_that_lies_on_its_side_is_set_upright_by_its_exif(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.jpg", RED).read_bytes()
    entry = struct.pack("<HHHIHH", 1, 0x0112, 3, 1, 6, 0)  # Orientation 6: turn a quarter clockwise
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + entry + b"\0\0\0\0"
    (tmp_path / "turned.jpg").write_bytes(whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:])
    assert read(tmp_path / "turned.jpg").shape == (60, 40, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello", "not a JPEG or PNG"),
        (b"GIF89a" + b"\0" * 20, "not a JPEG or PNG"),
        (b"\xff\xd8", "not a JPEG or PNG"),
        (b"\xff\xd8\xff\xe0\x00\x00", "not a JPEG or PNG"),
        (b"\xff\xd8" + b"\xff" * 5000, "not a JPEG or PNG"),
        (b"\x89PNG\r\n\x1a\n", "not a JPEG or PNG"),
        (png(60, 40), "damaged"),
        (png(20_000, 20_000), "20000 x 20000"),
        (png(2**31, 2**31), "make it smaller"),
    ],
)
def test_what_is_no_picture_is_refused_by_name_and_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "thing.jpg"
    path.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(PictureRefused, match=words) as refused:
        read(path)
    assert "thing.jpg" in str(refused.value)
    assert time.monotonic() - began < 1


def test_a_picture_cut_off_does_no_harm(tmp_path: Path) -> None:
    """What of it can be seen is taken, as everywhere; a header alone is refused."""
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    for suffix in (".jpg", ".png"):
        whole = saved(tmp_path / f"whole{suffix}", noise).read_bytes()
        for part in (len(whole) // 2, 700, 60, 20):
            path = tmp_path / f"part{suffix}"
            path.write_bytes(whole[:part])
            with contextlib.suppress(PictureRefused):
                assert read(path).shape == (200, 300, 3)


def test_an_absent_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureRefused, match="cannot be read"):
        read(tmp_path / "absent.jpg")
    with pytest.raises(PictureRefused, match="cannot be read"):
        read(tmp_path)
