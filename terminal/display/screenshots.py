"""Every screen of the kiosk with believable content, for eyes and for tests: `write` puts them all into a folder."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

import config
from sync.messages import AttendanceEvent, ClockQuality, Direction, DirectionBy, Method, Punch
from terminal.display import Display
from terminal.faces import Picture
from terminal.quality import Reason
from terminal.screens import screen_of
from terminal.screens.catalogue import LOCALES, language
from terminal.screens.look import Context
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Idle,
    Keypad,
    KeypadReason,
    Looking,
    NotRecognised,
    NotRecorded,
    Now,
    PinChecking,
    PinCode,
    PinNumber,
    PinProblem,
    Recorded,
    Recording,
    State,
)

NAMES = (
    "Suharto",
    "Siti Nurhaliza Wijayanti, S.Sos.",
    "Raden Mas Suryadiningrat Kusumawardhani Hadiningrat, S.Kom., M.M.",
)
NOW = Now(at=datetime(2025, 11, 24, 0, 12, 8, tzinfo=UTC), monotonic_s=1000.0)
SIZES = ((800, 480), (1280, 720), (480, 800), (720, 1280))


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """One screen: what it is called, its state, and what of the context differs from an ordinary morning."""

    name: str
    state: State
    changes: dict[str, object]


def specimens() -> Iterator[Specimen]:
    """Yield every state of the visit, with every reason and problem it can show."""
    since_s, until_s = NOW.monotonic_s - 0.9, NOW.monotonic_s + 1.6
    live: dict[str, object] = {"picture": True}
    arrived = NOW.at - timedelta(seconds=1)
    yield Specimen(name="idle", state=Idle(since_s=0), changes={})
    offline = {
        "offline_since": NOW.at - timedelta(minutes=25),
        "waiting": 3,
        "clock": ClockQuality.UNSYNCED,
        "alarms": ("card_damaged",),
    }
    yield Specimen(name="idle-troubled", state=Idle(since_s=0), changes=offline)
    yield Specimen(name="idle-new", state=Idle(since_s=0), changes={"camera": "starting", "gallery_people": 0})
    for hint in (None, *Reason):
        looking = Looking(track_id=1, arrived_at=arrived, hint=hint, seen_at_s=NOW.monotonic_s)
        yield Specimen(name=f"looking-{hint or 'still'}", state=looking, changes=live)
    recording = Recording(punch=_event(Direction.IN).punch, first=None, track_id=1, until_s=until_s)
    yield Specimen(name="recording", state=recording, changes=live)
    for number, name in enumerate(NAMES):
        direction = Direction.OUT if number == 1 else Direction.IN
        recorded = Recorded(event=_event(direction), direction=direction, track_id=1, since_s=since_s, until_s=until_s)
        yield Specimen(name=f"recorded-{number}", state=recorded, changes={"name": name})
        already = AlreadyRecorded(
            event=_event(direction, seq=2), first=_event(direction), track_id=1, since_s=since_s, until_s=until_s
        )
        yield Specimen(name=f"already-{number}", state=already, changes={"name": name})
    for hint in (None, Reason.TOO_FAR):
        unknown = NotRecognised(track_id=1, arrived_at=arrived, hint=hint, since_s=since_s, until_s=until_s)
        yield Specimen(name=f"not-recognised-{hint or 'still'}", state=unknown, changes=live)
    for reason in KeypadReason:
        yield Specimen(name=f"pin-number-{reason}", state=PinNumber(keypad=_keypad(reason), number=""), changes={})
    keypad = _keypad(KeypadReason.ASKED)
    nip = "198701152010011001"
    yield Specimen(name="pin-number-typed", state=PinNumber(keypad=keypad, number="1001"), changes={})
    yield Specimen(name="pin-number-long", state=PinNumber(keypad=keypad, number=nip), changes={})
    empty = PinNumber(keypad=keypad, problem=PinProblem.NO_NUMBER)
    yield Specimen(name="pin-number-missing", state=empty, changes={})
    yield Specimen(name="pin-code", state=PinCode(keypad=keypad, number=nip, code="482"), changes={})
    for problem in (PinProblem.TOO_SHORT, PinProblem.WRONG, PinProblem.WAIT, PinProblem.NO_ANSWER):
        wait_until_s = NOW.monotonic_s + (27 if problem is PinProblem.WAIT else 0)
        code = PinCode(keypad=keypad, number="1001", problem=problem, wait_until_s=wait_until_s)
        yield Specimen(name=f"pin-code-{problem}", state=code, changes={})
    delayed = PinCode(
        keypad=_keypad(KeypadReason.AMBIGUOUS),
        number=nip,
        problem=PinProblem.WRONG,
        wait_until_s=NOW.monotonic_s + 240,
    )
    yield Specimen(name="pin-code-delayed", state=delayed, changes={})
    checking = PinChecking(keypad=keypad, number="1001", check=1, asked_at=NOW.at, until_s=until_s)
    yield Specimen(name="pin-checking", state=checking, changes={})
    yield Specimen(name="not-recorded", state=NotRecorded(track_id=1, since_s=since_s, until_s=until_s), changes={})
    yield Specimen(name="camera-down", state=CameraDown(since_s=0), changes={"camera": "lost"})
    yield Specimen(name="camera-down-troubled", state=CameraDown(since_s=0), changes={"camera": "lost", **offline})


def ordinary(display: Display, code: str) -> Context:
    """Return the context of an ordinary morning on this display."""
    width_px, height_px = display.size
    return Context(
        width_px=width_px,
        height_px=height_px,
        measure=display.measure,
        now=NOW,
        zone=ZoneInfo("Asia/Jakarta"),
        say=language(code),
        office="Dinas Pendidikan dan Kebudayaan Kabupaten Jember",
        gallery_version=12,
        gallery_people=240,
    )


def write(folder: Path, *, sizes: tuple[tuple[int, int], ...] = SIZES) -> Iterator[Path]:
    """Yield each picture as it is written: every specimen in every language and size. Nobody's face is in them."""
    folder.mkdir(parents=True, exist_ok=True)
    for width_px, height_px in sizes:
        for code in LOCALES:
            path = folder / "screen.png"
            settings = config.Display(driver="dummy", width_px=width_px, height_px=height_px, picture_file=str(path))
            display = Display(settings)
            try:
                for specimen in specimens():
                    context = replace(ordinary(display, code), **specimen.changes)  # type: ignore[arg-type]
                    display.show(screen_of(specimen.state, context), silhouette(), at_once=True)
                    kept = folder / f"{width_px}x{height_px}-{code}-{specimen.name}.png"
                    path.replace(kept)
                    yield kept
            finally:
                display.close()


def silhouette(width_px: int = 1280, height_px: int = 720) -> Picture:
    """Return a picture of head and shoulders of nobody."""
    y, x = np.mgrid[0:height_px, 0:width_px].astype(np.float32)
    unit = height_px / 720
    across, light = (x - width_px / 2) / unit, y / height_px
    picture = np.stack([150 - 60 * light, 158 - 60 * light, 160 - 55 * light], axis=2)
    shoulders = np.hypot(across / 330, (y / unit - 760) / 260) < 1
    head = np.hypot(across / 118, (y / unit - 330) / 158) < 1
    neck = (np.abs(across) < 62) & (y / unit > 420) & (y / unit < 560)
    picture[shoulders] = (58, 78, 96)
    picture[neck | head] = (176, 140, 116)
    return np.ascontiguousarray(np.clip(picture, 0, 255).astype(np.uint8))


def _keypad(reason: KeypadReason) -> Keypad:
    at_s = NOW.monotonic_s
    return Keypad(
        reason=reason,
        arrived_at=NOW.at,
        arrived_s=at_s,
        opened_at_s=at_s,
        touched=False,
        idle_until_s=at_s + 30,
        closes_at_s=at_s + 120,
    )


def _event(direction: Direction, *, seq: int = 1) -> AttendanceEvent:
    at = NOW.at if direction is Direction.IN else NOW.at + timedelta(hours=9)
    return AttendanceEvent(
        terminal="lobby-1",
        epoch="0" * 32,
        seq=seq,
        office="demo",
        prev_hash="0" * 64,
        receipt="JBR7K20931",
        clock=ClockQuality.SYNCED,
        recorded_at=at,
        boot_id="0" * 32,
        boottime_ns=1,
        punch=Punch(
            employee="1001",
            method=Method.FACE,
            direction=direction,
            direction_by=DirectionBy.SCHEDULE,
            occurred_at=at,
            first_seen_at=at,
            gallery_version=12,
        ),
    )
