"""B7 on the kiosk: what is enrolled is on its card, in its chain and in use, sealed, until it is decided about."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

import config
from sync import chain, keys, sealing
from sync.enrolment_box import boxed, unboxed
from sync.messages import MAX_MESSAGE_BYTES, ClockQuality, EnrolmentNote, PadVerdict, SealedEnrolment
from sync.outbox import Outbox
from sync.outbox.salvage import salvage
from sync.releases import EncodingSet, Person
from terminal import store
from terminal.clerk import Answer, Clerk
from terminal.clock import Clock, Reading
from terminal.enrolments import EnrolmentRefused, Enrolments
from terminal.gallery import Gallery
from terminal.ledger import Ledger, empty_day
from terminal.provisional import (
    KEPT_DAYS,
    EnrolmentKept,
    KeepEnrolment,
    NewEnrolment,
    NewTemplate,
    in_use,
    packed,
    unpacked,
)
from terminal.provisional_card import ProvisionalCard
from terminal.shelf import Shelf
from terminal.visit.signals import CommitFailed
from tests.sync.samples import SIGNER, ack
from tests.terminal.made import DIMENSION, ENGINE_ID, SEVEN

SETTINGS = config.Config()
DEVICE = keys.PrivateKey.from_private_bytes(b"d" * 32)


def vector_of(number: int) -> np.ndarray:
    vector = np.random.default_rng(number).normal(size=DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def enrolment(number: str = "1001", *, id_: str = "a" * 32, look: int = 7, **more: object) -> NewEnrolment:
    vector = vector_of(look).astype("<f4").tobytes()
    values: dict[str, object] = {
        "id": id_,
        "administrator": "1001",
        "employee": number,
        "basis": "consent",
        "text_version": "2026-03-02",
        "language": "id",
        "decided_at": SEVEN,
        "templates": (NewTemplate(look="", samples=3, vector=vector),),
        "engine_id": ENGINE_ID,
        "pin_hash": "$argon2id$of-1001",
        "photo": True,
    }
    return NewEnrolment(**{**values, **more})  # type: ignore[arg-type]


class Kiosk:
    """A card, and what is written to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key_file = folder / "enrolment.pub"
        keys.new_centre_keys(folder)
        self.card = ProvisionalCard(open_card=lambda: store.open_card(folder), key=sealing.card_key(DEVICE))
        self.shelf = Shelf(Gallery.from_set(a_set()), self.card)

    @contextmanager
    def outbox(self) -> Iterator[Outbox]:
        with closing(store.open_card(self.folder)) as connection:
            yield Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)

    @property
    def enrolments(self) -> Enrolments:
        return Enrolments(card=self.card, key_file=self.key_file, put_to_use=self.shelf.enrolled)

    def keep(self, new: NewEnrolment) -> EnrolmentNote | None:
        with self.outbox() as outbox:
            return self.enrolments.keep(
                outbox, new, clock=ClockQuality.SYNCED, now=Reading(at=SEVEN, boottime_ns=1_000)
            )

    def notes(self) -> list[EnrolmentNote]:
        with self.outbox() as outbox:
            entries = [chain.read_entry(each.payload)[0] for each in outbox.pending(limit=1000)]
        return [entry for entry in entries if isinstance(entry, EnrolmentNote)]

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with self.outbox() as outbox:
            yield Ledger(
                SETTINGS,
                outbox=outbox,
                clock=Clock(),
                wake_uplink=lambda: None,
                refused=lambda: None,
                enrolments=self.enrolments,
            )


def a_set(
    *, version: int = 1, decided: tuple[str, ...] = (), people: tuple[str, ...] = ("1001", "1002")
) -> EncodingSet:
    return EncodingSet(
        office="demo",
        version=version,
        engine_id=ENGINE_ID,
        dimension=DIMENSION,
        created_at=SEVEN,
        decided=decided,
        people=tuple(
            Person(employee=number, name=number, templates=(vector_of(int(number)).astype("<f4").tobytes(),))
            for number in people
        ),
    )


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    store._checked.clear()
    return Kiosk(tmp_path)


def asked(clerk: Clerk, what: KeepEnrolment) -> Answer:
    clerk.ask(what)
    until = datetime.now(UTC) + timedelta(seconds=20)
    while (answer := clerk.answer()) is None:
        assert datetime.now(UTC) < until
    return answer


def test_b7_the_clerk_keeps_an_enrolment_once_and_it_is_in_use(kiosk: Kiosk) -> None:
    clerk = Clerk(kiosk.ledger, nobody_yet=empty_day(SETTINGS), look=lambda: None)
    try:
        for _ in range(2):
            assert asked(clerk, KeepEnrolment(enrolment=enrolment())) == EnrolmentKept(id="a" * 32)
    finally:
        clerk.close()
    assert [note.id for note in kiosk.notes()] == ["a" * 32]
    gallery = kiosk.shelf.gallery()
    assert gallery.owners == ("1001", "1001", "1002")
    assert gallery.people["1001"].pin == "$argon2id$of-1001"
    assert kiosk.card.waiting() == (enrolment(),)


def test_b7_a_kiosk_without_the_centres_key_keeps_nothing(kiosk: Kiosk) -> None:
    kiosk.key_file.unlink()
    clerk = Clerk(kiosk.ledger, nobody_yet=empty_day(SETTINGS), look=lambda: None)
    try:
        assert asked(clerk, KeepEnrolment(enrolment=enrolment())) == CommitFailed()
    finally:
        clerk.close()
    assert (kiosk.notes(), kiosk.card.waiting()) == ([], ())
    assert kiosk.shelf.gallery().owners == ("1001", "1002")


@pytest.mark.parametrize(
    "what",
    [
        {"templates": ()},
        {"pad": PadVerdict.ATTACK},
        {"basis": "no_face"},
        {"basis": "no_face", "templates": (), "pin_hash": None},
        {"templates": (NewTemplate(look="", samples=3, vector=np.full(DIMENSION, np.nan, "<f4").tobytes()),)},
        {"templates": (NewTemplate(look="", samples=3, vector=b"123"),)},
    ],
)
def test_b7_what_nobody_could_use_is_not_kept(kiosk: Kiosk, what: dict[str, object]) -> None:
    with pytest.raises(EnrolmentRefused):
        kiosk.keep(enrolment(**what))
    assert (kiosk.notes(), kiosk.card.waiting()) == ([], ())


def test_f3_the_chain_says_whether_the_person_was_there(kiosk: Kiosk) -> None:
    kiosk.keep(enrolment(pad=PadVerdict.UNDECIDED))
    assert [note.pad for note in kiosk.notes()] == [PadVerdict.UNDECIDED]
    assert [each.pad for each in kiosk.card.waiting()] == [PadVerdict.UNDECIDED]


def test_b7_c5_nothing_of_it_lies_in_clear_on_the_card_and_the_centre_opens_the_box(kiosk: Kiosk) -> None:
    new = enrolment(pin_hash="$argon2id$planted-pin-hash")
    kiosk.keep(new)
    raw = b"".join(path.read_bytes() for path in sorted(kiosk.folder.glob("card.sqlite*")))
    planted = new.templates[0].vector
    assert b"enrolment" in raw, "the note lies there"
    for hidden in (planted, planted[:16], b"planted-pin-hash"):
        assert hidden not in raw
    control = packed(new)
    assert planted in control, "in clear it would be seen"
    assert b"planted-pin-hash" in control
    (note,) = kiosk.notes()
    content = unboxed(note.sealed, keys.load_opening(kiosk.folder / "enrolment.key"))
    assert (content.templates[0].vector, content.pin_hash) == (planted, "$argon2id$planted-pin-hash")
    with pytest.raises(sealing.NotOpened):
        unboxed(note.sealed, DEVICE.private_bytes_raw())


def test_b7_another_kiosks_card_gives_nothing(kiosk: Kiosk) -> None:
    kiosk.keep(enrolment())
    other = replace(kiosk.card, key=sealing.card_key(keys.PrivateKey.from_private_bytes(b"o" * 32)))
    assert other.waiting() == ()


def test_b7_the_decided_one_goes_with_the_set_that_tells_so_through_a_restart(kiosk: Kiosk) -> None:
    kiosk.keep(enrolment())
    kiosk.keep(enrolment("1002", id_="b" * 32, look=8))
    again = Shelf(Gallery.empty(ENGINE_ID), kiosk.card)
    again.put(a_set(version=2))
    assert again.gallery().owners == ("1001", "1001", "1002", "1002")
    again.put(a_set(version=3, decided=("a" * 32,)))
    assert again.gallery().owners == ("1001", "1002", "1002")
    assert [each.id for each in kiosk.card.waiting()] == ["b" * 32]
    assert kiosk.keep(enrolment()) is None, "what was decided about does not come back"
    raw = (kiosk.folder / "card.sqlite").read_bytes()
    assert ("a" * 32).encode() in raw


def test_b7_a_leaver_is_not_known_whatever_was_enrolled_here(kiosk: Kiosk) -> None:
    kiosk.keep(enrolment("1002", look=8))
    kiosk.shelf.put(a_set(version=2, people=("1001",)))
    assert kiosk.shelf.gallery().owners == ("1001",)
    assert "1002" not in kiosk.shelf.people()[1]


def test_b7_of_two_of_one_person_the_later_holds_and_an_old_one_or_a_withdrawn_one_does_not() -> None:
    first, second = enrolment(id_="a" * 32), enrolment(id_="b" * 32)
    person = Person(employee="1001", name="Siti")
    assert in_use({"1001": person}, [first, second], decided=(), at=SEVEN) == (second,)
    late = SEVEN + timedelta(days=KEPT_DAYS)
    assert in_use({"1001": person}, [first, second], decided=(), at=late) == ()
    withdrawn = msgspec.structs.replace(person, withdrawn_at=SEVEN)
    pin_only = enrolment(id_="c" * 32, basis="no_face", templates=())
    again = enrolment(id_="d" * 32, decided_at=SEVEN + timedelta(seconds=1))
    assert in_use({"1001": withdrawn}, [pin_only, first], decided=(), at=SEVEN) == (pin_only,)
    assert in_use({"1001": withdrawn}, [first, again], decided=(), at=SEVEN) == (again,)


def test_b7_an_enrolment_of_wide_vectors_fits_into_a_message(kiosk: Kiosk) -> None:
    wide = np.random.default_rng(1).normal(size=512)
    vector = (wide / np.linalg.norm(wide)).astype("<f4").tobytes()
    looks = tuple(NewTemplate(look=f"look-{at}" if at else "", samples=3, vector=vector) for at in range(6))
    kiosk.keep(enrolment(templates=looks, pin_hash="$argon2id$" + "p" * 120))
    with kiosk.outbox() as outbox:
        (row,) = outbox.pending()
    assert 11_000 < len(row.payload) < MAX_MESSAGE_BYTES - 1_000
    (kept,) = kiosk.card.waiting()
    assert [each.look for each in kept.templates] == ["", "look-1", "look-2", "look-3"]


def test_b7_recorded_again_after_a_fork_it_is_the_same_enrolment(kiosk: Kiosk) -> None:
    first = kiosk.keep(enrolment())
    assert first is not None
    with kiosk.outbox() as outbox:
        (row,) = outbox.pending()
        outbox.acknowledge(ack(outbox, 0, refused=((1, chain.digest(row.payload).hex()[:16]),)))
    (again,) = kiosk.notes()
    assert again.epoch != first.epoch
    assert (again.id, again.sealed, again.moved_from) == (first.id, first.sealed, (first.epoch, 1))


def test_b7_it_is_salvaged_from_a_damaged_card(kiosk: Kiosk, tmp_path: Path) -> None:
    kiosk.keep(enrolment())
    with closing(store.open_card(kiosk.folder)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    torn = tmp_path / "torn.sqlite"
    torn.write_bytes(b"\0" * 4096 + (kiosk.folder / "card.sqlite").read_bytes()[4096:])
    fresh = tmp_path / "fresh"
    with closing(store.open_card(fresh)) as connection:
        assert salvage(connection, torn) == 1
        assert _kinds(connection) == ["EnrolmentNote"]


def _kinds(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT payload FROM outbox").fetchall()
    return [type(chain.read_entry(payload)[0]).__name__ for (payload,) in rows]


def test_a_gallery_with_more_is_that_of_a_set_with_more() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        people = [f"{1001 + at}" for at in range(int(rng.integers(0, 50)))]
        base = Gallery.from_set(a_set(people=tuple(people)))
        more = [
            Person(
                employee=number,
                name=number,
                templates=(vector_of(9).astype("<f4").tobytes(),) * int(rng.integers(1, 4)),
            )
            for number in people
            if rng.random() < 0.3
        ]
        got = base.having(more)
        added = {person.employee: person.templates for person in more}
        content = a_set(people=tuple(people))
        wanted = Gallery.from_set(
            msgspec.structs.replace(
                content,
                people=tuple(
                    msgspec.structs.replace(person, templates=person.templates + added.get(person.employee, ()))
                    for person in content.people
                ),
            )
        )
        assert (got.owners, got.employees, got.starts.tolist()) == (
            wanted.owners,
            wanted.employees,
            wanted.starts.tolist(),
        )
        assert np.allclose(got.blocks, wanted.blocks, atol=1e-6)


def test_what_is_packed_is_unpacked_and_a_box_of_rubbish_is_none() -> None:
    assert unpacked(packed(enrolment())) == enrolment()
    unsure = replace(enrolment(), pad=PadVerdict.UNDECIDED)
    assert unpacked(packed(unsure)) == unsure
    before = msgspec.msgpack.decode(packed(unsure))
    del before["pad"]
    assert unpacked(msgspec.msgpack.encode(before)).pad is PadVerdict.NOT_CHECKED, "a card from before has none"
    key = keys.PrivateKey.from_private_bytes(b"k" * 32)
    public, private = sealing.sealing_form(keys.raw(key.public_key())), sealing.opening_form(key)
    assert unboxed(boxed(SealedEnrolment(pin_hash="x"), public), private).pin_hash == "x"
    for rubbish in ("", "AAAA", "not base64!"):
        with pytest.raises(sealing.NotOpened):
            unboxed(rubbish, private)
