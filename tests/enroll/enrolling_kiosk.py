"""A kiosk that enrols, of the real parts, before a centre with an administrator and three people."""

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from sync import keys, sealing
from sync.messages import ClockQuality
from sync.outbox import Outbox
from sync.received_sets import ReceivedSets, ReleaseDoor
from sync.register import Register, enrolment
from sync.register.consents import Basis, Consent
from sync.register.people import Template
from sync.releases import EncodingSet, keep_set, kept_set, open_set
from terminal import store
from terminal.clock import Reading
from terminal.enrolments import Enrolments
from terminal.faces import Identity
from terminal.gallery import Gallery
from terminal.provisional import NewEnrolment, NewTemplate
from terminal.provisional_card import ProvisionalCard
from terminal.shelf import Shelf
from tests.enroll.conftest import DIMENSION, vector_of

ENGINE = Identity(engine_id="painted", dimension=DIMENSION)
OFFICE = "demo"
ADMINISTRATOR = "900"
STAFF = ("101", "102", "103")
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Crash(BaseException):
    """The process ended here."""


def prepared(folder: Path) -> Path:
    """Return a folder with a register of an administrator and three people, its keys, and an empty card."""
    keys.new_centre_keys(folder / "keys")
    with Register.open(f"sqlite:///{folder / 'register.sqlite'}", folder / "keys") as register:
        for number in (ADMINISTRATOR, *STAFF):
            import_photos(register, number, look=0, at=BEGIN - MINUTE)
        enrolment.set_administrator(register, ADMINISTRATOR, True)
    store.open_card(folder / "card").close()
    return folder


def import_photos(register: Register, number: str, *, look: int, at: datetime, again: bool = False) -> None:
    """Have somebody enrolled from photos at the centre."""
    enrolment.upsert_employee(
        register,
        number=number,
        name=f"Pegawai {number}",
        office=OFFICE,
        at=at,
        template=Template(
            engine_id=ENGINE.engine_id,
            vector=vector_of(int(number), look).astype("<f4").tobytes(),
            samples=3,
            source="photos",
            made_at=at,
        ),
        again=again,
        consent=Consent(
            employee=number, basis=Basis.PUBLIC_DUTY, text_version="2026-03-02", given_at=at, desk="desk of demo"
        ),
    )


def new_enrolment(number: str, *, id_: str, at: datetime, look: int, basis: str = "consent") -> NewEnrolment:
    """Return what an administrator enrols of somebody at a kiosk."""
    face = basis != "no_face"
    vector = vector_of(int(number), look).astype("<f4").tobytes()
    return NewEnrolment(
        id=id_,
        administrator=ADMINISTRATOR,
        employee=number,
        basis=basis,  # type: ignore[arg-type]
        text_version="2026-03-02",
        language="id",
        decided_at=at,
        templates=(NewTemplate(look="", samples=3, vector=vector),) if face else (),
        engine_id=ENGINE.engine_id,
        pin_hash=f"$argon2id$made-of-{id_}",
        photo=True,
    )


class Kiosk:
    """One kiosk: its card, and the process on it, which `restart` ends and begins anew."""

    def __init__(self, folder: Path, name: str, centre: Path, seed: int) -> None:
        self.folder, self.name = folder, name
        rng = random.Random(f"{name} {seed}")
        self.device = keys.PrivateKey.from_private_bytes(rng.randbytes(32))
        self.trusted = keys.load_public(centre / "keys" / "release.pub")
        self.key_file = centre / "keys" / "enrolment.pub"
        self.card = ProvisionalCard(open_card=lambda: store.open_card(folder), key=sealing.card_key(self.device))
        self.crash_in_use = self.crash_on_set = False
        self.looked_at: tuple[bytes, EncodingSet | None] = (b"", None)
        self.restart()

    def restart(self) -> None:
        """A new process: only the card is as it was."""
        with suppress(AttributeError):
            self.connection.close()
        self.connection = store.open_card(self.folder)
        self.outbox = Outbox(self.connection, office=OFFICE, terminal=self.name, signer=keys.signer(self.device))
        self.shelf = Shelf(Gallery.empty(ENGINE.engine_id), self.card)
        door = ReleaseDoor(
            check=self.check, keep=lambda blob: keep_set(self.folder, blob), kept=lambda: kept_set(self.folder)
        )
        self.shelf.take_kept(door)
        self.received = ReceivedSets(door, self._put)
        self.received.remember()

    def check(self, blob: bytes, newer_than: int) -> EncodingSet:
        return open_set(
            blob,
            trusted=self.trusted,
            office=OFFICE,
            engine_id=ENGINE.engine_id,
            newer_than=newer_than,
            reader=self.device,
        )

    def _put(self, content: EncodingSet) -> None:
        if self.crash_on_set:
            raise Crash
        self.shelf.put(content)

    def _use(self, new: NewEnrolment) -> None:
        if self.crash_in_use:
            raise Crash
        self.shelf.enrolled(new)

    def enrol(self, new: NewEnrolment, at: datetime) -> None:
        """It is kept, and thanked for."""
        Enrolments(card=self.card, key_file=self.key_file, put_to_use=self._use).keep(
            self.outbox, new, clock=ClockQuality.SYNCED, now=Reading(at=at, boottime_ns=1)
        )

    def knows(self, new: NewEnrolment) -> bool:
        """Whether the face of that enrolment is in the gallery in use."""
        here = self.templates(new.employee)
        return all((here @ np.frombuffer(each.vector, "<f4")).max(initial=0) > 0.9999 for each in new.templates)

    def templates(self, number: str) -> np.ndarray:
        """The person's templates in use, as rows; their norms are set right to the last bit."""
        gallery = self.shelf.gallery()
        return gallery.matrix[[row for row, owner in enumerate(gallery.owners) if owner == number]]

    def set_kept(self) -> EncodingSet | None:
        blob = kept_set(self.folder)
        if blob is not None and blob != self.looked_at[0]:
            self.looked_at = (blob, self.check(blob, -1))
        return self.looked_at[1]
