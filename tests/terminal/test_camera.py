"""Opening the source the settings name, and cameras made of files."""

import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from terminal.camera import Camera, CameraEnded, Frame, SourceRefused, open_camera
from terminal.camera.files import ClipCamera, FolderCamera
from terminal.faces import Picture
from tests.terminal.portraits import clip


def numbered(count: int) -> list[Picture]:
    """Return pictures that tell their number by their grey."""
    return [np.full((72, 128, 3), 8 * number + 4, np.uint8) for number in range(count)]


def number_of(frame: Frame) -> int:
    return round((float(frame.picture.mean()) - 4) / 8)


def all_of(camera: Camera, most: int = 1000) -> list[Frame]:
    seen: list[Frame] = []
    with camera:
        while len(seen) < most:
            try:
                seen.append(camera.read())
            except CameraEnded:
                break
    return seen


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A clip of 20 frames at 20 Hz."""
    return clip(tmp_path / "made.mp4", numbered(20), hz=20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of five pictures."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number, picture in enumerate(numbered(5)):
        assert cv2.imwrite(str(place / f"{number}.png"), picture)
    return place


def test_every_frame_of_a_clip_comes_in_order_with_the_clips_own_time(made: Path) -> None:
    seen = all_of(open_camera(config.Camera(source=f"file:{made}"), real_time=False))
    assert [number_of(frame) for frame in seen] == list(range(20))
    assert [frame.monotonic_ns for frame in seen] == [n * 50_000_000 for n in range(20)]
    assert (seen[-1].taken_at - seen[0].taken_at).total_seconds() == pytest.approx(0.95)
    assert seen[0].taken_at.tzinfo is not None


def test_colours_are_rgb(tmp_path: Path) -> None:
    red = np.full((72, 128, 3), (210, 30, 60), np.uint8)
    seen = all_of(ClipCamera(clip(tmp_path / "red.mp4", [red] * 3), real_time=False))
    np.testing.assert_allclose(seen[0].picture.mean(axis=(0, 1)), (210, 30, 60), atol=8)


def test_in_real_time_frames_come_when_they_are_due(made: Path) -> None:
    began = time.monotonic()
    seen = all_of(open_camera(config.Camera(source=f"file:{made}")))
    took_s = time.monotonic() - began
    assert [number_of(frame) for frame in seen] == sorted({number_of(frame) for frame in seen})
    assert 0.9 <= took_s < 3
    assert all(b.monotonic_ns > a.monotonic_ns for a, b in pairwise(seen))


def test_in_real_time_frames_that_are_late_are_skipped(made: Path) -> None:
    camera = ClipCamera(made)
    first = camera.read()
    time.sleep(0.42)  # somebody is busy
    second = camera.read()
    camera.close()
    assert number_of(first) == 0
    assert number_of(second) >= 7


def test_nothing_is_skipped_before_the_first_look(made: Path) -> None:
    camera = ClipCamera(made)
    time.sleep(0.3)  # a model is loading
    assert number_of(camera.read()) == 0
    camera.close()


def test_a_clip_nobody_looked_at_for_long_goes_on_where_it_stopped(made: Path) -> None:
    camera = ClipCamera(made, loop=True)
    camera.read()
    camera._pace._began_ns -= 3_600_000_000_000  # type: ignore[operator]
    assert number_of(camera.read()) == 1
    assert 1 < number_of(camera.read()) < 20
    camera.close()


def test_a_looping_clip_begins_again_and_its_time_goes_on(made: Path) -> None:
    seen = all_of(ClipCamera(made, real_time=False, loop=True), most=45)
    assert [number_of(frame) for frame in seen] == [n % 20 for n in range(45)]
    assert [frame.monotonic_ns for frame in seen] == [n * 50_000_000 for n in range(45)]


def test_a_clip_cut_off_ends_where_it_can_no_longer_be_decoded(made: Path, tmp_path: Path) -> None:
    # The index of an MP4 is at its end; a Matroska file can be cut anywhere.
    whole = all_of(ClipCamera(made, real_time=False))
    cut = tmp_path / "cut.mkv"
    writer = cv2.VideoWriter(str(cut), cv2.VideoWriter.fourcc(*"MJPG"), 20, (128, 72))
    for frame in whole:
        writer.write(cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR))
    writer.release()
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    seen = all_of(ClipCamera(cut, real_time=False))
    assert 2 <= len(seen) < 20


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "there is no clip"), (b"", "is empty"), (b"no video at all\n" * 9, "not a video that can be decoded")],
)
def test_what_is_no_clip_is_refused_in_words(
    tmp_path: Path, content: bytes | None, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceRefused, match=words) as refused:
        open_camera(config.Camera(source=f"file:{path}"))
    assert str(path) in str(refused.value)
    assert capfd.readouterr().err == ""


def test_a_folder_is_no_clip_and_a_clip_no_folder(made: Path) -> None:
    with pytest.raises(SourceRefused, match="there is no clip"):
        open_camera(config.Camera(source=f"file:{made.parent}"))
    with pytest.raises(SourceRefused, match="no folder"):
        open_camera(config.Camera(source=f"folder:{made}"))


def test_a_header_that_lies_about_the_rate_is_not_believed(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cv2.VideoCapture

    class Lying:
        def __init__(self, *arguments: object) -> None:
            self._real = real(*arguments)  # type: ignore[call-overload]

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

        def get(self, what: int) -> float:
            return 90_000.0 if what == cv2.CAP_PROP_FPS else float(self._real.get(what))

    monkeypatch.setattr(cv2, "VideoCapture", Lying)
    with ClipCamera(made, real_time=False) as camera:
        assert camera.frame_rate_hz == 25


def test_a_closed_clip_has_no_more_frames(made: Path) -> None:
    camera = ClipCamera(made, real_time=False, loop=True)
    camera.read()
    camera.close()
    camera.close()
    with pytest.raises(CameraEnded):
        camera.read()


def test_a_folders_pictures_come_in_the_order_of_their_names(folder: Path) -> None:
    settings = config.Camera(source=f"folder:{folder}", frame_rate_hz=10)
    seen = all_of(open_camera(settings, real_time=False))
    assert [number_of(frame) for frame in seen] == [0, 1, 2, 3, 4]
    assert [frame.monotonic_ns for frame in seen] == [n * 100_000_000 for n in range(5)]


def test_pictures_that_cannot_be_read_are_skipped_and_counted_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "1b.png").write_bytes(b"")
    (folder / "3b.jpg").write_bytes(b"not a picture")
    (folder / "4b.GIF").write_bytes(b"GIF89a" + bytes(40))
    (folder / "notes.txt").write_text("who is who")
    camera = FolderCamera(folder, frame_rate_hz=10, real_time=False, loop=True)
    seen = all_of(camera, most=12)
    assert [number_of(frame) for frame in seen] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert camera.skipped == 3
    assert [record.message for record in caplog.records] == [
        "skipped: 1b.png is empty; give another file",
        "skipped: 3b.jpg is not a JPEG or PNG picture; save it as one of these",
        "skipped: 4b.GIF is not a JPEG or PNG picture; save it as one of these",
    ]


def test_a_folder_in_real_time_shows_every_picture_at_the_rate_of_the_settings(folder: Path) -> None:
    began = time.monotonic()
    seen = all_of(FolderCamera(folder, frame_rate_hz=25))
    assert len(seen) == 5
    assert time.monotonic() - began >= 4 / 25 - 0.01


@pytest.mark.parametrize("content", [{}, {"notes.txt": b"x"}])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceRefused, match="holds no"):
        FolderCamera(tmp_path, frame_rate_hz=15)


@pytest.mark.parametrize("loop", [True, False])
def test_a_folder_of_pictures_none_of_which_can_be_read_does_not_go_round_for_ever(tmp_path: Path, loop: bool) -> None:
    for name in ("a.jpg", "b.png"):
        (tmp_path / name).write_bytes(b"not a picture")
    camera = FolderCamera(tmp_path, frame_rate_hz=15, real_time=False, loop=loop)
    with pytest.raises(SourceRefused, match="none of the 2 pictures"):
        camera.read()
    camera.close()


def test_a_closed_folder_has_no_more_pictures(folder: Path) -> None:
    camera = FolderCamera(folder, frame_rate_hz=15, real_time=False, loop=True)
    camera.read()
    camera.close()
    with pytest.raises(CameraEnded):
        camera.read()
