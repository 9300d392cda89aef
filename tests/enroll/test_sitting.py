"""A whole enrolment with the real engine, frame by frame: searched for, recognised, stored once, or nothing at all."""

import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import config
from enroll.sitting.session import READ_S
from enroll.wizard.signals import AGAIN_BUTTON, AGREE_BUTTON, EMPLOYEE_BUTTON, REFUSE_BUTTON, CameraChanged
from enroll.wizard.states import (
    Cancelled,
    Capture,
    Checking,
    ChoosePin,
    Done,
    Duplicate,
    FindEmployee,
    NoCamera,
    NotEnrolled,
    Purpose,
    SelfTest,
    SelfTestFailed,
    Stalled,
)
from enroll.wizard.values import Ground
from sync.releases import EncodingSet, Person
from terminal.faces import Engine, Picture
from terminal.gallery import Gallery
from terminal.sighting import CameraState
from terminal.visit.signals import CANCEL
from tests.enroll.sittings import NINE, RULES, NotingPlace, Played
from tests.terminal.portraits import EVERYBODY, PEOPLE, before_camera, encoding

OBAMA, OBAMA_LATER = PEOPLE["obama"]
MACRON, MACRON_LATER = PEOPLE["macron"]
NOBODY: Picture = np.full((720, 1280, 3), 128, np.uint8)
SETTINGS = config.replace(config.Config(), quality={"min_sharpness": 0})


def gallery_of(engine: Engine, **people: Path) -> Gallery:
    content = EncodingSet(
        office="demo",
        version=3,
        engine_id=engine.engine_id,
        dimension=engine.dimension,
        created_at=NINE,
        people=tuple(
            Person(employee=number.removeprefix("n"), name="x", templates=(encoding(path).astype("<f4").tobytes(),))
            for number, path in people.items()
        ),
    )
    return Gallery.from_set(content)


def standing(path: Path, *, face_px: float = 160) -> Iterator[Picture]:
    """Somebody who stands there and sways by a few pixels."""
    pictures = [before_camera(path, face_px=face_px, shift_px=shift) for shift in (0, 4, 8)]
    return itertools.islice(itertools.cycle(pictures), 120)


def nobody() -> Iterator[Picture]:
    return itertools.repeat(NOBODY, 5)


@pytest.fixture
def place(opencv: Engine) -> NotingPlace:
    return NotingPlace(gallery_of(opencv, n1002=MACRON, n1004=EVERYBODY[4]))


@pytest.fixture
def play(place: NotingPlace, opencv: Engine) -> Callable[..., Played]:
    def begin(number: str = "1001", **how: object) -> Played:
        played = Played(place, opencv, SETTINGS, **how)  # type: ignore[arg-type]
        played.tap(f"{EMPLOYEE_BUTTON}{number}")
        return played

    return begin


def is_(*states: type) -> Callable[[object], bool]:
    return lambda state: isinstance(state, states)


def to_the_test(played: Played, path: Path = OBAMA) -> None:
    played.tap(AGREE_BUTTON)
    assert isinstance(played.show(standing(path), until=is_(ChoosePin)), ChoosePin)
    assert isinstance(played.choose_pin(), SelfTest)


def test_somebody_is_enrolled_from_the_camera_and_recognised_before_they_leave(
    play: Callable[..., Played], place: NotingPlace, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        played = play()
        to_the_test(played)
        played.show(nobody())
        played.show(standing(OBAMA_LATER), until=is_(Done))
    assert played.state == Done(employee="1001", by_face=True)
    assert played.seen == [Purpose, Capture, ChoosePin, SelfTest, Done]
    ((id_, kept),) = place.stored.items()
    assert len(id_) == 32
    assert (kept.employee, kept.administrator, kept.pin, len(kept.samples)) == ("1001", "9", "739206", 3)
    assert (kept.decision.ground, kept.decision.text_version) == (Ground.CONSENT, RULES.text_version)
    assert all(np.linalg.norm(sample.vector) == pytest.approx(1, abs=1e-5) for sample in kept.samples)
    assert played.at_s < 12, "of the camera's time: three samples, a step back, a walk up"
    for secret in ("Rahasia", "739206"):
        assert secret not in caplog.text


def test_the_end_is_shown_for_a_while_and_any_touch_takes_it_away(play: Callable[..., Played]) -> None:
    played = play()
    played.tap(CANCEL)
    assert isinstance(played.state, Cancelled)
    assert not played.sitting.over
    played.wait(READ_S / 2)
    assert not played.sitting.over
    played.tap("anywhere")
    assert played.sitting.over
    other = play()
    other.tap(CANCEL)
    other.wait(READ_S + 0.1)
    assert other.sitting.over


def test_the_same_face_under_another_number_is_refused_and_nothing_is_kept(
    play: Callable[..., Played], place: NotingPlace
) -> None:
    played = play()
    played.tap(AGREE_BUTTON)
    played.show(standing(MACRON_LATER), until=is_(Duplicate))
    assert isinstance(played.state, Duplicate)
    assert played.state.other == "1002"
    played.tap(CANCEL)
    assert place.stored == {}


def test_whoever_is_enrolled_again_is_no_duplicate_of_themselves(
    play: Callable[..., Played], place: NotingPlace
) -> None:
    played = play("1002")
    to_the_test(played, MACRON_LATER)
    played.show(nobody())
    played.show(standing(MACRON), until=is_(Done))
    assert [kept.employee for kept in place.stored.values()] == ["1002"]


def test_who_wants_no_face_kept_chooses_a_pin_and_is_done(play: Callable[..., Played], place: NotingPlace) -> None:
    played = play()
    played.tap(REFUSE_BUTTON)
    assert isinstance(played.choose_pin(), Done)
    (kept,) = place.stored.values()
    assert (kept.samples, dict(kept.looks), kept.pin, kept.photo) == ((), {}, "739206", False)
    assert kept.decision.ground is Ground.NO_FACE
    assert place.searches == []


def test_somebody_else_in_the_self_test_is_not_the_one_and_nothing_is_stored(
    play: Callable[..., Played], place: NotingPlace
) -> None:
    played = play()
    to_the_test(played)
    for _ in range(RULES.test_tries):
        played.show(nobody())
        played.show(standing(EVERYBODY[-1]), until=lambda state: getattr(state, "draft", None) is None)
    assert isinstance(played.state, SelfTestFailed)
    assert place.stored == {}


def test_somebody_else_who_steps_in_during_the_capture_is_not_mixed_in(
    play: Callable[..., Played], place: NotingPlace
) -> None:
    played = play()
    played.tap(AGREE_BUTTON)
    played.show(standing(OBAMA), until=lambda s: isinstance(s, Capture) and len(s.draft.samples) == 1)
    played.show(itertools.islice(standing(EVERYBODY[-1]), 12))
    assert isinstance(played.state, Capture)
    assert (len(played.state.draft.samples), played.state.problem) == (1, "other_person")
    played.wait(RULES.capture_s)
    assert isinstance(played.state, Stalled)


def test_the_administrator_who_was_taken_first_by_mistake_is_forgotten_when_the_other_stays(
    play: Callable[..., Played], place: NotingPlace
) -> None:
    played = play()
    played.tap(AGREE_BUTTON)
    played.show(standing(EVERYBODY[-1]), until=lambda s: isinstance(s, Capture) and len(s.draft.samples) == 1)
    assert isinstance(played.show(standing(OBAMA), until=is_(ChoosePin)), ChoosePin)
    assert isinstance(played.choose_pin(), SelfTest)
    played.show(nobody())
    played.show(standing(OBAMA_LATER), until=is_(Done))
    (kept,) = place.stored.values()
    assert all(float(sample.vector @ encoding(OBAMA)) > 0.8 for sample in kept.samples)


def test_a_camera_lost_in_the_middle_waits_and_goes_on_with_the_samples_there_are(play: Callable[..., Played]) -> None:
    played = play()
    played.tap(AGREE_BUTTON)
    played.show(standing(OBAMA), until=lambda s: isinstance(s, Capture) and len(s.draft.samples) == 1)
    played.give(CameraChanged(camera=CameraState(state="lost", problem="unplugged")))
    assert isinstance(played.state, NoCamera)
    played.wait(30)
    played.give(CameraChanged(camera=CameraState(state="ok")))
    assert isinstance(played.show(standing(OBAMA), until=is_(ChoosePin)), ChoosePin)


def test_a_register_that_fails_is_said_and_the_second_try_stores_it_once(
    play: Callable[..., Played], place: NotingPlace
) -> None:
    place.fails = 1
    played = play()
    played.tap(REFUSE_BUTTON)
    played.choose_pin()
    assert isinstance(played.wait(0.1), NotEnrolled)
    assert place.stored == {}
    played.tap(AGAIN_BUTTON)
    assert isinstance(played.wait(0.1), Done)
    assert len(place.stored) == 1


def test_a_place_that_raises_is_a_failed_save_and_nothing_of_it_in_the_log(
    play: Callable[..., Played], place: NotingPlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("Siti Rahasia 739206")

    monkeypatch.setattr(place, "save", broken)
    played = play()
    played.tap(REFUSE_BUTTON)
    played.choose_pin()
    assert isinstance(played.wait(0.1), NotEnrolled)
    assert "RuntimeError" in caplog.text
    assert "Rahasia" not in caplog.text


def test_a_search_that_fails_lets_nobody_through(
    play: Callable[..., Played], place: NotingPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "search", lambda asked: 1 / 0)
    played = play()
    played.tap(AGREE_BUTTON)
    played.show(standing(OBAMA), until=is_(Checking))
    assert isinstance(played.state, Checking)
    played.wait(RULES.answer_s)
    assert played.state.unanswered  # type: ignore[union-attr]


def test_a_set_of_another_engine_takes_no_sample(play: Callable[..., Played]) -> None:
    played = play(engine_id="another")
    played.tap(AGREE_BUTTON)
    played.show(itertools.islice(standing(OBAMA), 30))
    assert isinstance(played.state, Capture)
    assert played.state.draft.samples == ()
    assert played.state.quality > 0, "the bar moves all the same"


def test_two_people_before_the_camera_are_asked_to_come_one_at_a_time(play: Callable[..., Played]) -> None:
    left, right = before_camera(OBAMA, x=0.3), before_camera(MACRON, x=0.7)
    both = left.copy()
    both[:, 640:] = right[:, 640:]
    played = play()
    played.tap(AGREE_BUTTON)
    played.show([both] * 10)
    assert isinstance(played.state, Capture)
    assert (played.state.hint, played.state.draft.samples) == ("one_at_a_time", ())


def test_what_is_left_of_a_sitting_that_was_closed_has_no_sample_and_no_pin(play: Callable[..., Played]) -> None:
    played = play()
    to_the_test(played)
    played.sitting.close()
    assert isinstance(played.state, FindEmployee)
    assert "739206" not in repr(played.sitting.wizard)


def test_a_save_without_an_answer_yet_is_not_asked_for_twice(play: Callable[..., Played], place: NotingPlace) -> None:
    waiting: list[tuple[object, object]] = []
    played = play()
    played.sitting._worker = lambda job, answer: waiting.append((job, answer))
    played.tap(REFUSE_BUTTON)
    played.choose_pin()
    played.wait(RULES.answer_s)
    assert isinstance(played.state, NotEnrolled)
    assert played.state.unanswered
    played.tap(AGAIN_BUTTON)
    assert len(waiting) == 1
    ((job, answer),) = waiting
    answer(job())  # type: ignore[operator]
    assert isinstance(played.wait(0.1), Done)
    assert len(place.stored) == 1


def test_a_late_failure_is_that_of_the_newest_try(play: Callable[..., Played], place: NotingPlace) -> None:
    place.fails = 1
    waiting: list[tuple[object, object]] = []
    played = play()
    played.sitting._worker = lambda job, answer: waiting.append((job, answer))
    played.tap(REFUSE_BUTTON)
    played.choose_pin()
    played.wait(RULES.answer_s)
    played.tap(AGAIN_BUTTON)
    ((job, answer),) = waiting
    answer(job())  # type: ignore[operator]
    played.wait(0.1)
    assert isinstance(played.state, NotEnrolled)
    assert not played.state.unanswered
    assert place.stored == {}


def test_the_screens_are_in_the_persons_language_and_the_administrators_before(play: Callable[..., Played]) -> None:
    played = play()
    played.tap("language:en")
    assert played.sitting.language == "en"
    assert played.sitting.wizard.language == "id"
    nobody_yet = Played(play().sitting._place, played.engine, SETTINGS, rules=replace(RULES))
    assert nobody_yet.sitting.language == "id"
