"""What the kiosk's tests share: made sightings, people in a set, a camera and an engine without real pixels."""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np

import config
from sync import chain, keys, releases
from sync.messages import AttendanceEvent, ClockQuality, Direction, DirectionBy, Entry, Method, PadVerdict, Punch
from sync.peppers import pepper_of
from sync.releases import EncodingSet, Person
from terminal import store
from terminal.camera import CameraLost, Frame
from terminal.faces import Box, Encoding, Face, Picture, Vector
from terminal.matching import Identification, Outcome
from terminal.quality import Reason
from terminal.sighting import Challenge, Served, Sighting
from terminal.visit.states import Now, VisitRules

SEVEN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
"""07:00 in Jakarta, a Monday."""
ENGINE_ID = "test-engine"
DIMENSION = 16
PIN = "739206"
PEPPER = pepper_of(bytes(range(32)))
PICTURE: Picture = np.zeros((90, 160, 3), np.uint8)


def rules(**changes: object) -> VisitRules:
    return VisitRules(zone=ZoneInfo("Asia/Jakarta"), **changes)  # type: ignore[arg-type]


def now(seconds: float = 0.0) -> Now:
    return Now(at=SEVEN + timedelta(seconds=seconds), monotonic_s=1000.0 + seconds)


def identification(outcome: Outcome, employee: str | None = None) -> Identification:
    return Identification(outcome=outcome, employee=employee, score=0.71, margin=0.3, threshold=0.45, gallery_size=3)


def served(
    track_id: int,
    employee: str | None = None,
    *,
    ambiguous: bool = False,
    misses: int = 0,
    hint: Reason | None = None,
    since_s: float = 0.0,
    pad: PadVerdict = PadVerdict.NOT_CHECKED,
    challenge: Challenge | None = None,
    pin_left: bool = False,
    cues: tuple[str, ...] = (),
) -> Served:
    if employee is not None:
        found: Identification | None = identification(Outcome.MATCH, employee)
    elif ambiguous:
        found = identification(Outcome.AMBIGUOUS)
    else:
        found = identification(Outcome.NO_MATCH) if misses else None
    return Served(
        track_id=track_id,
        box=Box(x=40, y=20, width=50, height=60),
        first_seen_at=SEVEN + timedelta(seconds=since_s),
        identification=found,
        misses=misses,
        hint=hint,
        pad=pad,
        challenge=challenge,
        pin_left=pin_left,
        cues=cues,
    )


def sighting(person: Served | None, seconds: float = 0.0) -> Sighting:
    return Sighting(
        picture=PICTURE,
        taken_at=SEVEN + timedelta(seconds=seconds),
        monotonic_ns=int((1000 + seconds) * 1e9),
        served=person,
        others=(),
        engine_id=ENGINE_ID,
        gallery_version=7,
    )


def event(punch: Punch, seq: int = 1, repeat_of: int | None = None) -> AttendanceEvent:
    return AttendanceEvent(
        terminal="lobby-1",
        epoch="e" * 32,
        seq=seq,
        office="demo",
        prev_hash=chain.GENESIS,
        receipt="7KQ2MX4D9B",
        punch=punch,
        clock=ClockQuality.SYNCED,
        recorded_at=punch.occurred_at,
        boot_id="b" * 32,
        boottime_ns=1,
        repeat_of=repeat_of,
    )


def punch(employee: str = "1001", *, at: datetime = SEVEN, direction: Direction = Direction.IN) -> Punch:
    return Punch(
        employee=employee,
        method=Method.FACE,
        direction=direction,
        direction_by=DirectionBy.SCHEDULE,
        occurred_at=at,
        first_seen_at=at,
        gallery_version=7,
    )


def vector_of(number: int) -> Vector:
    """Return the unit vector that belongs to person `number`; any two are orthogonal."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[number] = 1
    return vector


def picture_of(*numbers: int) -> Picture:
    """Return a picture in which a FakeEngine sees these persons (from 1), side by side, sharp and well lit."""
    picture = np.full((180, 320, 3), 120, np.uint8)
    picture[::2, ::2] = 160
    for place, number in enumerate(numbers):
        picture[0, place] = (255, number, 255)
    return picture


class FakeEngine:
    """Reads from a picture's first row who stands in it; complains about faces of another picture."""

    engine_id = ENGINE_ID
    dimension = DIMENSION

    def detect(self, picture: Picture) -> list[Face]:
        faces = []
        for place in range(2):
            if picture[0, place, 0] == 255 and picture[0, place, 2] == 255:
                left, top, size = 60 + 110 * place, 40, 90
                eyes = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
                marks = np.array([(left + x * size, top + y * size) for x, y in eyes], np.float32)
                box = Box(x=left, y=top, width=size, height=size)
                faces.append(Face(box=box, landmarks=marks, score=0.99))
        return faces

    def encode(self, picture: Picture, face: Face) -> Encoding:
        assert any(face.box == seen.box for seen in self.detect(picture)), "a face of another picture"
        place = 0 if face.box.x < 100 else 1
        return Encoding(vector=vector_of(int(picture[0, place, 1])), engine_id=ENGINE_ID)


class FakeCamera:
    """A camera that shows what the test puts before it, 25 frames a second, and is gone when the test says so."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._picture = picture_of()
        self._gone = False
        self.opened = 0

    def show(self, *numbers: int) -> None:
        """These persons stand before the camera from now on."""
        with self._changed:
            self._picture = picture_of(*numbers)

    def unplug(self, gone: bool = True) -> None:
        """The device is gone (or back)."""
        with self._changed:
            self._gone = gone
            self._changed.notify_all()

    def open(self) -> Self:
        with self._changed:
            if self._gone:
                raise CameraLost("the test unplugged the camera")
            self.opened += 1
        return self

    def read(self) -> Frame:
        with self._changed:
            if self._changed.wait_for(lambda: self._gone, 0.04):
                raise CameraLost("the test unplugged the camera")
            picture = self._picture.copy()
        return Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=time.monotonic_ns())

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """A kiosk's settings with a release key, and people in a signed set on its card."""

    settings: config.Config
    camera: FakeCamera
    engine: FakeEngine

    @property
    def card(self) -> Path:
        return self.settings.terminal.state

    def entries(self) -> list[Entry]:
        """Return every link of the card's chain, in order."""
        connection = store.open_card(self.card)
        try:
            rows = connection.execute("SELECT payload FROM outbox ORDER BY epoch, seq").fetchall()
        finally:
            connection.close()
        return [chain.read_entry(payload)[0] for (payload,) in rows]

    def events(self) -> list[AttendanceEvent]:
        """Return the punches on the card, in order."""
        return [entry for entry in self.entries() if isinstance(entry, AttendanceEvent)]


def settings_in(tmp_path: Path, content: EncodingSet) -> config.Config:
    """Return settings of a kiosk with the centre's keys and `content` on its card; nothing listens on its broker's
    port.
    """
    folder = tmp_path / "keys"
    folder.mkdir()
    keys.new_centre_keys(folder)
    pepper = folder / "demo.pepper"
    pepper.write_text(f"{PEPPER.key_id} {PEPPER.secret.hex()}\n")
    pepper.chmod(0o600)
    state = tmp_path / "terminal"
    state.mkdir()
    releases.keep_set(state, releases.sign_set(content, keys.load_private(folder / "release.key")))
    return config.replace(
        config.Config(),
        match={"threshold": 0.5, "margin": 0.08},
        terminal={
            "state": str(state),
            "release_key": str(folder / "release.pub"),
            "collector_key": str(folder / "collector.pub"),
            "evidence_key": str(folder / "evidence.pub"),
            "enrolment_key": str(folder / "enrolment.pub"),
            "pepper": str(pepper),
        },
        display={"driver": "dummy"},
        mqtt={"port": 9},
        camera={"frame_rate_hz": 60},
        quality={"min_sharpness": 0},
        visit={"result_s": 1.0},
        liveness={"mode": "off"},  # nobody turns before a fake camera
    )


def encoding_set(pin_hash: str, *, version: int = 3) -> EncodingSet:
    return EncodingSet(
        office="demo",
        version=version,
        engine_id=ENGINE_ID,
        dimension=DIMENSION,
        created_at=SEVEN,
        people=people(pin_hash),
    )


def people(pin_hash: str) -> tuple[Person, ...]:
    names = {1: "Suharto", 2: "Siti Nurhaliza Wijayanti, S.Sos."}
    return tuple(
        Person(
            employee=f"100{number}",
            name=name,
            templates=(vector_of(number).astype("<f4").tobytes(),),
            pin=pin_hash if number == 1 else None,
            administrator=number == 1,
        )
        for number, name in names.items()
    )
