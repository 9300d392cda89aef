"""What the demo tells: punches from the register by name, and what the kiosk's log says of clip and strangers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import config
from demo.report import Report
from sync.messages import Direction, DirectionBy, Method, PadVerdict, Punch
from sync.register import Register
from sync.register.arrivals import add_events, arrival
from sync.register.enrolment import upsert_employee
from sync.register.intake import take
from tests.sync import samples
from tests.sync.notes import BOX, Kiosk


@pytest.fixture
def here(home: config.Config, tmp_path: Path) -> config.Config:
    return config.replace(home, centre={"register": f"sqlite:///{tmp_path / 'register.sqlite'}"})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "kiosk.log"


@pytest.fixture
def report(here: config.Config, log: Path) -> Iterator[Report]:
    samples.begin_chains_anew()
    with Report(here, kiosk_log=log) as following:
        yield following


def arrive(
    settings: config.Config, *, seq: int, at: datetime, terminal: str = "lobby-1", repeat_of: int | None = None
) -> None:
    event = msgspec.structs.replace(
        samples.event(seq, terminal=terminal, at=at, repeat_of=repeat_of),
        punch=Punch(
            employee="1001",
            method=Method.FACE,
            direction=Direction.IN,
            direction_by=DirectionBy.SCHEDULE,
            occurred_at=at,
            first_seen_at=at - timedelta(seconds=0.75),
            gallery_version=1,
        ),
    )
    with Register.open(settings.centre.register) as register:
        upsert_employee(register, number="1001", name="Barack Obama", office="demo", at=at)
        add_events(register, [arrival(samples.payload_of(event), at + timedelta(seconds=0.06))])


def test_an_arrival_is_one_line_with_the_name(
    here: config.Config, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    at = datetime.now(UTC)
    arrive(here, seq=1, at=at)
    arrive(here, seq=2, at=at, repeat_of=1)
    report.look()
    report.look()
    time = f"{at.astimezone(here.office.zone):%H:%M:%S}"
    assert capsys.readouterr().out.splitlines() == [
        f"{time}  Barack Obama (1001), face, in: 0.75 s after first seen, at the centre in 0.06 s",
        f"{time}  Barack Obama (1001), face, in, again: 0.75 s after first seen, at the centre in 0.06 s",
    ]
    assert [event.seq for event in report.events] == [1, 2]


def test_other_kiosks_and_other_runs_are_not_this_runs(here: config.Config, report: Report) -> None:
    arrive(here, seq=1, at=report.started_at - timedelta(seconds=1))
    arrive(here, seq=2, at=datetime.now(UTC), terminal="lobby-2")
    report.look()
    assert report.events == []


def test_the_kiosks_log_tells_of_rounds_strangers_and_trouble(
    report: Report, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report.look()
    assert report.first_frame_at is None
    trouble = "2026-08-17 00:00:00,000 WARNING hadir.terminal.vision there is no camera 7; plug one in\n"
    whole = (
        "2026-08-17 00:00:01,000 INFO hadir.terminal.camera clip begins taken_at=2026-08-17T00:00:01.500+00:00\n"
        "2026-08-17 00:00:02,000 INFO hadir.terminal.kiosk visit not recognised\n"
        f"{trouble}{trouble}"
        "2026-08-17 00:00:03,000 INFO hadir.terminal.kiosk visit recorded employee=1001 method=face seq=9 x=1\n"
        "2026-08-17 00:00:04,000 INFO hadir.terminal.app gallery version=3 people=5\n"
    )
    with log.open("w") as file:
        for part in (whole[:100], whole[100:]):  # a line may be read while it is written
            file.write(part)
            file.flush()
            report.look()
    assert report.rounds == [datetime(2026, 8, 17, 0, 0, 1, 500_000, UTC)]
    assert report.first_frame_at == report.rounds[0]
    assert not report.delivered
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("not recognised: nobody who is enrolled")
    assert lines[1:] == [
        "The kiosk says: there is no camera 7; plug one in.",
        "The kiosk knows 5 people now (set 3).",
    ]


def test_a_run_is_delivered_when_the_register_has_what_the_kiosk_recorded(
    here: config.Config, report: Report, log: Path
) -> None:
    assert report.delivered
    log.write_text("INFO hadir.terminal.kiosk visit recorded employee=1001 method=face seq=2 x=1\n")
    arrive(here, seq=1, at=datetime.now(UTC))
    report.look()
    assert not report.delivered
    arrive(here, seq=2, at=datetime.now(UTC))
    report.look()
    assert report.delivered


def test_f3_what_the_kiosk_refused_is_told_with_whose_face_it_was_and_awaited(
    here: config.Config, report: Report, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text("WARNING hadir.terminal.ledger attack noted seq=2 cues=edge,relief, a picture\n")
    report.look()
    assert not report.delivered
    at, kiosk = datetime.now(UTC), Kiosk()
    with Register.open(here.centre.register) as register:
        upsert_employee(register, number="1001", name="Barack Obama", office="demo", at=at)
        take(register, events=[kiosk.attack("1001", at=at, box=BOX)])
        take(register, events=[kiosk.attack(at=at, verdict=PadVerdict.UNDECIDED, cues=())])
        take(register, events=[Kiosk("lobby-2").attack("1001", at=at)])
    report.look()
    report.look()
    assert report.delivered
    time = f"{at.astimezone(here.office.zone):%H:%M:%S}"
    assert capsys.readouterr().out.splitlines() == [
        f"{time}  refused, no person (edge, relief): the face was that of Barack Obama (1001); "
        "on the review desk in 5.00 s, with its picture",
        f"{time}  refused, did not do what was asked: the face was nobody's; "
        "on the review desk in 5.00 s, without a picture",
    ]
