"""A random life of enrolments made on two kiosks beside a centre that imports, withdraws, decides and publishes.

The parts are the real ones: the cards with their outboxes and shelves, sealed sets as files, the register with its
intake and decisions. What lies between them is a list of messages that come late, twice or not at all, and processes
that end anywhere. Time is the life's own: a minute a step.
"""

import random
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import config
from enroll import approval
from enroll.approval import approve_waiting
from sync import keys
from sync.messages import Ack
from sync.register import Register, approvals, enrolment, enrolments, intake, people, sets
from sync.register.arrivals import Reached, arrival
from sync.register.enrolments import State
from sync.register.people_schema import PersonRefused
from sync.releases import seal_set
from terminal.provisional import NewEnrolment
from tests.enroll.conftest import DIMENSION
from tests.enroll.enrolling_kiosk import (
    BEGIN,
    ENGINE,
    MINUTE,
    OFFICE,
    STAFF,
    Crash,
    Kiosk,
    import_photos,
    new_enrolment,
)


@dataclass
class Kept:
    """An enrolment that a kiosk has thanked for."""

    new: NewEnrolment
    kiosk: str
    refused_by_hand: bool = False


@dataclass
class Life:
    """The world of one seed, and what it has to remember to judge it."""

    folder: Path
    settings: config.Config
    seed: int
    now: datetime = BEGIN
    kept: dict[str, Kept] = field(default_factory=dict)
    back_at: dict[str, datetime] = field(default_factory=dict)
    face_gone_at: dict[str, datetime] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    current: bytes | None = None
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.register = Register.open(self.settings.centre.register, self.settings.centre.keys)
        self.release_key = keys.load_private(self.settings.centre.keys / "release.key")
        self.kiosks = {}
        for name in ("lobby-1", "lobby-2"):
            shutil.copytree(self.folder / "card", self.folder / name)
            self.kiosks[name] = Kiosk(self.folder / name, name, self.folder, self.seed)

    def close(self) -> None:
        for kiosk in self.kiosks.values():
            kiosk.connection.close()
        self.register.close()

    def run(self, steps: int) -> None:
        """That many random things happen, and after each the kiosks know whom they have to."""
        self.publish()
        for kiosk in self.kiosks.values():
            self.bring_set(kiosk)
        happenings = (
            (self.enrol, 6), (self.send, 6), (self.approve, 3), (self.approve_all, 1), (self.refuse, 1),
            (self.publish, 4), (self.bring_set_somewhere, 6), (self.withdraw, 1), (self.come_back, 2),
            (self.withdraw_face, 1),
            (self.photos, 1), (self.restart, 2), (self.restart_collector, 1),
        )  # fmt: skip
        for _ in range(steps):
            self.now += MINUTE
            (what,) = self.rng.choices([each for each, _ in happenings], [often for _, often in happenings])
            self.log.append(what.__name__)
            what()
            self.judge_kiosks()

    def settle(self) -> None:
        """Everything is sent, decided, published and brought."""
        self.now += MINUTE
        for kiosk in self.kiosks.values():
            self.send(kiosk, everything=True)
        approve_waiting(self.settings, self.register, office=OFFICE, by="settle", engine=ENGINE)
        self.publish()
        for kiosk in self.kiosks.values():
            self.bring_set(kiosk)

    # --- what happens -----------------------------------------------------------------------------------------------

    def somewhere(self) -> Kiosk:
        return self.kiosks[self.rng.choice(sorted(self.kiosks))]

    def enrol(self) -> None:
        kiosk = self.somewhere()
        there = sorted(set(STAFF) & kiosk.shelf.gallery().people.keys())
        if not there:
            return
        look = self.rng.randrange(1, 10_000)
        id_ = f"{self.rng.getrandbits(128):032x}"
        basis = self.rng.choice(("consent", "consent", "public_duty", "no_face"))
        new = new_enrolment(self.rng.choice(there), id_=id_, at=self.now, look=look, basis=basis)
        crash = self.rng.choice(("", "", "", "in the transaction", "before use"))
        if crash == "in the transaction":
            append = kiosk.outbox._append

            def cut(*given: object) -> None:
                append(*given)  # type: ignore[arg-type]
                raise Crash

            kiosk.outbox._append = cut  # type: ignore[method-assign]
        kiosk.crash_in_use = crash == "before use"
        try:
            kiosk.enrol(new, self.now)
        except Crash:
            kiosk.crash_in_use = False
            kiosk.restart()
            if self.rng.random() < 0.7:  # the administrator does it once more, under the same id
                kiosk.enrol(new, self.now)
            elif crash == "in the transaction":
                return  # nobody was thanked, and nothing is there
        self.kept[id_] = Kept(new=new, kiosk=kiosk.name)
        if self.rng.random() < 0.2:
            kiosk.enrol(new, self.now)

    def send(self, kiosk: Kiosk | None = None, *, everything: bool = False) -> None:
        kiosk = kiosk or self.somewhere()
        waiting = kiosk.outbox.pending(limit=100)
        if not everything:
            waiting = waiting[: self.rng.randrange(len(waiting) + 1)]
            if self.rng.random() < 0.2:
                waiting = waiting + waiting[:1]
        for each in waiting:
            come = arrival(each.payload, self.now)
            added = intake.take(self.register, events=[come])
            reached = added.reached[come.key]
            if everything or self.rng.random() < 0.7:  # else the word of it is lost
                self.acknowledge(kiosk, come.entry.epoch, reached)

    def acknowledge(self, kiosk: Kiosk, epoch: str, reached: Reached) -> None:
        kiosk.outbox.acknowledge(
            Ack(office=OFFICE, terminal=kiosk.name, epoch=epoch, upto=reached.upto, upto_hash=reached.upto_hash)
        )

    def pending(self) -> list[enrolments.KioskEnrolment]:
        return enrolments.list_enrolments(self.register, state=State.PENDING)

    def approve(self) -> None:
        if waiting := self.pending():
            approver = approval._Approver(self.settings, self.register, ENGINE)
            approver.approve(self.rng.choice(waiting), by="somebody")

    def approve_all(self) -> None:
        approve_waiting(self.settings, self.register, office=OFFICE, by="somebody", engine=ENGINE)

    def refuse(self) -> None:
        if waiting := self.pending():
            which = self.rng.choice(waiting)
            approvals.decide(self.register, which.id, at=self.now, by="somebody", brought=None, why="not this one")
            self.kept[which.id].refused_by_hand = True

    def publish(self) -> None:
        content = sets.build_set(
            self.register, office=OFFICE, engine_id=ENGINE.engine_id, dimension=DIMENSION, at=self.now
        )
        readers = [keys.raw(kiosk.device.public_key()) for kiosk in self.kiosks.values()]
        sealed = seal_set(content, self.release_key, readers)
        sets.record_release(self.register, content, sealed.blob)
        self.current = sealed.blob

    def bring_set_somewhere(self) -> None:
        kiosk = self.somewhere()
        kiosk.crash_on_set = self.rng.random() < 0.2
        try:
            self.bring_set(kiosk)
        except Crash:
            kiosk.crash_on_set = False
            kiosk.restart()
        kiosk.crash_on_set = False

    def bring_set(self, kiosk: Kiosk) -> None:
        if self.current is not None:
            kiosk.received.take(self.current)

    def withdraw(self) -> None:
        here = sorted(set(STAFF) - self.gone)
        if here:
            number = self.rng.choice(here)
            enrolment.withdraw(self.register, number, at=self.now)
            self.gone.add(number)

    def withdraw_face(self) -> None:
        here = sorted(set(STAFF) - self.gone)
        if here:
            number = self.rng.choice(here)
            with suppress(PersonRefused):  # there is none
                enrolment.withdraw_face(self.register, number, at=self.now)
                self.face_gone_at[number] = self.now

    def come_back(self) -> None:
        if self.gone:
            number = self.rng.choice(sorted(self.gone))
            import_photos(self.register, number, look=self.rng.randrange(1, 10_000), at=self.now, again=True)
            self.gone.remove(number)
            self.back_at[number] = self.now

    def photos(self) -> None:
        if here := sorted(set(STAFF) - self.gone):
            number = self.rng.choice(here)
            import_photos(self.register, number, look=self.rng.randrange(1, 10_000), at=self.now)

    def restart(self) -> None:
        self.somewhere().restart()

    def restart_collector(self) -> None:
        self.register.close()
        self.register = Register.open(self.settings.centre.register, self.settings.centre.keys)

    # --- what must be -----------------------------------------------------------------------------------------------

    def judge_kiosks(self) -> None:
        """Each kiosk knows the newest of what was enrolled on it until its set tells of the decision; and no leaver."""
        for kiosk in self.kiosks.values():
            content = kiosk.set_kept()
            assert content is not None
            here = {person.employee: person for person in content.people}
            assert set(kiosk.shelf.gallery().owners) <= here.keys(), f"{kiosk.name} knows somebody who has left"
            newest: dict[str, NewEnrolment] = {}
            for each in self.kept.values():
                person = here.get(each.new.employee)
                withdrawn_at = person.withdrawn_at if person is not None else None
                void = bool(each.new.templates) and withdrawn_at is not None and each.new.decided_at <= withdrawn_at
                assert not (void and kiosk.knows(each.new)), f"{kiosk.name} knows a face that was withdrawn"
                if each.kiosk == kiosk.name and each.new.id not in content.decided and not void:
                    newest[each.new.employee] = each.new
            for new in newest.values():
                assert new.employee not in here or kiosk.knows(new), f"{kiosk.name} does not know whom it enrolled"

    def winner(self, number: str) -> NewEnrolment | None:
        """Return whose enrolment of the person holds in the end, by what happened alone."""
        since = self.back_at.get(number, BEGIN - MINUTE)
        mine = [each.new for each in self.kept.values() if each.new.employee == number and not each.refused_by_hand]
        face_since = max(since, self.face_gone_at.get(number, since))
        holding = [new for new in mine if new.decided_at > (face_since if new.templates else since)]
        return max(holding, key=lambda new: (new.decided_at, new.id), default=None)

    def judge(self) -> None:
        """Nothing was lost, nobody came back who had left, and register and kiosks hold what holds."""
        there = {each.id: each for each in enrolments.list_enrolments(self.register)}
        assert there.keys() == self.kept.keys(), "an enrolment was lost, or came from nowhere"
        assert all(each.state is not State.PENDING and each.decided_by for each in there.values())
        by_number = _templates(self.register)
        for number in STAFF:
            own = by_number.get(number, {})
            if number in self.gone:
                left = people.find_employee(self.register, number)
                assert left is not None
                assert not own, f"{number} has left and is back"
                assert not left.has_pin, f"{number} has left and is back, by PIN"
                assert not any(len(kiosk.templates(number)) for kiosk in self.kiosks.values())
                continue
            winner = self.winner(number)
            wanted = {each.vector for each in winner.templates} if winner is not None else set()
            assert own.get("kiosk", set()) == wanted, f"another enrolment of {number} won"
            everything = set().union(*own.values())
            for kiosk in self.kiosks.values():
                assert len(kiosk.templates(number)) == len(everything), f"{kiosk.name} has other faces than its set"
                assert kiosk.card.waiting() == (), f"{kiosk.name} keeps what was decided about"


def _templates(register: Register) -> dict[str, dict[str, set[bytes]]]:
    found: dict[str, dict[str, set[bytes]]] = {}
    for number, template in people.templates_of(register, ENGINE.engine_id):
        found.setdefault(number, {}).setdefault(template.source, set()).add(template.vector)
    return found


def live(prepared_in: Path, folder: Path, settings: config.Config, seed: int, *, steps: int = 15) -> Life:
    """Return the life of that seed, lived, settled and judged; raises AssertionError with its steps where it fails."""
    shutil.copytree(prepared_in, folder, dirs_exist_ok=True)
    life = Life(folder=folder, settings=settings, seed=seed)
    try:
        life.run(steps)
        life.settle()
        life.judge_kiosks()
        life.judge()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}; {' '.join(life.log)}") from error
    finally:
        life.close()
        shutil.rmtree(folder)
    return life
