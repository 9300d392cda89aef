"""Attacks on the kiosk's card: a note in the chain, a picture beside it, never in a punch's way, few and in time."""

import os
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

import config
from sync import chain, keys, sealing
from sync.messages import AttackNote, AttendanceEvent, Entry, PadVerdict
from sync.outbox import Outbox, OutboxFailed
from sync.releases import Person
from terminal import store
from terminal.attacks import FOLDER, Attacks, KeepAttack, ago_s
from terminal.clerk import Clerk
from terminal.clock import Clock, Reading, boot_id
from terminal.evidence import Glimpse, seal_picture
from terminal.ledger import Ledger, empty_day
from terminal.visit.signals import CommitFailed, Committed, NoteAttack, Record
from tests.sync.samples import SIGNER, ack
from tests.terminal.made import SEVEN
from tests.terminal.test_clerk import now_punch, until
from tests.terminal.test_evidence import scene

ATTACK, UNDECIDED = PadVerdict.ATTACK, PadVerdict.UNDECIDED
PEOPLE = {
    "1001": Person(employee="1001", name="Suharto"),
    "1002": Person(employee="1002", name="Siti", photo=False),
}


class Kept:
    """A clerk with a real card, real keys, and whatever the settings say of pictures."""

    def __init__(self, folder: Path, **liveness: object) -> None:
        keys.new_centre_keys(folder / "keys")
        self.settings = config.replace(
            config.Config(),
            terminal={"state": str(folder / "card"), "evidence_key": str(folder / "keys" / "evidence.pub")},
            liveness=liveness,
        )
        self.key = folder / "keys" / "evidence.key"
        self.now_s = time.time()
        self.refuses: type[Exception] | None = None
        self.woken = 0
        self.writing, self.free = threading.Event(), threading.Event()
        self.free.set()
        self._count = 0

    @property
    def folder(self) -> Path:
        return self.settings.terminal.state / FOLDER

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with closing(store.open_card(self.settings.terminal.state)) as connection:
            outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
            note_attack = outbox.note_attack

            def noted(*given: Any, **more: Any) -> AttackNote:
                self.writing.set()
                assert self.free.wait(20)
                if self.refuses is not None:
                    raise self.refuses("the disk is full")
                return note_attack(*given, **more)

            outbox.note_attack = noted  # type: ignore[method-assign]
            yield Ledger(
                self.settings,
                outbox=outbox,
                clock=Clock(),
                wake_uplink=lambda: None,
                refused=lambda: setattr(self, "woken", self.woken + 1),
                attacks=Attacks(self.settings, people=self.people, now=lambda: self.now_s),
            )

    def people(self) -> tuple[int, Mapping[str, Person]]:
        return 3, PEOPLE

    def clerk(self) -> Clerk:
        return Clerk(self.ledger, nobody_yet=empty_day(self.settings), look=lambda: None)

    def attack(self, employee: str | None = "1001", verdict: PadVerdict = ATTACK, **more: Any) -> KeepAttack:
        self._count += 1
        noted = NoteAttack(
            track_id=self._count, employee=employee, verdict=verdict, cues=("edge",), held=False, at=datetime.now(UTC)
        )
        return KeepAttack(id=f"{self._count:032x}", noted=replace(noted, **more), seen=Glimpse(picture=scene()))

    def entries(self) -> list[Entry]:
        with closing(store.open_card(self.settings.terminal.state)) as connection:
            rows = connection.execute("SELECT payload FROM outbox WHERE NOT moved ORDER BY epoch, seq").fetchall()
        return [chain.read_entry(payload)[0] for (payload,) in rows]

    def notes(self) -> list[AttackNote]:
        return [entry for entry in self.entries() if isinstance(entry, AttackNote)]

    def pictures(self) -> set[str]:
        return {f"sealed:{path.stem}" for path in self.folder.glob("*.sealed")}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    store._checked.clear()
    return Kept(tmp_path)


def test_f3_an_attack_is_a_link_of_the_chain_and_its_picture_opens_at_the_centre_alone(kept: Kept) -> None:
    with closing(kept.clerk()) as clerk:
        asked = kept.attack()
        clerk.note_attack(asked)
        clerk.note_attack(kept.attack(None, UNDECIDED, held=False))
    attack, near_miss = kept.notes()
    assert (attack.id, attack.employee, attack.verdict, attack.cues) == (asked.id, "1001", ATTACK, ("edge",))
    assert attack.made_at == asked.noted.at
    assert (near_miss.employee, near_miss.verdict) == (None, UNDECIDED)
    ref = attack.evidence_ref or ""
    assert {ref, near_miss.evidence_ref} == kept.pictures()
    file = kept.folder / sealing.name_of(ref)
    assert b"JFIF" not in file.read_bytes()
    assert sealing.open_sealed(file, kept.key, ref=ref).startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("policy", "employee", "reason"),
    [
        ("never", "1001", "none:policy"),
        ("unless_refused", "1002", "none:no_photo"),
        ("unless_refused", "1001", None),
        ("unless_refused", None, None),
        ("unless_refused", "9999", None),
        ("always", "1002", None),
    ],
)
def test_the_office_says_of_whom_a_picture_is_kept(
    tmp_path: Path, policy: str, employee: str | None, reason: str | None
) -> None:
    store._checked.clear()
    kept = Kept(tmp_path, picture=policy)
    with closing(kept.clerk()) as clerk:
        clerk.note_attack(kept.attack(employee))
    (note,) = kept.notes()
    assert note.evidence_ref == (reason or next(iter(kept.pictures())))
    assert len(kept.pictures()) == (0 if reason else 1)


def test_without_room_for_pictures_none_is_kept_and_every_note_is(tmp_path: Path) -> None:
    store._checked.clear()
    kept = Kept(tmp_path, pictures_most=0)
    with closing(kept.clerk()) as clerk:
        clerk.note_attack(kept.attack())
    assert [note.evidence_ref for note in kept.notes()] == ["none:policy"]
    assert kept.pictures() == set()


def test_of_too_many_pictures_the_oldest_near_misses_go_first_and_then_the_oldest_attacks(tmp_path: Path) -> None:
    store._checked.clear()
    kept = Kept(tmp_path, pictures_most=3)
    for verdicts, left in (
        ((UNDECIDED, ATTACK, UNDECIDED), (0, 1, 2)),
        ((ATTACK,), (1, 2, 3)),
        ((ATTACK,), (1, 3, 4)),
        ((ATTACK,), (3, 4, 5)),
    ):
        with closing(kept.clerk()) as clerk:  # each time a kiosk that has started again
            for verdict in verdicts:
                clerk.note_attack(kept.attack(verdict=verdict))
        refs = [note.evidence_ref for note in kept.notes()]
        assert kept.pictures() == {refs[number] for number in left}
    assert len(kept.notes()) == 6, "the notes stay"


def test_pictures_of_attacks_are_gone_after_their_days_and_a_pins_rule_does_not_touch_them(tmp_path: Path) -> None:
    store._checked.clear()
    kept = Kept(tmp_path, picture_days=7)
    with closing(kept.clerk()) as clerk:
        for _ in range(2):
            clerk.note_attack(kept.attack())
    old, young = (note.evidence_ref or "" for note in kept.notes())
    day_s = 24 * 3600
    for ref, days in ((old, 8), (young, 6)):
        os.utime(kept.folder / sealing.name_of(ref), (kept.now_s, kept.now_s - days * day_s))
    with closing(kept.clerk()) as clerk:
        until(lambda: kept.pictures() == {young})


def test_a_punch_that_is_asked_later_goes_before_attacks_that_were_noted_before(kept: Kept) -> None:
    kept.free.clear()
    with closing(kept.clerk()) as clerk:
        for _ in range(6):
            clerk.note_attack(kept.attack())
        assert kept.writing.wait(10), "the card is busy with the first one"
        clerk.ask(Record(punch=now_punch(), first=None))
        kept.free.set()
        until(lambda: isinstance(clerk.answer(), Committed))
    kinds = [type(entry) for entry in kept.entries()]
    assert kinds == [AttackNote, AttendanceEvent, *[AttackNote] * 5], "and what waited is kept when the kiosk ends"


def test_a_card_that_takes_no_note_loses_no_punch_and_the_note_comes_when_it_does(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.refuses = OutboxFailed
    with closing(kept.clerk()) as clerk:
        clerk.note_attack(kept.attack())
        until(lambda: kept.woken == 1)
        clerk.ask(Record(punch=now_punch(), first=None))
        until(lambda: isinstance(clerk.answer(), Committed))
        clerk.upkeep(count=False)
        until(lambda: kept.woken == 2)
        kept.refuses = None
        clerk.upkeep(count=False)
        until(lambda: len(kept.notes()) == 1)
        clerk.upkeep(count=False)
    assert [type(entry) for entry in kept.entries()] == [AttendanceEvent, AttackNote], "once"
    assert len(kept.pictures()) == 1
    assert caplog.text.count("an attack cannot be noted") == 1
    assert "1001" not in caplog.text.split("an attack cannot be noted")[1].split("\n")[0]


def test_notes_that_cannot_be_made_do_not_gather_without_end(kept: Kept) -> None:
    kept.refuses = OutboxFailed
    with closing(kept.clerk()) as clerk:
        for _ in range(60):
            clerk.note_attack(kept.attack())
        until(lambda: kept.woken >= 20)
        clerk.ask(Record(punch=now_punch(), first=None))
        until(lambda: isinstance(clerk.answer(), Committed))
        assert len(clerk._attacks) + len(clerk._put_off) <= 40


def test_an_odd_failure_of_a_note_is_not_taken_for_the_answer_to_a_punch(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.refuses = ZeroDivisionError
    with closing(kept.clerk()) as clerk:
        clerk.note_attack(kept.attack())
        until(lambda: "ZeroDivisionError" in caplog.text)
        assert clerk.answer() is None
        clerk.ask(Record(punch=now_punch(), first=None))
        answers: list[object] = []
        until(lambda: bool(answers.append(clerk.answer()) or answers[-1]))
        assert not any(isinstance(answer, CommitFailed) for answer in answers)


def test_a_note_that_is_recorded_again_keeps_its_id_and_says_where_it_was(kept: Kept) -> None:
    with closing(kept.clerk()) as clerk:
        clerk.note_attack(kept.attack())
    (first,) = kept.notes()
    with closing(store.open_card(kept.settings.terminal.state)) as connection:
        uplink = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        digits = chain.digest(uplink.pending()[0].payload).hex()[:16]
        uplink.acknowledge(ack(uplink, 0, refused=((1, digits),)))
        assert [note.id for note in uplink.attacks_since(SEVEN - timedelta(days=999))] == [first.id], "and counts once"
    (moved,) = kept.notes()
    assert moved.moved_from == (first.epoch, first.seq)
    assert (moved.id, moved.made_at, moved.evidence_ref) == (first.id, first.made_at, first.evidence_ref)


def test_a_note_with_its_picture_takes_little_more_than_the_picture(kept: Kept) -> None:
    """As a ratio in one run: a punch waits for one note at most."""
    took: dict[str, list[float]] = {"note": [], "punch": [], "picture": []}
    key = keys.load_sealing(kept.settings.terminal.evidence_key)
    with kept.ledger() as ledger:
        for _ in range(15):
            began_s = time.monotonic()
            assert ledger.note_attack(kept.attack()) is None
            noted_s = time.monotonic()
            assert isinstance(ledger.record(Record(punch=now_punch(), first=None)), Committed)
            punched_s = time.monotonic()
            seal_picture(scene(), key=key, folder=kept.folder.parent)
            took["picture"].append(time.monotonic() - punched_s)
            took["punch"].append(punched_s - noted_s)
            took["note"].append(noted_s - began_s)
    print({what: f"{1000 * statistics.median(times):.1f} ms" for what, times in took.items()})
    note_s, punch_s, picture_s = (statistics.median(times) for times in took.values())
    assert note_s < 3 * (picture_s + punch_s)


# --- what a restart remembers ---------------------------------------------------------------------------------------


def test_a_kiosk_that_starts_again_knows_the_attacks_before(kept: Kept) -> None:
    began_s = time.monotonic()
    with closing(kept.clerk()) as clerk:
        assert clerk.attacks_s == ()
        for verdict in (ATTACK, UNDECIDED, ATTACK):
            clerk.note_attack(kept.attack(verdict=verdict))
    with closing(kept.clerk()) as clerk:
        assert len(clerk.attacks_s) == 2, "a near miss is none"
        assert all(began_s <= at_s <= time.monotonic() for at_s in clerk.attacks_s)


@pytest.mark.parametrize(
    ("boot", "wall_s", "boot_s", "expected"),
    [
        ("this", 20, 20, 20.0),
        ("this", -86_400, 20, 20.0),
        ("this", 86_400, 20, 20.0),
        ("this", 5000, 5000, None),
        ("another", 20, 5, 20.0),
        ("another", -20, 5, 0.0),
        ("another", 5000, 5, None),
        ("another", -86_400, 5, None),
    ],
    ids=[
        "a moment ago", "clock set back since", "clock set forward since", "long ago", "before a reboot",
        "clock gone back", "long before a reboot", "another clock altogether",
    ],
)  # fmt: skip
def test_how_long_ago_an_attack_was(
    kept: Kept, boot: str, wall_s: float, boot_s: float, expected: float | None
) -> None:
    with closing(kept.clerk()) as clerk:
        clerk.note_attack(kept.attack())
    (note,) = kept.notes()
    note = structs.replace(note, boot_id=boot_id() if boot == "this" else "f" * 32)
    now = Reading(at=note.recorded_at + timedelta(seconds=wall_s), boottime_ns=note.boottime_ns + round(boot_s * 1e9))
    found = ago_s([note], now, boot_id())
    assert found == (() if expected is None else (expected,))
