"""Who resembles whom: found in any office, carried by the set, and never told apart silently (F2)."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import config
from enroll.command import enroll
from enroll.release import lookalikes
from enroll.release.lookalikes import Pair, alike, audit, with_lookalikes
from enroll.release.publish import changes_between, publish
from sync import keys, releases
from sync.register import Register, consents, enrolment, sets
from sync.register.people import Template
from sync.releases import EncodingSet, Person, open_set, sign_set
from terminal.faces import Identity, Vector, engine_id_of
from terminal.gallery import Gallery
from terminal.matching import GalleryTooLarge, Outcome, Policy, identify

DIMENSION = 64
AT = datetime(2026, 3, 2, tzinfo=UTC)
POLICY = Policy(threshold=0.5, margin=0.08)
PAINTED = Identity(engine_id="painted", dimension=DIMENSION)


def looks(seed: int) -> Vector:
    vector = np.random.default_rng(seed).standard_normal(DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def like(one: Vector, score: float, seed: int, *, dimension: int = DIMENSION) -> Vector:
    """Return a unit vector that scores exactly `score` with `one`."""
    across = np.random.default_rng(seed).standard_normal(dimension)
    across -= (across @ one) * one
    across /= np.linalg.norm(across)
    return np.asarray(score * one + np.sqrt(1 - score**2) * across, np.float32)


def set_of(people: dict[str, list[Vector]]) -> EncodingSet:
    return EncodingSet(
        office="demo",
        version=1,
        engine_id="painted",
        dimension=DIMENSION,
        created_at=AT,
        people=tuple(
            Person(employee=number, name=number, templates=tuple(vector.astype("<f4").tobytes() for vector in vectors))
            for number, vectors in people.items()
        ),
    )


def test_a_pair_is_found_by_its_best_templates_and_nobody_is_their_own_lookalike() -> None:
    one = looks(1)
    pairs = alike(
        set_of({"1": [looks(2), one], "2": [looks(3)], "3": [like(one, 0.46, 4), like(one, 0.7, 5)], "4": []}),
        at_least=0.42,
    )
    assert pairs == (Pair(first="1", second="3", score=pytest.approx(0.7, abs=1e-4)),)  # type: ignore[arg-type]
    assert alike(set_of({"1": [one, one]}), at_least=0.1) == ()
    assert alike(set_of({}), at_least=0.1) == ()


def test_blocks_find_what_comparing_everybody_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    people = {str(n): [looks(100 + n * 5 + k) for k in range(int(rng.integers(0, 4)))] for n in range(60)}
    content = set_of(people)
    expected = {
        (a, b)
        for at, (a, of_a) in enumerate(people.items())
        for b, of_b in list(people.items())[at + 1 :]
        if any(float(x @ y) >= 0.25 for x in of_a for y in of_b)
    }
    assert expected
    for rows, columns in ((1024, 8192), (7, 5), (1, 1)):
        monkeypatch.setattr(lookalikes, "_ROWS", rows)
        monkeypatch.setattr(lookalikes, "_COLUMNS", columns)
        assert {(pair.first, pair.second) for pair in alike(content, at_least=0.25)} == expected


@given(likeness=st.floats(0.421, 0.999), lean=st.floats(0, 1), closeness=st.floats(0.3, 1), seed=st.integers(0, 10**6))
def test_synthetic_pairs_inside_the_margin_are_asked_for_the_pin_always(
    likeness: float, lean: float, closeness: float, seed: int
) -> None:
    """F2: whatever face comes, between two look-alikes it is named only with twice the lead, well above the threshold,
    and never where the two templates match each other."""
    one = looks(seed)
    other = like(one, likeness, seed + 1)
    content, pairs = with_lookalikes(set_of({"1": [one], "2": [other], "3": [looks(seed + 2)]}), POLICY)
    assert ("1", "2") in {(pair.first, pair.second) for pair in pairs}
    middle = (lean * one + (1 - lean) * other).astype(np.float64)
    face = like(np.asarray(middle / np.linalg.norm(middle), np.float32), closeness, seed + 3)
    found = identify(face, Gallery.from_set(content), POLICY)
    scores = sorted((float(face @ one), float(face @ other)))
    if scores[1] >= POLICY.threshold + 1e-6 and scores[1] - scores[0] < 2 * POLICY.margin - 1e-6:
        assert found.outcome is Outcome.AMBIGUOUS
    if likeness >= POLICY.threshold and scores[1] >= POLICY.threshold + 1e-6:
        assert found.outcome is Outcome.AMBIGUOUS
    if found.outcome is Outcome.MATCH and found.employee in ("1", "2"):
        assert found.score is not None
        assert found.score >= POLICY.threshold + POLICY.margin


def test_a_lookalike_below_the_threshold_is_named_by_a_clear_picture_only() -> None:
    one = looks(1)
    people = {"1": [one], "2": [like(one, 0.45, 2)]}
    gallery = Gallery.from_set(with_lookalikes(set_of(people), POLICY)[0])
    assert identify(like(one, 0.55, 9), Gallery.from_set(set_of(people)), POLICY).outcome is Outcome.MATCH
    assert identify(like(one, 0.55, 9), gallery, POLICY).outcome is Outcome.AMBIGUOUS
    clear = identify(like(one, 0.9, 9), gallery, POLICY)
    assert (clear.outcome, clear.employee, clear.threshold) == (Outcome.MATCH, "1", pytest.approx(0.58))
    assert identify(like(one, 0.45, 9), gallery, POLICY).outcome is Outcome.NO_MATCH


def test_the_set_carries_lookalikes_both_ways_and_kiosks_that_know_none_read_it(settings: config.Config) -> None:
    one = looks(1)
    content, _ = with_lookalikes(set_of({"1": [one], "2": [like(one, 0.6, 2)], "3": [looks(4)]}), POLICY)
    key = keys.load_private(settings.centre.keys / keys.PRIVATE_NAME)
    blob = sign_set(content, key)
    again = open_set(blob, trusted=key.public_key(), office="demo", engine_id=None, newer_than=0)
    assert again == content
    assert [[other.employee for other in person.resembles] for person in again.people] == [["2"], ["1"], []]
    plain = set_of({"1": [one]})
    assert b"resembles" not in sign_set(plain, key)
    assert changes_between(set_of({"1": [one], "2": [like(one, 0.6, 2)], "3": [looks(4)]}), content).changed == 0


def agreed(register: Register, number: str) -> None:
    consents.record_consent(
        register, number, basis=consents.Basis.PUBLIC_DUTY, text_version="1", given_at=AT, desk="a test"
    )


def enrolled(settings: config.Config, people: dict[str, Vector], *, office: str = "demo") -> None:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        for number, vector in people.items():
            template = Template(
                engine_id="painted", vector=vector.astype("<f4").tobytes(), samples=3, source="photos", made_at=AT
            )
            enrolment.upsert_employee(
                register, number=number, name=f"Name {number}", office=office, at=AT, template=template
            )
            agreed(register, number)


def test_publishing_marks_lookalikes_and_the_command_names_them(
    settings: config.Config, approve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, own = looks(1), approve(settings)
    enrolled(settings, {"1001": one, "1002": like(one, 0.7, 2), "1003": looks(3)})
    enrolled(settings, {"2001": like(one, 0.9, 7)}, office="other")  # no kiosk knows both
    with caplog.at_level("INFO"):
        report = publish(settings, "demo", engine=PAINTED, broker_wait_s=0)
    assert report.lookalikes == 1
    trusted = keys.load_public(settings.terminal.release_key)
    content = releases.open_set(
        report.file.read_bytes(), trusted=trusted, office="demo", engine_id=None, newer_than=0, reader=own
    )
    assert {person.employee: [other.employee for other in person.resembles] for person in content.people} == {
        "1001": ["1002"],
        "1002": ["1001"],
        "1003": [],
    }
    assert "Name" not in caplog.text
    assert "0.7" not in caplog.text
    assert [len(each.pairs) for each in audit(settings, engine=PAINTED)] == [1, 0]
    monkeypatch.setattr("enroll.release.lookalikes.identity_of", lambda engine: PAINTED)
    said = CliRunner().invoke(enroll, ["lookalikes", "--office", "demo", "--json"], obj=lambda: settings)
    assert said.exit_code == 0, said.output
    assert "Name 1001" in said.output
    assert "one person under two numbers?" in said.output
    told = json.loads(said.output.splitlines()[-1])["offices"][0]
    assert (told["office"], told["people"], told["at_least"]) == ("demo", 3, pytest.approx(0.42))
    assert [(pair["first"], pair["second"]) for pair in told["pairs"]] == [("1001", "1002")]


def test_a_set_beyond_the_calibration_is_not_published_and_the_one_before_stays(settings: config.Config) -> None:
    calibrated = Identity(engine_id=engine_id_of(settings.engine), dimension=DIMENSION)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        for seed in range(3):
            template = Template(
                engine_id=calibrated.engine_id,
                vector=looks(seed).astype("<f4").tobytes(),
                samples=3,
                source="photos",
                made_at=AT,
            )
            enrolment.upsert_employee(register, number=f"100{seed}", name="x", office="demo", at=AT, template=template)
            agreed(register, f"100{seed}")
    publish(settings, "demo", engine=calibrated, broker_wait_s=0, force=True)
    strict = config.replace(settings, match={"fpir": 1e-6})
    with pytest.raises(GalleryTooLarge, match="3 templates are more than the 2"):
        publish(strict, "demo", engine=calibrated, broker_wait_s=0, force=True)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        assert [release.version for release in sets.list_releases(register, "demo")] == [1]
