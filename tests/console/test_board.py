"""The board: who is in, who has left, whom nobody has seen, and how far the data can be trusted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from console.board import SHOWN_ARRIVALS, Board, KioskState, board_of, initials
from sync.messages import ClockQuality, Direction, Method, Presence, TerminalStatus
from sync.register.events import RegisteredEvent, TimedBy
from sync.register.people import Employee
from sync.register.statuses import TerminalState

JAKARTA = ZoneInfo("Asia/Jakarta")
NOW = datetime(2026, 8, 17, 3, 0, tzinfo=UTC)  # 10:00 in Jakarta
NAMES = {"demo": "Kantor Percontohan"}


def person(number: str, name: str, office: str = "demo", *, withdrawn: bool = False) -> Employee:
    return Employee(
        number=number,
        name=name,
        office=office,
        valid_from=NOW,
        withdrawn_at=NOW if withdrawn else None,
        templates=1,
        samples=1,
        has_pin=False,
    )


def punch(
    number: str,
    ago_s: float,
    *,
    out: bool = False,
    office: str = "demo",
    repeat_of: int | None = None,
    id: int = 1,
    **more: object,
) -> RegisteredEvent:
    at = NOW - timedelta(seconds=ago_s)
    made = RegisteredEvent(
        id=id,
        terminal="lobby-1",
        epoch="a" * 32,
        seq=id,
        office=office,
        employee=number,
        method=Method.FACE,
        direction=Direction.OUT if out else Direction.IN,
        occurred_at=at,
        first_seen_at=at,
        received_at=at + timedelta(seconds=0.5),
        clock=ClockQuality.SYNCED,
        repeat_of=repeat_of,
        receipt="7KQ2MX4D9B",
        recorded_at=at,
        clock_jump_ms=None,
        counted_at=at,
        timed_by=TimedBy.CLOCK,
        earliest_at=None,
        latest_at=None,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def kiosk(
    terminal: str = "lobby-1",
    *,
    ago_s: float = 1,
    presence: Presence = Presence.ONLINE,
    depth: int | None = 0,
    office: str = "demo",
) -> TerminalState:
    at = NOW - timedelta(seconds=ago_s)
    status = TerminalStatus(office=office, terminal=terminal, presence=presence, at=at, outbox_depth=depth)
    return TerminalState(office=office, terminal=terminal, heard_at=at, status=status)


def board(
    records: list[RegisteredEvent], people: list[Employee] | None = None, heard: list[TerminalState] | None = None
) -> Board:
    return board_of(records, people or [], heard or [], now=NOW, zone=JAKARTA, office_names=NAMES, silent_after_s=30)


def test_the_newest_punch_says_whether_somebody_is_in() -> None:
    people = [person("1", "Ana"), person("2", "Budi"), person("3", "Citra")]
    shown = board([punch("1", 60), punch("2", 7200), punch("2", 30, out=True)], people)
    (office,) = shown.offices
    assert office.name == "Kantor Percontohan"
    assert [seen.name for seen in office.inside] == ["Ana"]
    assert [seen.name for seen in office.left] == ["Budi"]
    assert [seen.name for seen in office.not_yet] == ["Citra"]
    assert (shown.inside, shown.left, shown.not_yet, shown.punches) == (1, 1, 1, 3)


def test_a_repeat_changes_nobodys_place() -> None:
    shown = board([punch("1", 60, out=True), punch("1", 30, repeat_of=1)], [person("1", "Ana")])
    assert [seen.name for seen in shown.offices[0].left] == ["Ana"]
    assert [arrival.repeat for arrival in shown.arrivals] == [True, False]


def test_the_day_begins_at_the_offices_midnight() -> None:
    since_midnight_s = 10 * 3600
    shown = board([punch("1", since_midnight_s + 1), punch("2", since_midnight_s - 1)])
    assert [arrival.number for arrival in shown.arrivals] == ["2"]
    assert shown.day.isoformat() == "2026-08-17"


def test_the_newest_comes_first_and_what_is_left_out_is_counted() -> None:
    shown = board([punch("1", ago_s, id=1000 - ago_s) for ago_s in range(SHOWN_ARRIVALS + 5)])
    assert [arrival.id for arrival in shown.arrivals[:2]] == [1000, 999]
    assert (len(shown.arrivals), shown.earlier) == (SHOWN_ARRIVALS, 5)


def test_who_has_withdrawn_has_no_name_here_and_is_not_waited_for() -> None:
    shown = board([punch("1", 60)], [person("1", "Ana", withdrawn=True)])
    assert (shown.arrivals[0].name, shown.arrivals[0].number) == (None, "1")
    assert shown.offices == ()


def test_somebody_at_another_office_is_in_and_it_says_where() -> None:
    shown = board([punch("1", 60, office="disdik")], [person("1", "Ana")])
    assert shown.offices[0].inside[0].elsewhere == "disdik"


@pytest.mark.parametrize(
    ("heard", "complete_ago_s", "of"),
    [
        ([kiosk(ago_s=2), kiosk("lobby-2", ago_s=5)], 5, (2, 2)),
        ([kiosk(ago_s=2), kiosk("lobby-2", depth=3)], None, (2, 2)),
        ([kiosk(ago_s=2), kiosk("lobby-2", presence=Presence.OFFLINE, depth=None)], None, (1, 2)),
        ([kiosk(ago_s=600)], 600, (0, 1)),
        ([], None, (0, 0)),
    ],
    ids=["all told", "one has more to say", "one is away", "one fell silent", "no kiosk"],
)
def test_data_is_complete_until_every_kiosk_has_told_all(
    heard: list[TerminalState], complete_ago_s: float | None, of: tuple[int, int]
) -> None:
    office = board([], [person("1", "Ana")], heard).offices[0]
    expected = None if complete_ago_s is None else NOW - timedelta(seconds=complete_ago_s)
    assert office.complete_until == expected
    assert (office.heard, office.kiosks) == of


def test_a_kiosk_that_claims_to_be_online_but_does_not_speak_is_silent() -> None:
    shown = board([], heard=[kiosk("a1", ago_s=29), kiosk("a2", ago_s=31), kiosk("a3", presence=Presence.OFFLINE)])
    assert [each.state for each in shown.kiosks] == [KioskState.ONLINE, KioskState.SILENT, KioskState.OFFLINE]
    assert shown.kiosks_online == 1


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Siti Nurhaliza Wulandari", "SW"),
        ("Suharto", "S"),
        ("<script>", "S"),
        ("1 2", "?"),
        ("i Made", "IM"),
        ("ß", "SS"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_people_are_shown_at_the_time_that_counts_not_at_what_a_wrong_clock_said() -> None:
    lost = datetime(1970, 1, 1, tzinfo=UTC)
    told = punch(
        "1", 0, id=1, first_seen_at=lost, occurred_at=lost, counted_at=NOW - timedelta(hours=2), timed_by=TimedBy.BOOT
    )
    between = punch(
        "2", 0, id=2, first_seen_at=lost, occurred_at=lost, timed_by=TimedBy.BOUNDS,
        counted_at=NOW - timedelta(hours=1), earliest_at=NOW - timedelta(hours=1), latest_at=NOW,
    )  # fmt: skip
    yesterday = punch("3", 0, id=3, counted_at=NOW - timedelta(days=1), timed_by=TimedBy.BOUNDS)
    shown = board([told, between, yesterday, punch("1", 5, id=4)], [person("1", "Ani"), person("2", "Budi")])
    assert [(each.id, each.timed_by, each.at) for each in shown.arrivals] == [
        (4, "clock", NOW - timedelta(seconds=5)),
        (2, "bounds", NOW - timedelta(hours=1)),
        (1, "boot", NOW - timedelta(hours=2)),
    ]
    assert [each.after_s for each in shown.arrivals] == [0.5, None, None]
    assert (shown.arrivals[1].earliest, shown.arrivals[1].latest) == (NOW - timedelta(hours=1), NOW)
    assert [(each.number, each.about) for each in shown.offices[0].inside] == [("1", False), ("2", True)]


def test_a_punch_that_was_voided_at_its_kiosk_is_not_arrived() -> None:
    """Somebody was taken for 1, who came later and is a punch of their own, though the kiosk called it a repeat."""
    wrong = punch("1", 60, id=1, voided=True)
    shown = board([wrong], [person("1", "Ana")], [kiosk(), kiosk("lobby-2")])
    assert (shown.punches, shown.arrivals, [each.number for each in shown.offices[0].not_yet]) == (0, (), ["1"])
    assert [(each.terminal, each.not_me) for each in shown.kiosks] == [("lobby-1", 1), ("lobby-2", 0)]

    mine = punch("1", 30, id=2, repeat_of=1)
    shown = board([wrong, mine], [person("1", "Ana")], [kiosk()])
    assert [(each.id, each.repeat) for each in shown.arrivals] == [(2, False)]
    assert [each.since for each in shown.offices[0].inside] == [NOW - timedelta(seconds=30)]


def test_a_corrected_direction_is_the_one_shown_and_said_to_be() -> None:
    corrected = punch("1", 60, out=True, recorded_direction=Direction.IN)
    shown = board([corrected], [person("1", "Ana")])
    assert [(each.direction, each.corrected) for each in shown.arrivals] == [("out", True)]
    assert [each.number for each in shown.offices[0].left] == ["1"]
