"""The card on a thread of its own: asked and answered at once, one writing at a time, nothing lost at the end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import config
from sync import chain
from sync.messages import AttendanceEvent, DeskNote, Direction, Punch
from sync.outbox import Outbox
from sync.outbox.newest import newest_entries
from terminal import clerk as clerk_module
from terminal import store
from terminal.clerk import Clerk
from terminal.clock import Clock
from terminal.ledger import Ledger, empty_day
from terminal.visit.signals import CommitFailed, Committed, Correct, Corrected, Input, NoteDesk, Record
from tests.sync.samples import SIGNER, ack
from tests.terminal.made import event, punch

SETTINGS = config.Config()


class Desk:
    """A clerk with a real card in a folder; `hold` keeps what it writes from being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fails: Exception | None = None
        self.opened = 0
        self.looked = 0
        self.free = threading.Event()
        self.free.set()
        self.writing = threading.Event()
        self.heard = threading.Semaphore(0)
        self.clock = Clock()

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        self.opened += 1
        if self.fails is not None:
            raise self.fails
        with closing(store.open_card(self.folder)) as connection:
            outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
            record = outbox.record

            def slowly(*given: Any, **more: Any) -> AttendanceEvent:
                self.writing.set()
                assert self.free.wait(20)
                return record(*given, **more)

            outbox.record = slowly  # type: ignore[method-assign]
            yield Ledger(SETTINGS, outbox=outbox, clock=self.clock, wake_uplink=lambda: None, refused=lambda: None)

    def clerk(self) -> Clerk:
        return Clerk(
            self.ledger,
            nobody_yet=empty_day(SETTINGS),
            look=lambda: setattr(self, "looked", self.looked + 1),
            answered=self.heard.release,
        )

    def events(self) -> list[AttendanceEvent]:
        with closing(store.open_card(self.folder)) as connection:
            rows = connection.execute("SELECT payload FROM outbox ORDER BY epoch, seq").fetchall()
        entries = [chain.read_entry(payload)[0] for (payload,) in rows]
        return [entry for entry in entries if isinstance(entry, AttendanceEvent)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    store._checked.clear()
    return Desk(tmp_path / "card")


def now_punch(employee: str = "1001") -> Punch:
    return punch(employee, at=Clock().look()[1].at)


def answer_of(clerk: Clerk, desk: Desk) -> Input:
    assert desk.heard.acquire(timeout=10), "no answer"
    answer = clerk.answer()
    assert answer is not None
    return answer


def until(what: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)  # the clerk tells nobody when upkeep is done


def test_a_punch_is_answered_when_it_is_on_the_card_and_is_of_the_day_then(desk: Desk) -> None:
    with closing(desk.clerk()) as clerk:
        assert clerk.answer() is None
        asked = now_punch()
        clerk.ask(Record(punch=asked, first=None))
        answer = answer_of(clerk, desk)
        assert isinstance(answer, Committed)
        assert answer.event.punch == asked
        assert desk.events() == [answer.event]
        assert clerk.day.earlier("1001", asked.occurred_at) == answer.event
        again = now_punch()
        clerk.ask(Record(punch=again, first=answer.event))
        repeated = answer_of(clerk, desk)
        assert isinstance(repeated, Committed)
        assert (repeated.event.repeat_of, repeated.first_event) == (answer.event.seq, answer.event)
        assert clerk.day.earlier("1001", again.occurred_at) == answer.event
        assert len(clerk.day.history("1001", again.occurred_at)) == 2
    with closing(desk.clerk()) as after:
        assert after.day.earlier("1001", again.occurred_at) == answer.event, (
            "the day is read from the card at the start"
        )


def test_nobody_waits_for_a_slow_card_and_no_second_punch_is_taken_meanwhile(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(desk.clerk()) as clerk:
        desk.free.clear()
        clerk.ask(Record(punch=now_punch("1"), first=None))
        assert desk.writing.wait(10)
        assert clerk.answer() is None
        assert clerk.alive
        clerk.ask(Record(punch=now_punch("2"), first=None))
        assert clerk.answer() == CommitFailed(), "the second one is refused at once"
        desk.free.set()
        answer = answer_of(clerk, desk)
        assert isinstance(answer, Committed)
        clerk.ask(Record(punch=now_punch("2"), first=None))
        assert isinstance(answer_of(clerk, desk), Committed)
    assert [event.punch.employee for event in desk.events()] == ["1", "2"]
    assert "the card has not answered yet" in caplog.text


def test_a_correction_is_answered_with_the_day_it_makes_and_stays_through_a_restart(desk: Desk) -> None:
    with closing(desk.clerk()) as clerk:
        asked = now_punch()
        clerk.ask(Record(punch=asked, first=None))
        done = answer_of(clerk, desk)
        assert isinstance(done, Committed)
        at = asked.occurred_at
        assert [(each.event, each.direction) for each in clerk.day.history("1001", at)] == [(done.event, Direction.IN)]
        clerk.ask(Correct(event=done.event, direction=Direction.OUT))
        turned = answer_of(clerk, desk)
        assert isinstance(turned, Corrected)
        assert (turned.event, turned.direction) == (done.event, Direction.OUT)
        assert [each.direction for each in clerk.day.history("1001", at)] == [Direction.OUT]
        earlier = clerk.day.earlier("1001", asked.occurred_at)
        assert earlier is not None
        assert earlier.punch.direction is Direction.OUT
    with closing(desk.clerk()) as clerk:
        assert clerk.day.earlier("1001", asked.occurred_at) == earlier
        clerk.ask(Correct(event=done.event, direction=None))
        voided = answer_of(clerk, desk)
        assert isinstance(voided, Corrected)
        assert clerk.day.history("1001", at) == ()
        assert clerk.day.earlier("1001", asked.occurred_at) is None
        clerk.ask(Correct(event=event(asked), direction=None))
        assert answer_of(clerk, desk) == CommitFailed(), "a punch that is not on this card"
    with closing(desk.clerk()) as clerk:
        assert clerk.day.earlier("1001", asked.occurred_at) is None


def test_a_note_of_the_desk_is_answered_only_when_it_cannot_be_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(desk.clerk()) as clerk:
        clerk.ask(NoteDesk(employee="1001", action="open"))
        clerk.ask(Record(punch=now_punch(), first=None))
        assert isinstance(answer_of(clerk, desk), Committed), "a note does not stand in the way of a punch"
        monkeypatch.setattr(Ledger, "note_desk", lambda *_: CommitFailed())
        clerk.ask(NoteDesk(employee="1001", action="restart"))
        assert answer_of(clerk, desk) == CommitFailed()
        clerk.ask(NoteDesk(employee="1001", action="restart"))
        clerk.ask(Record(punch=now_punch("2"), first=None))
        assert desk.heard.acquire(timeout=10)
        assert isinstance(answer_of(clerk, desk), Committed), "the note's failure is not taken for the punch's"
    with closing(store.open_card(desk.folder)) as connection:
        notes = [entry for entry in newest_entries(connection) if isinstance(entry, DeskNote)]
    assert [note.action for note in notes] == ["open"]


def test_an_answer_that_nobody_took_yet_is_not_taken_for_the_next_ones(desk: Desk) -> None:
    with closing(desk.clerk()) as clerk:
        clerk.ask(Record(punch=now_punch("1"), first=None))
        assert desk.heard.acquire(timeout=10)
        clerk.ask(Record(punch=now_punch("2"), first=None))
        answers = [clerk.answer(), clerk.answer(), clerk.answer()]
    assert isinstance(answers[0], Committed)
    assert answers[1:] == [CommitFailed(), None]
    assert [event.punch.employee for event in desk.events()] == ["1"]


def test_a_card_that_does_not_answer_is_told_and_closing_waits_for_one_that_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = desk.clerk()
    desk.free.clear()
    clerk.ask(Record(punch=now_punch(), first=None))
    assert desk.writing.wait(10)
    monkeypatch.setattr(clerk_module, "STUCK_S", 0.0)
    assert not clerk.alive, "the watchdog is told no longer"
    monkeypatch.setattr(clerk_module, "STUCK_S", 20.0)
    threading.Timer(0.1, desk.free.set).start()
    clerk.close()
    assert [event.punch.employee for event in desk.events()] == ["1001"], "what was asked is done"
    assert not clerk.alive


def test_closing_leaves_a_dead_card_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clerk_module, "_CLOSING_S", 0.05)
    clerk = desk.clerk()
    desk.free.clear()
    clerk.ask(Record(punch=now_punch(), first=None))
    assert desk.writing.wait(10)
    clerk.close()
    assert "did not answer in time" in caplog.text
    desk.free.set()
    clerk._thread.join(10)


def test_a_card_that_cannot_be_opened_refuses_and_is_tried_again(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.fails = store.CardFailed("the disk is full; free some space on it")
    with closing(desk.clerk()) as clerk:
        clerk.ask(Record(punch=now_punch(), first=None))
        assert answer_of(clerk, desk) == CommitFailed()
        assert clerk.day == empty_day(SETTINGS)
        assert clerk.waiting == 0
        desk.fails = None
        clerk.ask(Record(punch=now_punch(), first=None))
        assert isinstance(answer_of(clerk, desk), Committed)
    assert desk.opened == 3
    assert caplog.text.count("the disk is full") == 1


def test_an_odd_failure_is_answered_and_the_next_punch_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(desk.clerk()) as clerk:
        record = Ledger.record
        monkeypatch.setattr(Ledger, "record", lambda *_: 1 / 0)
        clerk.ask(Record(punch=now_punch(), first=None))
        assert answer_of(clerk, desk) == CommitFailed()
        monkeypatch.setattr(Ledger, "record", record)
        clerk.ask(Record(punch=now_punch(), first=None))
        assert isinstance(answer_of(clerk, desk), Committed)
    assert "ZeroDivisionError" in caplog.text


def test_upkeep_counts_what_waits_and_does_not_gather(desk: Desk) -> None:
    with closing(desk.clerk()) as clerk:
        desk.free.clear()
        clerk.ask(Record(punch=now_punch(), first=None))
        assert desk.writing.wait(10)
        for _ in range(50):
            clerk.upkeep(count=True)
        desk.free.set()
        until(lambda: clerk.waiting == 1)
        until(lambda: desk.looked == 1)
        clerk.upkeep(count=False)
        until(lambda: desk.looked == 2)


def test_a_repeat_of_a_punch_whose_number_was_refused_meanwhile_names_the_new_number(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(desk.clerk()) as clerk:
        for employee in ("1", "2"):
            clerk.ask(Record(punch=now_punch(employee), first=None))
            answer = answer_of(clerk, desk)
        assert isinstance(answer, Committed)
        first = answer.event
        with closing(store.open_card(desk.folder)) as connection:  # the uplink's thread hears that 2 is refused
            uplink = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
            digits = chain.digest(uplink.pending()[1].payload).hex()[:16]
            uplink.acknowledge(ack(uplink, 1, refused=((2, digits),)))
        clerk.ask(Record(punch=now_punch("2"), first=first))
        repeat = answer_of(clerk, desk)
        assert isinstance(repeat, Committed)
        assert repeat.first_event is not None
        assert (repeat.event.repeat_of, repeat.first_event.seq, repeat.first_event.receipt) == (1, 1, first.receipt)
        assert repeat.event.epoch != first.epoch
        assert [each.event.seq for each in clerk.day.history("2", repeat.event.punch.occurred_at)] == [1, 2]
        gone = now_punch("1")
        assert clerk.day.earlier("1", gone.occurred_at) is None, "the number of an earlier life is nobody's repeat"


def test_a_clock_that_was_set_back_finds_the_punches_of_that_day_again(desk: Desk) -> None:
    with desk.ledger() as ledger:
        committed = ledger.record(Record(punch=now_punch(), first=None))
        assert isinstance(committed, Committed)
        at = committed.event.punch.occurred_at
        ledger.look_after(at + timedelta(days=2), count=False)
        assert ledger.day.earlier("1001", at) is None
        ledger.look_after(at, count=False)
        assert ledger.day.earlier("1001", at) == committed.event
