"""The sealed picture of a PIN punch: small, unreadable to the kiosk, gone in time, and never in the punch's way."""

import errno
import os
import statistics
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from sync import chain, keys, sealing
from sync.releases import Person
from terminal import evidence, storage
from terminal.evidence import Drawer, Glimpse, Glimpses, is_covered, jpeg_of, seal_picture
from terminal.faces import Box, Picture

PERSON = Person(employee="1001", name="Suharto")
SHY = Person(employee="1002", name="Siti", photo=False)


def scene(width: int = 1280, height: int = 720, *, noise: int = 40) -> Picture:
    """A lobby with somebody red in it, on the left."""
    rng = np.random.default_rng(7)
    picture = rng.integers(90, 90 + noise, (height, width, 3), np.uint8)
    picture[200:400, 100:260] = (200, 30, 30)
    return picture


@pytest.fixture
def settings(tmp_path: Path) -> config.Config:
    keys.new_centre_keys(tmp_path / "keys")
    return config.replace(
        config.Config(),
        terminal={"state": str(tmp_path / "card"), "evidence_key": str(tmp_path / "keys" / "evidence.pub")},
    )


def with_policy(settings: config.Config, policy: str) -> config.Config:
    return config.replace(settings, pin={"picture": policy})


def kept(settings: config.Config) -> list[Path]:
    return sorted((settings.terminal.state / storage.EVIDENCE).glob("*"))


def test_a_picture_is_kept_sealed_and_only_the_centre_opens_it(settings: config.Config, tmp_path: Path) -> None:
    ref = Drawer(settings).keep(Glimpse(picture=scene()), PERSON)
    (file,) = kept(settings)
    assert file.name == sealing.name_of(ref)
    assert file.stat().st_mode & 0o777 == 0o600
    sealed = file.read_bytes()
    assert b"JFIF" not in sealed
    assert not any(key.suffix == ".key" for key in (tmp_path / "card").rglob("*")), "no key here opens it"
    jpeg = sealing.open_sealed(file, tmp_path / "keys" / "evidence.key", ref=ref)
    seen = cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert seen.shape == (180, 320, 3)
    red, _, blue = seen[75, 45]
    assert red > 150 > 100 > blue, "the colours are those of the scene"


@pytest.mark.parametrize(
    ("picture", "box"),
    [
        (scene(), None),
        (scene(noise=160), None),
        (scene(480, 800), Box(x=100, y=200, width=150, height=190)),
        (scene(), Box(x=-50, y=-50, width=100, height=100)),
        (scene(), Box(x=5000, y=5000, width=10, height=10)),
        (scene(32, 16), None),
    ],
    ids=["lobby", "noise", "upright with a face", "face at the edge", "face outside", "tiny"],
)
def test_a_picture_is_small_whatever_is_in_it(picture: Picture, box: Box | None) -> None:
    jpeg = jpeg_of(picture, box)
    assert len(jpeg) <= evidence.MAX_BYTES < chain.MAX_ENCLOSED_BYTES - 48
    seen = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert max(seen.shape[:2]) <= 320


def test_where_there_is_a_face_little_else_is_kept() -> None:
    face = Box(x=120, y=220, width=100, height=120)
    seen = cv2.imdecode(np.frombuffer(jpeg_of(scene(), face), np.uint8), cv2.IMREAD_COLOR)
    height, width = seen.shape[:2]
    assert (seen[height // 2, width // 2][2] > 150, width <= 320) == (True, True)
    assert np.mean(seen[:, :, 2] > 150) > 0.15, "the face fills more of it than of the frame"


@pytest.mark.parametrize(
    ("policy", "person", "seen", "reason"),
    [
        ("never", PERSON, Glimpse(picture=scene()), "none:policy"),
        ("unless_refused", SHY, Glimpse(picture=scene()), "none:no_photo"),
        ("unless_refused", PERSON, None, "none:no_camera"),
        ("unless_refused", PERSON, Glimpse(picture=None), "none:covered"),
        ("unless_refused", PERSON, Glimpse(picture=np.full((720, 1280, 3), 4, np.uint8)), "none:covered"),
        ("always", PERSON, Glimpse(picture=np.full((720, 1280, 3), 130, np.uint8)), "none:covered"),
        ("always", PERSON, Glimpse(picture=np.zeros((0, 0, 3), np.uint8)), "none:failed"),
    ],
)
def test_g4_where_there_is_no_picture_there_is_a_reason(
    settings: config.Config, policy: str, person: Person, seen: Glimpse | None, reason: str
) -> None:
    assert Drawer(with_policy(settings, policy)).keep(seen, person) == reason
    assert reason in evidence.REASONS
    assert kept(settings) == []


def test_the_office_may_decide_for_everybody(settings: config.Config) -> None:
    assert Drawer(with_policy(settings, "always")).keep(Glimpse(picture=scene()), SHY).startswith("sealed:")


def test_a_key_that_comes_later_is_used_without_a_restart(settings: config.Config) -> None:
    key = settings.terminal.evidence_key
    content = key.read_bytes()
    drawer = Drawer(settings)
    key.unlink()
    assert drawer.keep(Glimpse(picture=scene()), PERSON) == "none:no_key"
    key.write_bytes(b"no key")
    assert drawer.keep(Glimpse(picture=scene()), PERSON) == "none:no_key"
    key.write_bytes(content)
    assert drawer.keep(Glimpse(picture=scene()), PERSON).startswith("sealed:")


def test_a_full_card_costs_the_picture_and_not_the_punch(
    settings: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(evidence, "write_whole", full)
    assert Drawer(settings).keep(Glimpse(picture=scene()), PERSON) == "none:no_room"


def test_pictures_are_what_a_full_card_gives_up_first(settings: config.Config) -> None:
    Drawer(settings).keep(Glimpse(picture=scene()), PERSON)
    folder = settings.terminal.state
    (folder / "ballast").write_bytes(b"x" * 960_000)
    storage.make_room(folder, quota_mb=1)
    assert kept(settings) == []
    assert (folder / "ballast").exists()


def test_pictures_are_gone_after_their_days(settings: config.Config) -> None:
    now_s = time.time()
    drawer = Drawer(settings, now=lambda: now_s)
    drawer.tidy()
    refs = [drawer.keep(Glimpse(picture=scene(noise=noise)), PERSON) for noise in (20, 30, 40)]
    folder = settings.terminal.state / storage.EVIDENCE
    days = 24 * 3600
    for ref, age_days in zip(refs, (31, 29, 0), strict=True):
        os.utime(folder / sealing.name_of(ref), (now_s, now_s - age_days * days))
    (folder / "note.txt").write_text("somebody else's")
    os.utime(folder / "note.txt", (now_s, now_s - 400 * days))
    (folder / ".half.sealed.x1.unfinished").write_bytes(b"cut off")
    drawer.tidy()
    assert len(kept(settings)) == 5, "once an hour is enough"
    now_s += 3601
    drawer.tidy()
    names = {sealing.name_of(ref) for ref in refs[1:]} | {"note.txt"}
    assert {path.name for path in kept(settings)} == names


def test_a_folder_that_is_a_link_is_left_alone(settings: config.Config, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    old = tmp_path / "elsewhere" / ("0" * 32 + ".sealed")
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    settings.terminal.state.mkdir()
    (settings.terminal.state / storage.EVIDENCE).symlink_to(tmp_path / "elsewhere")
    Drawer(settings).tidy()
    assert old.exists()


def test_the_face_of_the_next_in_line_is_not_kept_for_that_of_who_left() -> None:
    glimpses = Glimpses()
    first, again, second, third = (Glimpse(picture=scene(32, 16)) for _ in range(4))
    assert glimpses.of(1) is None
    glimpses.saw(1, first)
    glimpses.saw(1, again)
    assert glimpses.of(1) is again
    glimpses.saw(2, second)
    assert (glimpses.of(1), glimpses.of(2)) == (again, second)
    glimpses.saw(3, third)
    assert (glimpses.of(1), glimpses.of(2), glimpses.of(3)) == (None, second, third), "and no more than two are held"
    glimpses.forget()
    assert glimpses.of(3) is None


def test_a_dim_lobby_is_not_covered() -> None:
    assert not is_covered((scene() // 4).astype(np.uint8))


def test_sealing_takes_a_small_part_of_a_pin_check(settings: config.Config) -> None:
    """As a ratio in one run: the green screen waits for the hash, and hardly for the picture."""
    from terminal.pin import check_pin, hash_pin
    from tests.terminal.made import PEPPER, PIN

    stored = hash_pin("1001", PIN, pepper=PEPPER)
    key, folder = keys.load_sealing(settings.terminal.evidence_key), settings.terminal.state / storage.EVIDENCE
    picture = scene()
    took: dict[str, list[float]] = {"seal": [], "check": [], "seal and flush": []}
    for _ in range(9):
        began_s, began_wall_s = time.thread_time(), time.monotonic()
        seal_picture(picture, key=key, folder=folder)
        took["seal"].append(time.thread_time() - began_s)
        took["seal and flush"].append(time.monotonic() - began_wall_s)
        began_s = time.thread_time()
        check_pin(stored, "1001", PIN, peppers={PEPPER.key_id: PEPPER})
        took["check"].append(time.thread_time() - began_s)
    seal_s, check_s, _ = (statistics.median(times[1:]) for times in took.values())
    print({what: f"{1000 * statistics.median(times[1:]):.1f} ms" for what, times in took.items()})
    assert seal_s < check_s / 2
