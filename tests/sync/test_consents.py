"""On what basis a face is kept: recorded once, never overwritten, taken back with the enrolment."""

from datetime import UTC, datetime, timedelta

import pytest

from sync.register import Register, enrolment, people
from sync.register.consents import Basis, Consent, consent_of, record_consent, withdraw_consent
from sync.register.people_schema import PersonRefused, consents

NOW = datetime(2026, 3, 2, 1, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


def enrol(register: Register, number: str = "1001", *, again: bool = False) -> None:
    enrolment.upsert_employee(register, number=number, name="Pegawai", office="demo", at=NOW, again=again)


def agree(register: Register, number: str = "1001", at: datetime = NOW, **changes: str) -> Consent:
    wanted: dict[str, str] = {"text_version": "2026-03-01", "desk": "lobby-1", **changes}
    basis = Basis(wanted.pop("basis", "consent"))
    return record_consent(register, number, basis=basis, given_at=at, **wanted)


def test_a_consent_is_kept_with_the_texts_version_the_moment_and_the_place(register: Register) -> None:
    enrol(register)
    assert consent_of(register, "1001") is None
    agree(register)
    kept = consent_of(register, "1001")
    assert kept == Consent(
        employee="1001", basis=Basis.CONSENT, text_version="2026-03-01", given_at=NOW, desk="lobby-1"
    )
    assert consent_of(register, "1002") is None


def test_a_consent_written_again_is_there_once(register: Register) -> None:
    enrol(register)
    assert agree(register) == agree(register)
    with pytest.raises(PersonRefused, match="another basis of that very moment"):
        agree(register, basis="public_duty")
    assert consent_of(register, "1001") == agree(register)


def test_the_newest_basis_counts_and_the_older_stay(register: Register) -> None:
    enrol(register)
    agree(register, at=LATER, basis="public_duty")
    agree(register, at=NOW)
    newest = consent_of(register, "1001")
    assert newest is not None
    assert (newest.basis, newest.given_at) == (Basis.PUBLIC_DUTY, LATER)
    with register.read() as connection:
        assert len(connection.execute(consents.select()).all()) == 2


def test_a_consent_taken_back_keeps_its_first_moment(register: Register) -> None:
    enrol(register)
    assert withdraw_consent(register, "1001", at=NOW) is None
    agree(register)
    taken_back = withdraw_consent(register, "1001", at=LATER)
    assert taken_back is not None
    assert taken_back.withdrawn_at == LATER
    assert withdraw_consent(register, "1001", at=LATER + timedelta(days=1)) == taken_back
    with pytest.raises(PersonRefused, match="no employee 9"):
        withdraw_consent(register, "9", at=NOW)


def test_withdrawing_the_enrolment_takes_the_consent_back_and_another_persons_stays(register: Register) -> None:
    for number in ("1001", "1002"):
        enrol(register, number)
        agree(register, number)
    enrolment.withdraw(register, "1001", at=LATER)
    moments = [(found := consent_of(register, number)) and found.withdrawn_at for number in ("1001", "1002")]
    assert moments == [LATER, None]


def test_who_comes_back_agrees_anew(register: Register) -> None:
    enrol(register)
    agree(register)
    enrolment.withdraw(register, "1001", at=LATER)
    with pytest.raises(PersonRefused, match="was withdrawn on"):
        agree(register, at=LATER)
    enrol(register, again=True)
    before = consent_of(register, "1001")
    assert before is not None
    assert before.withdrawn_at == LATER, "the old word does not come back with the person"
    agree(register, at=LATER + timedelta(hours=1))
    anew = consent_of(register, "1001")
    assert anew is not None
    assert anew.withdrawn_at is None


@pytest.mark.parametrize(
    "changes",
    [{"text_version": ""}, {"text_version": "x" * 41}, {"text_version": "a\nb"}, {"desk": ""}, {"desk": "d" * 81},
     {"desk": "a\x00b"}],
)  # fmt: skip
def test_a_version_or_desk_that_cannot_be_one_is_refused(register: Register, changes: dict[str, str]) -> None:
    enrol(register)
    with pytest.raises(PersonRefused):
        agree(register, "1001", NOW, **changes)
    assert consent_of(register, "1001") is None


def test_nobody_unknown_agrees_to_anything(register: Register) -> None:
    with pytest.raises(PersonRefused, match="no employee 1001"):
        agree(register)
    assert people.find_employee(register, "1001") is None
