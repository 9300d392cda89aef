"""Every screen of the kiosk as a value, with believable content: for eyes, and to check that all of it fits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sync.messages import AttendanceEvent, ClockQuality, Direction, DirectionBy, Method, Punch
from terminal.quality import Reason
from terminal.screens.facts import Facts
from terminal.sighting import CameraTrouble, Challenge
from terminal.tries import Cause, Try
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Challenged,
    Correcting,
    DayLine,
    Desk,
    DeskPage,
    Enrolling,
    Held,
    History,
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
    Refused,
    State,
)

NAMES = (
    "Suharto",
    "Siti Nurhaliza Wijayanti, S.Sos.",
    "Raden Mas Suryadiningrat Kusumawardhani Hadiningrat, S.Kom., M.M.",
)
NOW = Now(at=datetime(2025, 11, 24, 0, 12, 8, tzinfo=UTC), monotonic_s=1000.0)
STALE: dict[str, object] = {"alarms": ("set_stale",), "gallery_days": 95}
TODAY = (
    DayLine(at=NOW.at, direction=Direction.IN, method=Method.FACE, receipt="JBR7K20931", arrived=True),
    DayLine(
        at=NOW.at + timedelta(hours=3), direction=Direction.OUT, method=Method.PIN, receipt="7KQ2MX4D9B", arrived=True
    ),
    DayLine(
        at=NOW.at + timedelta(hours=4), direction=Direction.IN, method=Method.FACE, receipt="3F9T1ZQ8WE", arrived=False
    ),
)
FACTS = Facts(
    broker="mqtt.kabupaten.example:8883",
    last_sync=NOW.at - timedelta(seconds=4),
    certificate_days=71,
    address="10.20.4.17",
    faces=212,
    heights=(0.18, 0.74, 0.08),
    distance_m=0.92,
    brightness=121,
    backlight=0.8,
    advice=("good",),
    disk_free_mb=24_310,
    full_percent=17,
    pins_right=6,
    pins_wrong=2,
    software="hadir 0.1.0",
    temperature_c=61.4,
    uptime_s=266_000,
    tries=(
        Try(at=NOW.at, cause=Cause.NEAR, score=0.46, threshold=0.52, margin=0.11, hint=None),
        Try(at=NOW.at, cause=Cause.FAR, score=0.21, threshold=0.52, margin=0.02, hint=None),
        Try(at=NOW.at, cause=Cause.PICTURE, score=0.3, threshold=0.52, margin=0.02, hint=Reason.TOO_DARK),
        Try(at=NOW.at, cause=Cause.ALIKE, score=0.61, threshold=0.52, margin=0.02, hint=None),
        Try(at=NOW.at, cause=Cause.NOBODY, score=None, threshold=0.0, margin=None, hint=None),
    ),
)
BAD_FACTS = Facts(
    broker="mqtt.kabupaten.example:8883",
    certificate_days=9,
    losses=14,
    lost_s=5_460,
    faces=3,
    heights=(0.0, 0.1, 0.9),
    distance_m=2.4,
    brightness=48,
    backlight=4.2,
    advice=("lower", "turn_from_light", "come_nearer"),
    disk_free_mb=310,
    full_percent=93,
    pins_right=88,
    pins_wrong=131,
    temperature_c=84.0,
    uptime_s=50,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """One screen: what it is called, its state, and what of the context differs from an ordinary morning."""

    name: str
    state: State
    changes: Mapping[str, object]


def specimens() -> Iterator[Specimen]:
    """Yield every state of the visit, with every reason and problem it can show."""
    since_s, until_s = NOW.monotonic_s - 0.9, NOW.monotonic_s + 1.6
    live: dict[str, object] = {"picture": True}
    arrived = NOW.at - timedelta(seconds=1)
    yield Specimen(name="idle", state=Idle(since_s=0), changes={})
    message = "Apel pagi hari Senin pukul 07.15 di halaman kantor. Jangan lupa membawa perlengkapan."
    yield Specimen(name="idle-message", state=Idle(since_s=0), changes={"message": message})
    offline = {
        "offline_since": NOW.at - timedelta(minutes=25),
        "waiting": 3,
        "clock": ClockQuality.UNSYNCED,
        "alarms": ("card_damaged",),
    }
    yield Specimen(name="idle-troubled", state=Idle(since_s=0), changes=offline)
    yield Specimen(name="idle-everything", state=Idle(since_s=0), changes={**offline, **STALE, "message": message})
    yield Specimen(name="idle-stale", state=Idle(since_s=0), changes=STALE)
    yield Specimen(name="idle-full", state=Idle(since_s=0), changes={"alarms": ("storage_90",)})
    yield Specimen(name="idle-large", state=Idle(since_s=0), changes={"large": True, "message": message})
    yield Specimen(name="idle-new", state=Idle(since_s=0), changes={"camera": "starting", "gallery_people": 0})
    for hint in (None, *Reason):
        looking = Looking(track_id=1, arrived_at=arrived, hint=hint, seen_at_s=NOW.monotonic_s)
        yield Specimen(name=f"looking-{hint or 'still'}", state=looking, changes=live)
    looking = Looking(track_id=1, arrived_at=arrived, hint=Reason.TOO_DARK, seen_at_s=NOW.monotonic_s)
    yield Specimen(name="looking-large", state=looking, changes={**live, "large": True})
    for told in (True, False):
        lit = {**live, "lit": True, "lighting": told}
        yield Specimen(name="looking-lighting" if told else "looking-lit", state=looking, changes=lit)
    seated = {**live, "face": (0.5, 0.8)}
    yield Specimen(name="looking-seated", state=looking, changes=seated)
    for challenge in Challenge:
        challenged = Challenged(
            track_id=1,
            arrived_at=arrived,
            challenge=challenge,
            seen_at_s=NOW.monotonic_s,
            since_s=since_s,
            until_s=NOW.monotonic_s + 2.1,
        )
        yield Specimen(name=f"challenged-{challenge}", state=challenged, changes=live)
    yield Specimen(name="challenged-large", state=challenged, changes={**live, "large": True})
    yield Specimen(name="challenged-lit", state=challenged, changes={**live, "lit": True})
    refused = Refused(track_id=1, arrived_at=arrived, since_s=since_s, until_s=until_s)
    yield Specimen(name="refused", state=refused, changes=live)
    held = Held(arrived_at=arrived, until_s=NOW.monotonic_s + 23.4)
    yield Specimen(name="held", state=held, changes=live)
    yield Specimen(name="held-large", state=held, changes={**live, "large": True})
    recording = Recording(punch=_event(Direction.IN).punch, first=None, track_id=1, until_s=until_s)
    yield Specimen(name="recording", state=recording, changes=live)
    for number, name in enumerate(NAMES):
        direction = Direction.OUT if number == 1 else Direction.IN
        recorded = Recorded(
            event=_event(direction),
            direction=direction,
            track_id=1,
            since_s=since_s,
            until_s=until_s,
            today=TODAY[: number + 1],
        )
        yield Specimen(name=f"recorded-{number}", state=recorded, changes={"name": name})
        already = AlreadyRecorded(
            event=_event(direction, seq=2), first=_event(direction), track_id=1, since_s=since_s, until_s=until_s
        )
        yield Specimen(name=f"already-{number}", state=already, changes={"name": name})
        large = {"name": name, "large": True}
        yield Specimen(name=f"recorded-{number}-large", state=recorded, changes=large)
        yield Specimen(
            name=f"history-{number}", state=History(result=recorded, until_s=until_s), changes={"name": name}
        )
    yield from _results(since_s, until_s)
    yield from _desk(until_s)
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
    unreadable = PinNumber(keypad=keypad, problem=PinProblem.UNREADABLE)
    yield Specimen(name="pin-number-unreadable", state=unreadable, changes={})
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
    for trouble in CameraTrouble:
        down = {"camera": "lost", "trouble": trouble}
        yield Specimen(name=f"camera-down-{trouble}", state=CameraDown(since_s=0), changes=down)
    large = {"camera": "lost", "large": True}
    yield Specimen(name="camera-down-large", state=CameraDown(since_s=0), changes=large)


def _results(since_s: float, until_s: float) -> Iterator[Specimen]:
    """Yield what a punch may mean, a correction under way, and a long day of an administrator."""
    changes: dict[str, object] = {"name": NAMES[1]}
    for name, minutes, direction in (
        ("late", 26, Direction.IN),
        ("very-late", 185, Direction.IN),
        ("early", -70, Direction.OUT),
    ):
        event = _event(direction, minutes=minutes)
        recorded = Recorded(event=event, direction=direction, track_id=1, since_s=since_s, until_s=until_s)
        yield Specimen(name=f"recorded-{name}", state=recorded, changes=changes)
    event = _event(Direction.IN, minutes=5 * 24 * 60)
    free = Recorded(event=event, direction=Direction.IN, track_id=1, since_s=since_s, until_s=until_s)
    yield Specimen(name="recorded-free-day", state=free, changes=changes)
    going = Recorded(event=_event(Direction.OUT), direction=Direction.OUT, track_id=1, since_s=since_s, until_s=until_s)
    yield Specimen(name="recorded-renew", state=going, changes={**changes, "renew": True})
    result = Recorded(
        event=_event(Direction.IN),
        direction=Direction.OUT,
        track_id=1,
        since_s=since_s,
        until_s=until_s,
        today=TODAY * 3,
        administrator=True,
    )
    correcting = Correcting(result=result, direction=None, until_s=until_s)
    yield Specimen(name="correcting", state=correcting, changes=changes)
    already = AlreadyRecorded(
        event=_event(Direction.IN, seq=2), first=_event(Direction.IN), track_id=1, since_s=since_s, until_s=until_s
    )
    correcting = Correcting(result=already, direction=None, until_s=until_s)
    yield Specimen(name="correcting-already", state=correcting, changes=changes)
    long_day = History(result=result, until_s=until_s)
    yield Specimen(name="history-long", state=long_day, changes=changes)
    yield Specimen(name="history-large", state=long_day, changes={**changes, "large": True})


def _desk(until_s: float) -> Iterator[Specimen]:
    """Yield each page of the administrator's menu, on a good day and on a bad one."""
    for page in DeskPage:
        state = Desk(employee="1001", page=page, until_s=until_s)
        yield Specimen(name=f"desk-{page}", state=state, changes={"facts": FACTS})
        if page is DeskPage.MENU:
            yield Specimen(name="desk-menu-enrols", state=state, changes={"enrols": True})
            yield Specimen(name="enrolling", state=Enrolling(employee="1001"), changes={})
        if page in (DeskPage.MENU, DeskPage.LANGUAGE, DeskPage.RESTART):
            continue
        bad = {**STALE, "facts": BAD_FACTS, "camera": "lost", "trouble": CameraTrouble.FROZEN, "waiting": 214}
        bad |= {"offline_since": NOW.at - timedelta(days=2), "clock": ClockQuality.ESTIMATED}
        yield Specimen(name=f"desk-{page}-bad", state=state, changes=bad)


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


def _event(direction: Direction, *, seq: int = 1, minutes: int = 0) -> AttendanceEvent:
    at = NOW.at + timedelta(minutes=minutes + (0 if direction is Direction.IN else 9 * 60))
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
