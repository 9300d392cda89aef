"""B7 at the centre: what a kiosk enrolled is compared, taken or refused whole, and told with the next set."""

import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

import config
from demo import broker
from enroll import approval
from enroll.command import enroll
from enroll.release.publish import publish
from sync import chain, keys, releases
from sync.enrolment_box import boxed
from sync.keyring import Keyring
from sync.messages import ClockQuality, EnrolmentNote, Ground, PadVerdict, SealedEnrolment, SealedTemplate, encode
from sync.register import Register, consents, enrolment, enrolments, intake, people, sets
from sync.register.arrivals import Arrival, arrival
from sync.register.enrolments import EnrolmentUnknown, KioskEnrolment, State
from sync.verify import verify
from sync.verify_sources import open_source
from tests.enroll.conftest import vector_of
from tests.enroll.enrolling_kiosk import ADMINISTRATOR, BEGIN, ENGINE, MINUTE, STAFF, import_photos

DEVICE = keys.signer(keys.PrivateKey.from_private_bytes(b"k" * 32))


class Centre:
    """A register with an administrator and three people of `demo`, and one kiosk's chain that comes in."""

    def __init__(self, settings: config.Config) -> None:
        keys.new_centre_keys(settings.centre.keys)
        self.settings = settings
        self.sealing_key = keys.load_sealing(settings.centre.keys / "enrolment.pub")
        self.before, self.seq = chain.GENESIS, 0
        with self.register() as register:
            for number in (ADMINISTRATOR, *STAFF):
                import_photos(register, number, look=0, at=BEGIN - MINUTE)
            enrolment.set_administrator(register, ADMINISTRATOR, True)

    def register(self) -> Register:
        return Register.open(self.settings.centre.register, self.settings.centre.keys)

    def note(
        self,
        number: str,
        *,
        at: datetime = BEGIN,
        id_: str | None = None,
        face: str | None = None,
        look: int = 1,
        basis: Ground = Ground.CONSENT,
        pin: str | None = "$argon2id$of-a-kiosk",
        by: str = ADMINISTRATOR,
        clock: ClockQuality = ClockQuality.SYNCED,
        **more: object,
    ) -> Arrival:
        """Return the next entry of the kiosk: an enrolment of `number` with the face of `face`, by default theirs."""
        self.seq += 1
        vector = vector_of(int(face or number), look).astype("<f4").tobytes()
        template = SealedTemplate(look="", samples=3, vector=vector)
        content = SealedEnrolment(templates=() if basis is Ground.NO_FACE else (template,), pin_hash=pin)
        values: dict[str, object] = {
            "terminal": "lobby-1", "epoch": "e" * 32, "seq": self.seq, "office": "demo", "prev_hash": self.before,
            "clock": clock, "recorded_at": at, "boot_id": "b" * 32, "boottime_ns": self.seq,
            "id": id_ or f"{self.seq:032x}", "administrator": by, "employee": number, "basis": basis,
            "text_version": "2026-03-02", "language": "id", "decided_at": at, "engine_id": ENGINE.engine_id,
            "sealed": boxed(content, self.sealing_key),
        }  # fmt: skip
        payload = chain.seal(encode(EnrolmentNote(**{**values, **more})), DEVICE.sign)  # type: ignore[arg-type]
        self.before = chain.digest(payload).hex()
        return arrival(payload, at + MINUTE)

    def comes(self, number: str, **how: object) -> str:
        """An enrolment comes in; return its id."""
        come = self.note(number, **how)  # type: ignore[arg-type]
        with self.register() as register:
            intake.take(register, events=[come, come])
        assert isinstance(come.entry, EnrolmentNote)
        return come.entry.id

    def approve(self, id_: str) -> KioskEnrolment:
        return approval.approve(self.settings, id_, by="tester", engine=ENGINE).enrolment

    def sources(self, number: str) -> list[tuple[str, bytes]]:
        with self.register() as register:
            found = people.templates_of(register, ENGINE.engine_id)
        return [(template.source, template.vector) for owner, template in found if owner == number]

    def all(self) -> dict[str, KioskEnrolment]:
        with self.register() as register:
            return {each.id: each for each in enrolments.list_enrolments(register)}


@pytest.fixture
def centre(settings: config.Config) -> Centre:
    return Centre(config.replace(settings, mqtt={"port": broker.free_port()}))


def test_b7_an_approved_enrolment_is_in_the_register_with_its_consent_and_in_the_next_set(
    centre: Centre, approve: Callable[..., keys.PrivateKey]
) -> None:
    own = approve(centre.settings)
    id_ = centre.comes("101")
    assert [each.id for each in approval.pending(centre.settings, "demo")] == [id_]
    assert approval.pending(centre.settings, "north") == []
    done = centre.approve(id_)
    assert (done.state, done.decided_by, done.why, done.sealed) == (State.APPROVED, "tester", "", None)
    wanted = vector_of(101, 1).astype("<f4").tobytes()
    assert ("kiosk", wanted) in centre.sources("101")
    with centre.register() as register:
        basis = consents.basis_of(register, "101")
        assert basis is not None
        assert (basis.given_at, basis.desk) == (BEGIN, "kiosk lobby-1, 900")
    report = publish(centre.settings, "demo", engine=ENGINE, broker_wait_s=0)
    content = releases.open_set(
        report.file.read_bytes(),
        trusted=keys.load_public(centre.settings.terminal.release_key),
        office="demo",
        engine_id="painted",
        newer_than=0,
        reader=own,
    )
    assert content.decided == (id_,)
    (person,) = (person for person in content.people if person.employee == "101")
    assert wanted in person.templates


def test_b7_the_chain_with_enrolments_in_it_is_whole_in_the_register(centre: Centre) -> None:
    centre.comes("101")
    centre.approve(centre.comes("102"))
    ring = Keyring([("demo", "lobby-1", DEVICE.public)])
    with open_source(str(centre.settings.centre.register), ring) as source:
        report = verify(source)
    assert (report.entries, report.bad) == (2, ())
    with centre.register() as register, register.write() as connection:
        connection.exec_driver_sql("UPDATE events SET employee = '103' WHERE seq = 2")
    with open_source(str(centre.settings.centre.register), ring) as source:
        assert [bad.seq for bad in verify(source).bad] == [2], "the columns are part of what is looked at"


def test_b7_it_is_decided_once(centre: Centre) -> None:
    id_ = centre.comes("101")
    approval.refuse(centre.settings, id_, why="the photo is of the wrong person", by="tester")
    again = centre.approve(id_)
    assert (again.state, again.why) == (State.REFUSED, "the photo is of the wrong person")
    assert [source for source, _ in centre.sources("101")] == ["photos"]
    with pytest.raises(EnrolmentUnknown):
        centre.approve("f" * 32)


def test_b7_recorded_again_by_a_card_that_forked_it_waits_once(centre: Centre) -> None:
    id_ = centre.comes("101")
    centre.before, centre.seq = chain.GENESIS, 0
    centre.comes("101", id_=id_, epoch="f" * 32, moved_from=("e" * 32, 1))
    assert list(centre.all()) == [id_]
    assert centre.approve(id_).state is State.APPROVED


def test_b7_the_same_face_under_another_number_is_refused_with_the_reason(centre: Centre) -> None:
    done = centre.approve(centre.comes("101", face="102"))
    assert done.state is State.REFUSED
    assert "the same face is enrolled as 102" in str(done.why)
    assert [source for source, _ in centre.sources("101")] == ["photos"]


def test_b7_one_face_under_two_numbers_at_two_kiosks_is_approved_once(centre: Centre) -> None:
    with centre.register() as register:
        for number in ("201", "202"):
            enrolment.upsert_employee(register, number=number, name="Pegawai baru", office="demo", at=BEGIN)
    centre.comes("201", face="150")
    centre.comes("202", face="150", at=BEGIN + MINUTE, look=2)
    done = approval.approve_all(centre.settings, by="tester", engine=ENGINE)
    assert [each.enrolment.state for each in done] == [State.APPROVED, State.REFUSED]
    assert "enrolled as 201" in str(done[1].enrolment.why)


@pytest.mark.parametrize("first", [0, 1])
def test_b7_of_two_the_later_made_wins_whichever_is_decided_first(centre: Centre, first: int) -> None:
    ids = [centre.comes("101", at=BEGIN + minute * MINUTE, look=minute + 1) for minute in range(2)]
    for at in (first, 1 - first):
        centre.approve(ids[at])
    assert ("kiosk", vector_of(101, 2).astype("<f4").tobytes()) in centre.sources("101")
    assert ("kiosk", vector_of(101, 1).astype("<f4").tobytes()) not in centre.sources("101")
    assert centre.all()[ids[1]].state is State.APPROVED
    if first == 1:
        assert "was made later" in str(centre.all()[ids[0]].why)


def test_b7_a_leaver_stays_gone(centre: Centre) -> None:
    waiting, late = centre.comes("101"), centre.note("101", at=BEGIN + MINUTE)
    with centre.register() as register:
        enrolment.withdraw(register, "101", at=BEGIN + timedelta(minutes=5))
        intake.take(register, events=[late])
    assert centre.all()[waiting].state is State.REFUSED, "with the withdrawal"
    (waits,) = approval.pending(centre.settings)
    assert centre.approve(waits.id).state is State.REFUSED
    early = centre.note("101", at=BEGIN + timedelta(minutes=6))
    with centre.register() as register:
        import_photos(register, "101", look=3, at=BEGIN + timedelta(minutes=9), again=True)
        intake.take(register, events=[early])
    (waits,) = approval.pending(centre.settings)
    assert centre.approve(waits.id).state is State.REFUSED, "it was made before they came back"
    assert [source for source, _ in centre.sources("101")] == ["photos"]
    assert centre.approve(centre.comes("101", at=BEGIN + timedelta(minutes=10))).state is State.APPROVED


def test_b7_who_withdrew_the_face_gets_a_pin_from_a_kiosk_but_no_older_face(centre: Centre) -> None:
    face, pin = centre.comes("101"), centre.comes("101", basis=Ground.NO_FACE, pin="$argon2id$pin-only")
    with centre.register() as register:
        enrolment.withdraw_face(register, "101", at=BEGIN + MINUTE)
    assert centre.all()[face].state is State.REFUSED
    assert centre.approve(pin).state is State.APPROVED
    assert centre.sources("101") == []


def test_b7_a_face_that_only_a_kiosk_has_is_withdrawn_there_too(centre: Centre) -> None:
    with centre.register() as register:
        enrolment.withdraw_face(register, "101", at=BEGIN - MINUTE / 2)
        at = BEGIN + 2 * MINUTE
    centre.comes("101")
    with centre.register() as register:
        enrolment.withdraw_face(register, "101", at=at)
        content = sets.build_set(register, office="demo", engine_id="painted", dimension=64, at=at + MINUTE)
    (person,) = (person for person in content.people if person.employee == "101")
    assert (person.templates, person.withdrawn_at) == ((), at)


def test_b7_somebody_of_another_office_or_nobody_is_refused(centre: Centre) -> None:
    assert "777" in str(centre.approve(centre.comes("777")).why)
    with centre.register() as register:
        enrolment.upsert_employee(register, number="102", name=None, office="north", at=BEGIN, move=True)
    assert "belongs to office north" in str(centre.approve(centre.comes("102")).why)
    assert all(each.state is State.REFUSED for each in centre.all().values())


def test_b7_a_pin_that_was_set_since_stays(centre: Centre) -> None:
    id_ = centre.comes("101")
    with centre.register() as register:
        enrolment.set_pin(register, "101", "$argon2id$newer", at=BEGIN + MINUTE)
    centre.approve(id_)
    assert _pin(centre, "101") == "$argon2id$newer"
    centre.approve(centre.comes("101", at=BEGIN + 2 * MINUTE))
    assert _pin(centre, "101") == "$argon2id$of-a-kiosk"


def _pin(centre: Centre, number: str) -> str | None:
    with centre.register() as register:
        content = sets.build_set(register, office="demo", engine_id="painted", dimension=64, at=datetime.now(UTC))
    return next(person.pin for person in content.people if person.employee == number)


def test_b7_without_a_clock_it_was_made_when_the_centre_had_it(centre: Centre) -> None:
    id_ = centre.comes("101", clock=ClockQuality.UNSYNCED, at=BEGIN)
    assert centre.all()[id_].made_at == BEGIN + MINUTE
    ahead = centre.note("102", at=BEGIN + timedelta(days=3650))
    with centre.register() as register:
        intake.take(register, events=[msgspec.structs.replace(ahead, received_at=BEGIN + 2 * MINUTE)])
    (made,) = (each.made_at for each in centre.all().values() if each.employee == "102")
    assert made == BEGIN + 2 * MINUTE, "a clock that is ahead wins nothing"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (SealedEnrolment(), "not what its basis asks for"),
        (SealedEnrolment(templates=(SealedTemplate(look="", samples=1, vector=b"\0" * 256),)), "not of unit norm"),
        (SealedEnrolment(templates=(SealedTemplate(look="", samples=1, vector=b"\0" * 12),)), "has 12 bytes"),
        (SealedEnrolment(templates=(SealedTemplate(look="<b>", samples=1, vector=b"\0" * 256),)), "name of a look"),
        (SealedEnrolment(pin_hash="274913"), "not what its basis asks for"),
    ],
)
def test_b7_what_is_no_enrolment_is_refused_with_the_reason(centre: Centre, content: SealedEnrolment, why: str) -> None:
    done = centre.approve(centre.comes("101", sealed=boxed(content, centre.sealing_key)))
    assert done.state is State.REFUSED
    assert why in str(done.why)


def test_b7_what_cannot_be_opened_here_or_is_of_another_engine_waits(centre: Centre) -> None:
    other = keys.load_sealing(centre.settings.centre.keys / "evidence.pub")
    vector = vector_of(101, 1).astype("<f4").tobytes()
    content = SealedEnrolment(templates=(SealedTemplate(look="", samples=1, vector=vector),))
    for how, why in (
        ({"sealed": boxed(content, other)}, "cannot be opened with enrolment.key"),
        ({"engine_id": "dlib"}, "made with engine dlib"),
    ):
        left = approval.approve(centre.settings, centre.comes("101", **how), by="tester", engine=ENGINE)
        assert left.enrolment.state is State.PENDING
        assert why in left.left
    assert [source for source, _ in centre.sources("101")] == ["photos"]


def test_b7_at_once_whoever_publishes_approves_first_what_an_administrator_made(
    centre: Centre, approve: Callable[..., keys.PrivateKey]
) -> None:
    approve(centre.settings)
    mine, strange = centre.comes("101"), centre.comes("102", by="103")
    publish(centre.settings, "demo", engine=ENGINE, broker_wait_s=0)
    assert centre.all()[mine].state is State.PENDING, "by hand is what is done by default"
    at_once = config.replace(centre.settings, centre={"approve": "at_once"})
    publish(at_once, "demo", engine=ENGINE, broker_wait_s=0)
    assert (centre.all()[mine].state, centre.all()[mine].decided_by) == (State.APPROVED, "at once")
    assert centre.all()[strange].state is State.PENDING


def test_f3_at_once_leaves_waiting_whom_the_kiosk_could_not_tell_to_be_there(
    centre: Centre, approve: Callable[..., keys.PrivateKey]
) -> None:
    approve(centre.settings)
    there = centre.comes("101", pad=PadVerdict.BONA_FIDE)
    unsure = centre.comes("102", pad=PadVerdict.UNDECIDED)
    at_once = config.replace(centre.settings, centre={"approve": "at_once"})
    publish(at_once, "demo", engine=ENGINE, broker_wait_s=0)
    decided = centre.all()
    assert decided[there].state is State.APPROVED, "a control: whoever was there is taken at once"
    assert (decided[unsure].state, decided[unsure].pad) == (State.PENDING, PadVerdict.UNDECIDED)
    assert centre.approve(unsure).state is State.APPROVED, "by hand, by whoever has looked"


def test_f3_whoever_approves_is_told_whether_the_kiosk_saw_them_in_person(
    centre: Centre, typed: Callable[..., Result]
) -> None:
    centre.comes("101", pad=PadVerdict.BONA_FIDE)
    centre.comes("102", pad=PadVerdict.UNDECIDED)
    centre.comes("103", basis=Ground.NO_FACE)
    there, unsure, faceless = typed("pending").output.splitlines()
    assert there.endswith("2026-03-02 07:00, seen to be there in person")
    assert unsure.endswith("NOT KNOWN TO HAVE BEEN THERE IN PERSON: ask who enrolled them")
    assert faceless.endswith("no_face, 2026-03-02 07:00")


def test_f3_a_kiosk_that_says_it_enrolled_an_attack_is_not_believed(centre: Centre) -> None:
    with pytest.raises(ValueError, match="no person"):
        centre.note("101", pad=PadVerdict.ATTACK)


@pytest.fixture
def typed(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(approval, "identity_of", lambda _: ENGINE)
    return lambda *words: CliRunner().invoke(enroll, words, obj=lambda: centre.settings)


def test_b7_the_commands_say_what_waits_and_what_became_of_it(centre: Centre, typed: Callable[..., Result]) -> None:
    assert typed("pending").output == "No enrolment of a kiosk waits for a decision.\n"
    good, bad, third = centre.comes("101"), centre.comes("102", face="103"), centre.comes("103")
    said = typed("pending", "--office", "demo").output.splitlines()
    about = f"{good}  employee 101, by 900 on lobby-1 of demo, consent, 2026-03-02 07:00"
    assert said[0] == f"{about}, not checked for being there in person"
    refused = typed("refuse", third, "--why", "twice")
    assert refused.output.splitlines()[-1] == "Publish demo so that its kiosks forget it."
    done = typed("approve", "--all")
    assert done.exit_code == 1, "one was refused"
    assert f"{good}  employee 101, by 900 on lobby-1 of demo, consent: approved" in done.output
    assert f"{bad}  employee 102, by 900 on lobby-1 of demo, consent: refused - the same face" in done.output
    assert done.output.splitlines()[-1] == "Publish so that the kiosks hear of it: demo."
    assert typed("approve").exit_code == 2
    assert typed("refuse", good, "--why", "late").exit_code == 1


def test_b7_many_decided_ones_are_told_the_newest_and_not_for_ever(centre: Centre) -> None:
    id_ = centre.comes("101")
    centre.approve(id_)
    with centre.register() as register:
        for days, wanted in ((0, (id_,)), (119, (id_,)), (121, ())):
            content = sets.build_set(
                register,
                office="demo",
                engine_id="painted",
                dimension=64,
                at=datetime.now(UTC) + timedelta(days=days),
            )
            assert content.decided == wanted


def test_b7_what_nobody_can_compare_is_seen(centre: Centre) -> None:
    nan = np.full(64, np.nan, "<f4").tobytes()
    content = SealedEnrolment(templates=(SealedTemplate(look="", samples=1, vector=nan),))
    done = centre.approve(centre.comes("101", sealed=boxed(content, centre.sealing_key)))
    assert "not finite" in str(done.why)


def test_b7_the_commands_of_the_page_do_what_it_says(
    centre: Centre, typed: Callable[..., Result], project: Path
) -> None:
    page = (project / "docs" / "enrolment.md").read_text()
    section = page.split("## At the kiosk: from provisional to approved\n")[1].split("\n## ")[0]
    lines = section.split("```sh\n")[1].split("```")[0].splitlines()
    first, last = centre.comes("101"), centre.comes("102")
    centre.comes("103")
    said = []
    for line in lines:
        words = shlex.split(line.replace("ID", last if "refuse" in line else first))
        assert words[:2] == ["./hadir", "enroll"]
        if words[2:4] == ["approve", "--all"]:
            approval.refuse(centre.settings, last, why="so that it is there to be refused", by="tester")
        said.append(typed(*words[2:]).output)
    assert [text.count("approved") for text in said[1:3]] == [1, 1]
    assert f"{last}" in said[3]
    assert approval.pending(centre.settings) == []
