"""What is said of a face, and after how long of nothing better."""

from datetime import timedelta

import hypothesis.strategies as some
import numpy as np
import pytest
from hypothesis import given

import config
from bench.spoiling import backlit, masked
from terminal.camera import Frame
from terminal.faces import Picture
from terminal.gallery import Gallery
from terminal.hints import HINT_AFTER_S, fresh, hint, noticed
from terminal.looking import Looker
from terminal.quality import Quality, Reason
from tests.terminal.portraits import PEOPLE, STRANGERS, before_camera, content, engine
from tests.terminal.stage import SEVEN

HZ = 15.0
GOOD = Quality(value=0.9, reason=None)
DARK = Quality(value=0.1, reason=Reason.TOO_DARK)
MASK = Quality(value=0.4, reason=None, advice=Reason.MASK)
CROWD = Quality(value=0.9, reason=None, advice=Reason.ONE_AT_A_TIME)


def heard(*frames: Quality) -> list[Reason | None]:
    """Return what is said after each of the frames."""
    trouble = fresh(0.0)
    said = []
    for number, quality in enumerate(frames, 1):
        trouble = noticed(trouble, quality, number / HZ)
        said.append(hint(trouble))
    return said


def after_s(said: list[Reason | None], reason: Reason) -> float:
    return (said.index(reason) + 1) / HZ


def test_what_stops_a_face_from_being_encoded_is_said_soon() -> None:
    said = heard(*[DARK] * 15)
    assert after_s(said, Reason.TOO_DARK) <= HINT_AFTER_S + 2 / HZ
    assert set(said[-5:]) == {Reason.TOO_DARK}


def test_one_good_frame_begins_it_anew_and_takes_it_away() -> None:
    assert set(heard(*[*[DARK] * 5, GOOD] * 6)) == {None}
    assert heard(*[DARK] * 15, GOOD)[-1] is None


def test_take_off_the_mask_is_said_only_after_a_second_of_nothing_else() -> None:
    said = heard(*[MASK] * 30)
    assert 0.8 <= after_s(said, Reason.MASK) <= 1.3


def test_a_verdict_that_comes_and_goes_is_never_said() -> None:
    assert set(heard(*[MASK, GOOD] * 60)) == {None}
    assert set(heard(*[MASK, MASK, GOOD] * 40)) == {None}


def test_a_single_frame_that_misses_the_mask_hardly_delays_the_word() -> None:
    said = heard(*[MASK] * 8, GOOD, *[MASK] * 20)
    assert after_s(said, Reason.MASK) <= 1.6


def test_what_stops_the_face_is_said_before_what_does_not() -> None:
    said = heard(*[MASK] * 30, *[DARK] * 10)
    assert (said[29], said[-1]) == (Reason.MASK, Reason.TOO_DARK)


def test_another_advice_takes_over_when_the_first_is_forgotten() -> None:
    said = heard(*[MASK] * 30, *[CROWD] * 60)
    assert said[29] is Reason.MASK
    assert said[-1] is Reason.ONE_AT_A_TIME
    changed = said.index(Reason.ONE_AT_A_TIME)
    assert None in said[30:changed], "nothing is said while it is not clear"


@given(some.lists(some.sampled_from([GOOD, DARK, MASK, CROWD]), max_size=80))
def test_only_what_the_frames_show_is_ever_said_and_never_in_the_first_moment(frames: list[Quality]) -> None:
    said = heard(*frames)
    shown = {quality.reason or quality.advice for quality in frames} | {None}
    assert set(said) <= shown
    assert set(said[: int(HINT_AFTER_S * HZ) - 1]) <= {None}


def seen_by_the_kiosk(picture: Picture, gallery: Gallery) -> tuple[set[Reason], set[str]]:
    """Return what is said to somebody who stands there for two seconds, and whom they are taken for."""
    looker = Looker(engine(), config.Config())
    told, named = set(), set()
    for number in range(30):
        at_s = number / HZ
        moved = np.ascontiguousarray(np.roll(picture, 2 * (number % 3), axis=1))
        frame = Frame(picture=moved, taken_at=SEVEN + timedelta(seconds=at_s), monotonic_ns=round(at_s * 1e9))
        served = looker.look(frame, gallery).served
        if served is not None:
            told |= {served.hint} - {None}
            named |= {served.identification.employee if served.identification else None} - {None}
    return told, named


@pytest.mark.slow
def test_a_stranger_in_a_mask_is_asked_to_take_it_off_and_without_it_nothing_is_said() -> None:
    bare = before_camera(STRANGERS[0], face_px=150)
    worn = masked("blue")(bare, engine().detect(bare)[0], np.random.default_rng(6))
    gallery = Gallery.from_set(content())
    assert seen_by_the_kiosk(worn, gallery) == ({Reason.MASK}, set())
    assert seen_by_the_kiosk(bare, gallery) == (set(), set())


@pytest.mark.slow
def test_whoever_is_known_in_bad_light_is_recognised_and_told_nothing() -> None:
    bare = before_camera(PEOPLE["macron"][1], face_px=150)
    behind = backlit(0.4)(bare, engine().detect(bare)[0], np.random.default_rng(6))
    assert seen_by_the_kiosk(behind, Gallery.from_set(content())) == (set(), {"macron"})
