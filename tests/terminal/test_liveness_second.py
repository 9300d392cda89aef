"""F3: a second camera beside the first, made up here: it denies what it cannot see, doubts where it is blind, and a
face in both speaks for nobody. None of this was measured with a real one."""

import threading

import numpy as np
import pytest

import config
from sync.messages import PadVerdict
from terminal.faces import Box, Face
from terminal.guard import Guard
from terminal.liveness.cues import Finding, Reason
from terminal.liveness.second import Sight, View, judge, sight_of
from terminal.liveness.two_eyes import TwoEyes
from terminal.liveness.watch import anew, cues_of, watched
from terminal.liveness_models import LivenessModels
from tests.terminal.stage import Actor, face_of
from tests.terminal.test_guard import MadeUpEye

THERE, ABSENT, BLIND = Sight.THERE, Sight.ABSENT, Sight.BLIND
_PICTURE = np.zeros((360, 640, 3), np.uint8)
_FACE = face_of(Actor(who=1))


class NearInfrared:
    """Sees whoever is `warm`, a little aside of where the first camera does; `covered` it sees nothing at all.

    Complains about a moment before the last one, about a size that no picture has, and about another thread.
    """

    def __init__(self, *, warm: tuple[Face, ...] = (), covered: bool = False, late_s: float = 0.0) -> None:
        self.warm, self.covered, self._late_s = warm, covered, late_s
        self._thread = threading.get_ident()
        self._last_s = float("-inf")

    def view(self, *, width_px: int, height_px: int, at_s: float) -> View:
        assert threading.get_ident() == self._thread, "asked from another thread than the first camera's"
        assert at_s >= self._last_s, "asked for a moment that is over"
        assert (width_px, height_px) == (640, 360), "asked for another picture's pixels"
        self._last_s = at_s
        if self.covered:
            return View(at_s=at_s, works=False)
        aside = tuple(
            Box(x=each.box.x + 8, y=each.box.y - 5, width=each.box.width * 1.1, height=each.box.height)
            for each in self.warm
        )
        return View(at_s=at_s - self._late_s, faces=aside)


def judged(camera: NearInfrared, *, frames: int = 30, hz: float = 15.0) -> PadVerdict:
    """Return the verdict on a known face that nothing else tells against, after so many frames."""
    guard = Guard(TwoEyes(MadeUpEye(), camera), always=False)
    verdict = PadVerdict.UNDECIDED
    for number in range(frames):
        guard.look(_PICTURE, _FACE, track_id=1, at_s=number / hz, first=None)
        verdict = guard.judge(1, known=True, now_s=number / hz, twin_threshold=0.5).pad
    return verdict


def test_f3_a_screen_that_is_dark_to_the_second_camera_is_an_attack_and_a_face_in_both_is_not() -> None:
    assert judged(NearInfrared()) is PadVerdict.ATTACK
    assert judged(NearInfrared(warm=(_FACE,))) is PadVerdict.BONA_FIDE


def test_f3_a_bystander_beside_the_screen_does_not_vouch_for_it() -> None:
    beside = face_of(Actor(who=2, x=520))
    assert judged(NearInfrared(warm=(beside,))) is PadVerdict.ATTACK
    assert judged(NearInfrared(warm=(beside, _FACE))) is PadVerdict.BONA_FIDE


@pytest.mark.parametrize("camera", [{"covered": True}, {"late_s": 0.5}], ids=["covered", "stuck"])
def test_f3_who_covers_the_second_camera_is_asked_and_called_no_attacker(camera: dict[str, float]) -> None:
    guard = Guard(TwoEyes(MadeUpEye(), NearInfrared(warm=(_FACE,), **camera)), always=False)  # type: ignore[arg-type]
    for number in range(30):
        guard.look(_PICTURE, _FACE, track_id=1, at_s=number / 15, first=None)
    found = guard.judge(1, known=True, now_s=2.0, twin_threshold=0.5)
    assert (found.pad, found.cues) == (PadVerdict.UNDECIDED, ("second",))
    assert found.challenge is not None


@pytest.mark.parametrize(
    ("sights", "finding"),
    [
        ([], Finding.NO_EVIDENCE),
        ([ABSENT] * 3, Finding.NO_EVIDENCE),
        ([ABSENT] * 4, Finding.SUSPECT),
        ([ABSENT] * 9, Finding.SUSPECT),
        ([ABSENT] * 10, Finding.DENY),
        ([ABSENT] * 10 + [BLIND] * 11, Finding.SUSPECT),
        ([ABSENT] * 10 + [BLIND] * 10, Finding.DENY),
        ([ABSENT] * 30 + [THERE], Finding.SUSPECT),
        ([THERE] * 2 + [ABSENT] * 2, Finding.SUSPECT),
        ([THERE] * 3 + [ABSENT], Finding.CLEAR),
        ([THERE] * 2 + [BLIND] * 2, Finding.CLEAR),
        ([THERE] + [BLIND] * 3, Finding.SUSPECT),
        ([BLIND] * 60, Finding.SUSPECT),
    ],
)
def test_f3_what_so_many_looks_come_to(sights: list[Sight], finding: Finding) -> None:
    cue = judge(sights)
    assert (cue.reason, cue.finding) == (Reason.SECOND, finding)


def test_f3_a_face_is_the_same_where_it_is_about_as_large_and_about_there() -> None:
    face = Box(x=100, y=100, width=80, height=100)

    def there(**other: float) -> Sight:
        box = Box(**{"x": 100.0, "y": 100.0, "width": 80.0, "height": 100.0, **other})
        return sight_of(View(at_s=1.0, faces=(box,)), face, at_s=1.0)

    assert [there(), there(x=149), there(y=51), there(height=190, y=55)] == [THERE] * 4
    assert [there(x=151), there(y=160), there(height=210, y=45), there(width=0, height=0)] == [ABSENT] * 4
    assert [there(height=40, width=40, y=130, x=120)] == [ABSENT]
    assert sight_of(View(at_s=0.75, faces=(face,)), face, at_s=1.0) is BLIND
    assert sight_of(View(at_s=1.0, faces=(face,), works=False), face, at_s=1.0) is BLIND
    assert sight_of(View(at_s=1.0), face, at_s=1.0) is ABSENT


def test_f3_what_the_second_camera_saw_of_one_face_counts_for_no_other() -> None:
    camera = NearInfrared(warm=(_FACE,))
    eyes = TwoEyes(MadeUpEye(), camera)
    watch = None
    for number in range(12):
        watch = watched(watch, 1, eyes.look(_PICTURE, _FACE, at_s=number / 10))
    assert watch is not None
    assert watch.sights == (THERE,) * 12
    assert anew(watch).sights == ()
    camera.warm = ()
    watch = watched(watch, 2, eyes.look(_PICTURE, _FACE, at_s=1.2))
    assert watch.sights == (ABSENT,)
    (cue,) = (each for each in cues_of(watch, twin_threshold=1.0) if each.reason is Reason.SECOND)
    assert cue.finding is Finding.NO_EVIDENCE
    eyes.forget()
    assert MadeUpEye().look(_PICTURE, _FACE, at_s=0.0).second is None, "the control: one eye alone says nothing of it"


def test_f3_a_kiosk_that_is_given_a_second_camera_looks_through_it() -> None:
    settings = config.replace(config.Config(), engine={"models": "/nowhere"})
    for camera in (None, NearInfrared()):
        guard = LivenessModels(settings, second=camera).guard()
        assert guard is not None
        for number in range(12):
            guard.look(_PICTURE, _FACE, track_id=1, at_s=number / 10, first=None)
        (cue,) = (each for each in guard.cues(twin_threshold=1.0) if each.reason is Reason.SECOND)
        assert cue.finding is (Finding.NO_EVIDENCE if camera is None else Finding.DENY)
