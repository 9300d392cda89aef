"""Whether a face is worth encoding: on real portraits made worse, and as a pure judgement."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from bench.spoiling import SPOILINGS, backlit
from terminal.camera.pictures import read
from terminal.covering import covered
from terminal.faces import Box, Face, Picture
from terminal.faces.alignment import aligned
from terminal.quality import Measures, Reason, assess, judge, measure, sharpness_of
from tests.terminal.portraits import EVERYBODY, before_camera, engine, photo
from tests.terminal.stage import Actor, face_of, frame

LIMITS = config.Quality()
GOOD = Measures(size_px=150, brightness=120, sharpness=60, yaw=0.05, outside=0.0)


def seen(picture: Picture, face: Face | None = None) -> Measures:
    return measure(picture, face or engine().detect(picture)[0])


@pytest.mark.slow
@pytest.mark.parametrize("path", EVERYBODY, ids=lambda path: path.parent.name)
def test_a_portrait_is_good_enough(path) -> None:  # type: ignore[no-untyped-def]
    quality = assess(photo(path), engine().detect(photo(path))[0], LIMITS)
    assert quality.reason is None
    assert quality.advice is None
    assert quality.value > 0.4


@pytest.mark.slow
@pytest.mark.parametrize("path", EVERYBODY, ids=lambda path: path.parent.name)
def test_whoever_wears_a_mask_is_asked_to_take_it_off_and_is_encoded_all_the_same(path) -> None:  # type: ignore[no-untyped-def]
    picture, rng = photo(path), np.random.default_rng(3)
    face = engine().detect(picture)[0]
    bare = assess(picture, face, LIMITS)
    asked = 0
    masks = [spoiling for spoiling in SPOILINGS if Reason.MASK in spoiling.says]
    for mask in masks:
        worn = mask.spoil(picture, face, rng)
        quality = assess(worn, engine().detect(worn)[0], LIMITS)
        assert quality.reason is None, mask.name
        assert quality.value < bare.value, mask.name
        asked += quality.advice is Reason.MASK
    assert asked >= len(masks) - 1


@pytest.mark.slow
@pytest.mark.bench_data
def test_a_headscarf_is_no_mask(bench_data: Path) -> None:
    rows = list(csv.DictReader((bench_data / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    scarves = [bench_data / row["path"] for row in rows if row["group"] == "headscarf"]
    assert len(scarves) >= 10
    for path in scarves:
        picture = read(path)
        assert assess(picture, engine().detect(picture)[0], LIMITS).advice is not Reason.MASK, path.name


@pytest.fixture(scope="module")
def picture() -> Picture:
    """Somebody before the camera."""
    return before_camera(EVERYBODY[4])


@pytest.fixture(scope="module")
def face(picture: Picture) -> Face:
    return engine().detect(picture)[0]


@pytest.mark.slow
class TestMadeWorse:
    """The same person before the camera, with one thing wrong."""

    def reason(self, picture: Picture, face: Face) -> Reason | None:
        return assess(np.asarray(picture, np.uint8), face, LIMITS).reason

    def test_as_it_is(self, picture: Picture, face: Face) -> None:
        assert self.reason(picture, face) is None

    def test_too_dark(self, picture: Picture, face: Face) -> None:
        assert self.reason((picture * 0.15).astype(np.uint8), face) is Reason.TOO_DARK

    def test_too_bright(self, picture: Picture, face: Face) -> None:
        assert self.reason(np.clip(picture.astype(np.int32) + 120, 0, 255).astype(np.uint8), face) is Reason.TOO_BRIGHT

    @pytest.mark.parametrize(("light", "encoded"), [(0.4, True), (0.12, False)])
    def test_light_from_behind_is_told_from_the_dark(
        self, picture: Picture, face: Face, light: float, encoded: bool
    ) -> None:
        quality = assess(backlit(light)(picture, face, np.random.default_rng(4)), face, LIMITS)
        assert (quality.reason, quality.advice) == ((None, Reason.BACKLIT) if encoded else (Reason.BACKLIT, None))

    @pytest.mark.parametrize("across", [True, False])
    def test_moving_in_one_direction_while_the_shutter_is_open(
        self, picture: Picture, face: Face, across: bool
    ) -> None:
        smear = np.zeros((35, 35), np.float32)
        smear[(17, slice(None)) if across else (slice(None), 17)] = 1 / 35
        assert self.reason(cv2.filter2D(picture, -1, smear), face) is Reason.HOLD_STILL

    def test_out_of_focus(self, picture: Picture, face: Face) -> None:
        assert self.reason(cv2.GaussianBlur(picture, (0, 0), 8), face) is Reason.HOLD_STILL

    def test_out_of_focus_and_noisy(self, picture: Picture, face: Face) -> None:
        noise = np.random.default_rng(2).normal(0, 3, picture.shape)
        blurred = cv2.GaussianBlur(picture, (0, 0), 10) + noise
        assert self.reason(np.clip(blurred, 0, 255).astype(np.uint8), face) is Reason.HOLD_STILL

    def test_dim_is_not_blurred(self, picture: Picture) -> None:
        dim = (picture * 0.4).astype(np.uint8)
        assert seen(dim).sharpness == pytest.approx(seen(picture).sharpness, rel=0.35)

    def test_far_away(self, picture: Picture) -> None:
        far = before_camera(EVERYBODY[4], face_px=36)
        assert self.reason(far, engine().detect(far)[0]) is Reason.TOO_FAR

    def test_half_out_of_the_picture(self, picture: Picture, face: Face) -> None:
        left = int(face.box.x + 0.55 * face.box.width)
        moved = Face(
            box=replace(face.box, x=face.box.x - left),
            landmarks=face.landmarks - np.array([left, 0], np.float32),
            score=face.score,
        )
        assert self.reason(np.ascontiguousarray(picture[:, left:]), moved) is Reason.OUT_OF_VIEW

    def test_mirrored_it_is_as_good(self, picture: Picture) -> None:
        there = seen(np.ascontiguousarray(picture[:, ::-1]))
        here = seen(picture)
        assert there.yaw == pytest.approx(here.yaw, abs=0.06)
        assert there.brightness == pytest.approx(here.brightness, abs=4)


def test_turning_moves_the_nose_off_the_middle_of_the_eyes() -> None:
    picture = frame(0).picture
    assert measure(picture, face_of(Actor(who=1))).yaw == pytest.approx(0, abs=1e-4)
    for turned in (0.2, -0.2):
        assert measure(picture, face_of(Actor(who=1, turned=turned))).yaw == pytest.approx(0.2, abs=1e-3)
    assert assess(picture, face_of(Actor(who=1, turned=-0.5)), LIMITS).reason is Reason.TURN_TO_SCREEN


def test_tilting_the_head_is_not_turning_it() -> None:
    face = face_of(Actor(who=1))
    middle = face.landmarks.mean(axis=0)
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]], np.float32)
    tilted = replace(face, landmarks=((face.landmarks - middle) @ turn.T + middle).astype(np.float32))
    assert measure(frame(0).picture, tilted).yaw == pytest.approx(0, abs=1e-3)


def test_eyes_in_one_point_are_no_face_to_look_at() -> None:
    face = face_of(Actor(who=1))
    marks = face.landmarks.copy()
    marks[1] = marks[0]
    assert assess(frame(0).picture, replace(face, landmarks=marks), LIMITS).reason is Reason.TURN_TO_SCREEN


def test_a_box_beside_the_picture_is_out_of_view() -> None:
    face = face_of(Actor(who=1))
    beside = replace(face, box=Box(x=5000, y=0, width=100, height=100))
    assert assess(frame(0).picture, beside, LIMITS).reason is Reason.OUT_OF_VIEW


def test_an_even_surface_has_no_detail() -> None:
    assert sharpness_of(np.full((112, 112), 130, np.uint8)) == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"outside": 0.5}, Reason.OUT_OF_VIEW),
        ({"size_px": 40}, Reason.TOO_FAR),
        ({"brightness": 20}, Reason.TOO_DARK),
        ({"brightness": 230}, Reason.TOO_BRIGHT),
        ({"brightness": 20, "surroundings": 200}, Reason.BACKLIT),
        ({"yaw": 0.6}, Reason.TURN_TO_SCREEN),
        ({"sharpness": 3}, Reason.HOLD_STILL),
        ({"sharpness": 3, "size_px": 40, "brightness": 20}, Reason.TOO_FAR),
        ({"sharpness": 3, "brightness": 20}, Reason.TOO_DARK),
    ],
)
def test_the_reason_is_the_first_thing_to_change(change: dict[str, float], reason: Reason | None) -> None:
    assert judge(replace(GOOD, **change), LIMITS).reason is reason


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({}, None),
        ({"covered": 1.0}, None),
        ({"covered": 4.0}, Reason.MASK),
        ({"brightness": 60, "surroundings": 200}, Reason.BACKLIT),
        ({"brightness": 90, "surroundings": 255}, None),
        ({"covered": 4.0, "brightness": 60, "surroundings": 200}, Reason.MASK),
        ({"covered": 4.0, "brightness": 20}, None),
    ],
)
def test_advice_is_given_only_for_a_face_that_is_encoded(change: dict[str, float], advice: Reason | None) -> None:
    assert judge(replace(GOOD, **change), LIMITS).advice is advice


def test_a_face_without_surroundings_is_not_lit_from_behind() -> None:
    whole = face_of(Actor(who=1, x=320, y=180, size=900))
    inside = replace(whole, landmarks=face_of(Actor(who=1)).landmarks)
    measures = measure(frame(0).picture, inside)
    assert measures.surroundings == pytest.approx(measures.brightness)


def test_what_is_no_face_at_all_has_some_covering() -> None:
    for crop in (np.zeros((112, 112, 3), np.uint8), np.full((112, 112, 3), 255, np.uint8)):
        assert np.isfinite(covered(crop))
    assert np.isfinite(covered(aligned(frame(0).picture, face_of(Actor(who=1)).landmarks)))


any_measures = st.builds(
    Measures,
    size_px=st.floats(0, 4000),
    brightness=st.floats(0, 255),
    sharpness=st.floats(0, 1e6),
    yaw=st.one_of(st.floats(0, 10), st.just(float("inf"))),
    outside=st.floats(0, 1),
    surroundings=st.floats(0, 255),
    covered=st.floats(-20, 20),
    score=st.floats(0, 1),
)


@given(any_measures)
def test_the_value_is_a_part_of_one(measures: Measures) -> None:
    assert 0 <= judge(measures, LIMITS).value <= 1


@given(any_measures, st.floats(1, 3))
def test_larger_sharper_and_straighter_is_never_worse(measures: Measures, factor: float) -> None:
    value = judge(measures, LIMITS).value
    assert judge(replace(measures, size_px=measures.size_px * factor), LIMITS).value >= value
    assert judge(replace(measures, sharpness=measures.sharpness * factor), LIMITS).value >= value
    assert judge(replace(measures, yaw=measures.yaw / factor), LIMITS).value >= value
    assert judge(replace(measures, outside=measures.outside / factor), LIMITS).value >= value


@given(any_measures, st.floats(-20, 20))
def test_a_mask_or_the_wrong_belief_in_one_never_keeps_a_face_from_being_encoded(
    measures: Measures, believed: float
) -> None:
    assert judge(replace(measures, covered=believed), LIMITS).reason is judge(measures, LIMITS).reason


@given(any_measures, st.floats(0, 1))
def test_the_detectors_doubt_is_never_better(measures: Measures, less: float) -> None:
    doubted = replace(measures, score=measures.score * less)
    assert judge(doubted, LIMITS).value <= judge(measures, LIMITS).value
