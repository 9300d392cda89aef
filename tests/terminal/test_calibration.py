"""Thresholds by the size of the gallery: monotone, bounded, from a file that was made and not typed in."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from enroll.evaluate.tail import Tail
from sync import keys
from sync.received_sets import ReceivedSets
from sync.releases import EncodingSet, Person, ReleaseRefused, kept_set, sign_set
from terminal.calibration import (
    FOLDER,
    TOO_MANY,
    Calibration,
    NotCalibrated,
    calibrated,
    calibration_of,
    check_size,
    policy_for,
    read_calibration,
    suspect_score,
)
from terminal.faces import engine_id_of
from terminal.matching import GalleryTooLarge, Outcome, Policy, Step, fmr_for, identify
from terminal.supplies import MODELS_UNAVAILABLE, Supplies
from tests.terminal.stage import DIMENSION, gallery_in_order, like, looks

OPENCV = engine_id_of(config.Engine())
FILES = sorted(FOLDER.glob("*.json"))
STEPS = tuple(Step(fmr=10.0**-exponent, threshold=0.1 * exponent) for exponent in range(2, 8))
RISING = Policy(threshold=0.0, margin=0.08, steps=STEPS)
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def shipped(request: pytest.FixtureRequest) -> Calibration:
    return read_calibration(request.param)


@given(
    sizes=st.lists(st.integers(0, 10_000), min_size=2, max_size=2),
    fpir=st.floats(1e-4, 0.1),
    floor=st.floats(0, 1),
    fmrs=st.lists(st.floats(1e-9, 0.5), min_size=1, max_size=20, unique=True),
    thresholds=st.lists(st.floats(-1, 1), min_size=20, max_size=20),
)
def test_a_larger_gallery_never_has_a_lower_threshold(
    sizes: list[int], fpir: float, floor: float, fmrs: list[float], thresholds: list[float]
) -> None:
    steps = tuple(
        Step(fmr=fmr, threshold=threshold)
        for fmr, threshold in zip(sorted(fmrs, reverse=True), sorted(thresholds), strict=False)
    )
    policy = Policy(threshold=floor, margin=0.1, fpir=fpir, steps=steps)
    assert policy.largest is not None
    small, large = sorted(min(size, policy.largest) for size in sizes)
    if policy.largest:
        assert floor <= policy.threshold_for(small) <= policy.threshold_for(large)
        assert policy.threshold_for(policy.largest) >= policy.threshold_for(large)
    with pytest.raises(GalleryTooLarge):
        policy.threshold_for(policy.largest + 1)


@given(templates=st.integers(1, 2000), fpir=st.floats(1e-4, 0.1))
def test_the_threshold_keeps_the_asked_share_of_strangers_out(templates: int, fpir: float) -> None:
    """P(a stranger matches somebody) = 1 - (1 - FMR)^N, with the FMR of the step whose threshold is used."""
    policy = Policy(threshold=0, margin=0, fpir=fpir, steps=STEPS)
    if policy.largest is None or templates > policy.largest:
        return
    step = next(step for step in STEPS if step.threshold == policy.threshold_for(templates))
    assert 1 - (1 - step.fmr) ** templates <= fpir * (1 + 1e-9)
    assert fmr_for(fpir, templates) >= step.fmr


def test_every_template_counts_and_a_set_beyond_the_calibration_is_refused_in_words() -> None:
    policy = Policy(threshold=0, margin=0.05, fpir=0.1, steps=(Step(fmr=0.02, threshold=0.3),))
    assert policy.largest == 5
    template = looks(1).astype("<f4").tobytes()

    def content(templates: int) -> EncodingSet:
        person = Person(employee="1", name="x", templates=(template,) * templates)
        return EncodingSet(
            office="demo", version=1, engine_id="stage", dimension=DIMENSION,
            created_at=datetime(2026, 3, 2, tzinfo=UTC), people=(person,),
        )  # fmt: skip

    check_size(content(5), policy)
    with pytest.raises(ReleaseRefused, match=r"6 templates are more than the 5 .*match\.fpir") as refused:
        check_size(content(6), policy)
    assert refused.value.alarm == TOO_MANY


def test_a_kiosk_refuses_a_set_beyond_its_calibration_with_an_alarm(tmp_path: Path) -> None:
    keys.new_key(tmp_path / "keys")
    settings = config.replace(
        config.Config(),
        match={"fpir": 1e-6},
        terminal={"state": str(tmp_path), "release_key": str(tmp_path / "keys" / "release.pub")},
    )
    people = tuple(
        Person(employee=str(n), name="x", templates=(looks(n).astype("<f4").tobytes(),)) for n in range(1, 4)
    )
    key = keys.load_private(tmp_path / "keys" / keys.PRIVATE_NAME)

    def blob(count: int) -> bytes:
        content = EncodingSet(
            office="demo", version=count, engine_id=OPENCV, dimension=DIMENSION,
            created_at=datetime(2026, 3, 2, tzinfo=UTC), people=people[:count],
        )  # fmt: skip
        return sign_set(content, key)

    def supplies(wanted: config.Config, engine_id: str) -> Supplies:
        return Supplies(
            wanted,
            identify=lambda: engine_id,
            open_engine=lambda: pytest.fail("opened"),
            door_changed=lambda: pytest.fail("known from the start"),
        )

    taken: list[int] = []
    received = ReceivedSets(supplies(settings, OPENCV).door(), lambda content: taken.append(content.version))
    received.take(blob(2))
    with pytest.raises(ReleaseRefused, match="3 templates are more than the 2") as refused:
        received.take(blob(3))
    assert (refused.value.alarm, taken) == (TOO_MANY, [2])
    assert kept_set(tmp_path) == blob(2)
    uncalibrated = supplies(settings, "mine")
    assert uncalibrated.alarms() == (MODELS_UNAVAILABLE,)
    assert "no calibration for engine mine" in str(uncalibrated.problem)
    assert uncalibrated.door().check(blob(3), 0).version == 3, "whose people still have their PINs"


def test_a_probe_that_matches_in_a_small_office_is_nobody_in_a_large_one() -> None:
    policy = Policy(
        threshold=0, margin=0.05, fpir=0.1, steps=(Step(fmr=0.05, threshold=0.4), Step(fmr=0.001, threshold=0.7))
    )
    face = like(1, 0.6, other=90)
    small = identify(face, gallery_in_order([("1", [looks(1)]), ("2", [looks(2)])]), policy)
    crowd = gallery_in_order([(str(n), [looks(n)]) for n in range(1, 30)])
    large = identify(face, crowd, policy)
    assert (small.outcome, small.threshold) == (Outcome.MATCH, 0.4)
    assert (large.outcome, large.threshold) == (Outcome.NO_MATCH, 0.7)


@given(order=st.permutations(range(1, 12)), score=st.floats(0.2, 0.99), other=st.integers(2, 11))
def test_the_order_of_the_gallery_changes_nothing(order: list[int], score: float, other: int) -> None:
    face = like(1, score, other=other)
    straight = gallery_in_order([(str(n), [looks(n)]) for n in range(1, 12)])
    shuffled = gallery_in_order([(str(n), [looks(n)]) for n in order])
    assert identify(face, straight, RISING) == identify(face, shuffled, RISING)


def test_a_shipped_calibration_follows_from_its_own_fit(shipped: Calibration) -> None:
    """Whoever types another number into the file is found out."""
    tail = Tail(start=shipped.tail.start, share=shipped.tail.share, scale=shipped.tail.scale, shape=shipped.tail.shape)
    assert shipped.tail.shape <= 0
    for row in shipped.rows:
        assert row.estimate == pytest.approx(tail.score_at(row.fmr), abs=2e-4)
        assert row.threshold >= row.estimate - 1e-9
        assert row.fnmr_low <= row.fnmr <= row.fnmr_high
    assert all(late.fnmr >= early.fnmr for early, late in zip(shipped.rows, shipped.rows[1:], strict=False))
    assert shipped.rows[-1].fmr >= 1 / (100 * shipped.comparisons.pairs)
    assert shipped.rows[-1].fmr / 10**0.05 < 1 / (100 * shipped.comparisons.pairs)
    assert shipped.desk.duplicate == shipped.rows[-1].threshold
    policy = policy_for(shipped.engine_id, config.Match())
    assert policy.largest == shipped.sizes[-1].templates
    for size in shipped.sizes:
        assert size.threshold == policy.threshold_for(size.templates)
        assert size.observed == (size.fmr >= 3 / shipped.comparisons.pairs)
        assert size.fnmr in {row.fnmr for row in shipped.rows if row.threshold == size.threshold}


def test_the_defaults_of_config_yaml_are_the_calibrations(shipped: Calibration) -> None:
    settings = config.load(PROJECT / "config.yaml")
    policy = policy_for(shipped.engine_id, settings.match)
    assert (policy.fpir, policy.margin) == (shipped.fpir, shipped.margin)
    assert [(step.fmr, step.threshold) for step in policy.steps] == [(row.fmr, row.threshold) for row in shipped.rows]
    desk = calibrated(settings, shipped.engine_id).enroll
    assert (desk.same_person_score, desk.duplicate_score) == (shipped.desk.same_person, shipped.desk.duplicate)


def test_what_the_settings_ask_for_is_a_floor() -> None:
    stricter = policy_for(OPENCV, config.Match(threshold=0.7, margin=0.3))
    assert (stricter.threshold_for(50), stricter.margin) == (0.7, 0.3)
    looser = policy_for(OPENCV, config.Match(threshold=0.2, margin=0.01))
    plain = policy_for(OPENCV, config.Match())
    assert (looser.threshold_for(50), looser.margin) == (plain.threshold_for(50), plain.margin)
    many = policy_for(OPENCV, config.Match(fpir=0.01))
    assert many.largest is not None
    assert plain.largest is not None
    assert many.largest > 9 * plain.largest


def test_an_engine_without_calibration_needs_scores_of_its_own() -> None:
    with pytest.raises(NotCalibrated, match=r"no calibration for engine mine.*enroll evaluate DIR --calibrate"):
        policy_for("mine", config.Match(threshold=0.5))
    with pytest.raises(NotCalibrated, match=r"enroll\.same_person_score"):
        calibrated(config.Config(), "mine")
    policy = policy_for("mine", config.Match(threshold=0.5, margin=0.1))
    assert (policy.threshold_for(10**6), policy.largest) == (0.5, None)
    assert suspect_score("mine", config.Match(threshold=0.5, margin=0.1), 50) == pytest.approx(0.4)


def test_suspects_are_pointed_out_well_below_a_match_and_more_rarely_in_large_offices() -> None:
    scores = [suspect_score(OPENCV, config.Match(), templates) for templates in (1, 50, 500, 2000, 50_000)]
    assert scores == sorted(scores)
    assert scores[2] < policy_for(OPENCV, config.Match()).threshold_for(500) - 0.08


def test_a_calibration_of_ones_own_is_read_and_checked(tmp_path: Path) -> None:
    whole = json.loads(FILES[0].read_text())
    file = tmp_path / "own.json"
    mine = config.Match(calibration=str(file))

    def refused(content: bytes | dict[str, object], words: str) -> None:
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        with pytest.raises(NotCalibrated, match=words):
            calibration_of("mine", mine)

    with pytest.raises(NotCalibrated, match="cannot be read"):
        calibration_of("mine", mine)
    refused(b"", "no calibration of this version")
    refused(b"[" * 100_000, "no calibration of this version")
    refused(b" " * (2**20 + 1), "is larger than")
    refused(whole, "is for engine")
    refused({**whole, "surprise": 1}, "surprise")
    lowered = [*whole["rows"][:5], {**whole["rows"][5], "threshold": 0.0}, *whole["rows"][6:]]
    refused({**whole, "engine_id": "mine", "rows": lowered}, "changed by hand")
    file.write_text(json.dumps({**whole, "engine_id": "mine"}))
    assert msgspec.structs.replace(read_calibration(FILES[0]), engine_id="mine") == calibration_of("mine", mine)
    assert np.isfinite(policy_for("mine", mine).threshold_for(100))
