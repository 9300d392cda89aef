"""F3: the guard of one track, by a made-up eye: who is believed, asked, refused or left the PIN."""

import itertools

import numpy as np
import pytest

from sync.messages import PadVerdict
from terminal.faces import Face, Picture, Vector
from terminal.guard import Guard, Judged
from terminal.liveness.challenge import TURNS
from terminal.liveness.watch import Glance
from terminal.looking import Looker
from terminal.sighting import Asked, Challenge
from terminal.visit.states import Challenged, KeypadReason, PinNumber, Recorded, Refused
from tests.terminal.stage import Actor, StageEngine, face_of, gallery_of, like, play, settings
from tests.terminal.visit_life import Life

_PICTURE = np.zeros((360, 640, 3), np.uint8)
_FACE = face_of(Actor(who=1))


class MadeUpEye:
    """Says of each frame that the models take it for `logit`; `forgotten` counts how often it was told to forget."""

    def __init__(self, logit: float | None = 2.0) -> None:
        self.logit, self.forgotten = logit, 0

    def look(self, picture: Picture, face: Face, *, at_s: float) -> Glance:
        return Glance(at_s=at_s, face=face.box, logits={} if self.logit is None else {"made up": self.logit})

    def forget(self) -> None:
        self.forgotten += 1


def looked(guard: Guard, track_id: int, frames: int, *, from_s: float = 0.0) -> None:
    for number in range(frames):
        guard.look(_PICTURE, _FACE, track_id=track_id, at_s=from_s + number / 10, first=None)


def test_f3_somebody_unsuspected_is_believed_once_they_were_looked_at_long_enough() -> None:
    guard = Guard(MadeUpEye(), always=False, draw=lambda: 0)
    looked(guard, 1, 9)
    assert guard.judge(1, known=True, now_s=0.8, twin_threshold=0.5).pad is PadVerdict.UNDECIDED, "0.8 s"
    looked(guard, 1, 3, from_s=1.2)
    assert guard.judge(1, known=False, now_s=1.4, twin_threshold=0.5).pad is PadVerdict.UNDECIDED, "not known"
    judged = guard.judge(1, known=True, now_s=1.4, twin_threshold=0.5)
    assert (judged.pad, judged.challenge, judged.pin_left) == (PadVerdict.BONA_FIDE, None, False)


def test_f3_what_is_asked_and_not_done_leaves_the_pin_and_the_next_is_asked_something_else() -> None:
    guard = Guard(MadeUpEye(-2.0), always=False, draw=lambda: 0)
    asked = []
    for track_id, from_s in ((1, 0.0), (2, 100.0)):
        looked(guard, track_id, 14, from_s=from_s)
        first = guard.judge(track_id, known=True, now_s=from_s + 1.3, twin_threshold=0.5)
        assert first.pad is PadVerdict.UNDECIDED
        assert first.challenge in TURNS
        assert first.cues == ("passive",)
        assert guard.judge(track_id, known=True, now_s=from_s + 4.2, twin_threshold=0.5) == first
        second = guard.judge(track_id, known=True, now_s=from_s + 4.4, twin_threshold=0.5)
        assert second.challenge in TURNS
        late = guard.judge(track_id, known=True, now_s=from_s + 7.5, twin_threshold=0.5)
        assert (late.pad, late.challenge, late.pin_left) == (PadVerdict.UNDECIDED, None, True)
        asked += [first.challenge, second.challenge]
    assert all(one is not other for one, other in itertools.pairwise(asked))


def attended(logit: float = -2.0, *, always: bool = False) -> tuple[Guard, Challenge]:
    """Somebody in doubt whom the guard has just asked something, and what: the screen keeps the time."""
    guard = Guard(MadeUpEye(logit), always=always, attended=True, draw=lambda: 0)
    looked(guard, 1, 14)
    asked = guard.judge(1, known=True, now_s=1.3, twin_threshold=0.5).challenge
    assert asked is not None
    return guard, asked


def judged(guard: Guard, now_s: float) -> Judged:
    return guard.judge(1, known=True, now_s=now_s, twin_threshold=0.5)


def test_f3_no_time_passes_before_the_screen_asks_nor_while_it_shows_something_else() -> None:
    guard, asked = attended()
    other = next(each for each in TURNS if each is not asked)
    for shown in (None, Asked(track_id=2, challenge=asked, over=True), Asked(track_id=1, challenge=other, over=True)):
        guard.hear(shown, now_s=60.0)
        assert judged(guard, 60.0).challenge is asked, shown
    guard.hear(Asked(track_id=1, challenge=asked), now_s=61.0)
    assert judged(guard, 69.0).challenge is asked, "three times the time, for who asked for it"
    guard.hear(Asked(track_id=1, challenge=asked, over=True), now_s=70.0)
    assert judged(guard, 70.1).challenge not in (asked, None)


def test_f3_who_cannot_turn_has_the_pin_where_it_may_be_a_film_and_else_something_else() -> None:
    guard, asked = attended()
    guard.hear(Asked(track_id=1, challenge=asked, cannot=True), now_s=1.4)
    judgement = judged(guard, 1.4)
    assert (judgement.challenge, judgement.pin_left) == (None, True)
    guard, asked = attended(2.0, always=True)
    assert asked in TURNS
    guard.hear(Asked(track_id=1, challenge=asked, cannot=True), now_s=1.4)
    judgement = judged(guard, 1.4)
    assert (judgement.challenge, judgement.pin_left) == (None, True), "no relief and no eyes were seen"


def test_f3_what_another_track_cannot_do_is_still_asked_of_this_one() -> None:
    guard, asked = attended()
    guard.hear(Asked(track_id=7, challenge=asked, cannot=True), now_s=1.4)
    assert judged(guard, 1.4).challenge is asked
    guard.hear(Asked(track_id=1, challenge=asked, cannot=True), now_s=1.5)
    assert judged(guard, 1.5).pin_left
    looked(guard, 2, 14, from_s=10.0)
    assert guard.judge(2, known=True, now_s=11.3, twin_threshold=0.5).challenge in TURNS


def test_f3_a_track_has_no_evidence_but_its_own() -> None:
    """A face exchanged for a photo: what the living one showed does not count."""
    eye = MadeUpEye()
    guard = Guard(eye, always=False, draw=lambda: 0)
    looked(guard, 1, 14)
    assert guard.judge(1, known=True, now_s=1.3, twin_threshold=0.5).pad is PadVerdict.BONA_FIDE
    before, eye.logit = eye.forgotten, -2.0
    assert guard.judge(2, known=True, now_s=1.4, twin_threshold=0.5).pad is PadVerdict.UNDECIDED, "not seen yet"
    looked(guard, 2, 14, from_s=1.4)
    assert eye.forgotten == before + 1
    assert guard.judge(2, known=True, now_s=2.7, twin_threshold=0.5).challenge in TURNS


def test_f3_an_attack_stays_one_for_its_whole_track() -> None:
    guard = Guard(MadeUpEye(), always=False, draw=lambda: 0)
    looked(guard, 1, 5)
    guard.found_beside(1, 0.9)
    for threshold in (0.5, 0.99):
        assert guard.judge(1, known=True, now_s=0.4, twin_threshold=threshold).pad is PadVerdict.ATTACK


@pytest.mark.parametrize(("beside", "verdict"), [(1, PadVerdict.ATTACK), (2, PadVerdict.BONA_FIDE)])
def test_f3_a_living_face_vouches_for_no_photo_of_it_beside_it(beside: int, verdict: PadVerdict) -> None:
    """The second face is the same person's, or, as a control, a colleague's."""
    script = [[Actor(who=1, x=220, size=140), Actor(who=beside, x=470, size=90)]] * 30

    def shows(actor: Actor) -> Vector:
        return like(actor.who, 0.95, other=9)

    looker = Looker(StageEngine(script, shows), settings(), guard=Guard(MadeUpEye(), always=False))
    seen = [each.served for each in play(script, gallery_of(1, 2), looker=looker) if each.served is not None]
    of_the_first = [served.pad for served in seen if served.track_id == seen[0].track_id]
    assert of_the_first[0] is not PadVerdict.BONA_FIDE
    assert of_the_first[-1] is verdict
    if verdict is PadVerdict.ATTACK:
        assert all(served.pad is not PadVerdict.BONA_FIDE for served in seen)


def test_f3_a_kiosk_without_a_guard_checks_nobody() -> None:
    script = [[Actor(who=1)]] * 12
    seen = play(script, gallery_of(1), looker=Looker(StageEngine(script), settings()))
    assert seen[-1].served is not None
    assert seen[-1].served.pad is PadVerdict.NOT_CHECKED


def test_f3_without_passive_models_whoever_is_unsuspected_is_asked_too() -> None:
    asks = Guard(MadeUpEye(None), always=False, reads=False)
    looked(asks, 1, 14)
    assert asks.judge(1, known=True, now_s=1.3, twin_threshold=0.5).challenge in TURNS


def test_f3_the_visit_punches_only_who_is_believed() -> None:
    life = Life()
    life.see(1, "1001", pad=PadVerdict.UNDECIDED)
    assert life.records == []
    assert isinstance(life.see(1, "1001", pad=PadVerdict.UNDECIDED, challenge=TURNS[0]), Challenged)
    assert life.records == []
    assert isinstance(life.see(1, "1001", pad=PadVerdict.BONA_FIDE), Recorded)
    assert life.records[0].punch.pad is PadVerdict.BONA_FIDE


def test_f3_the_visit_refuses_an_attack_and_leaves_the_pin_to_who_did_not_do_what_was_asked() -> None:
    life = Life()
    assert isinstance(life.see(1, "1001", pad=PadVerdict.ATTACK), Refused)
    state = life.see(2, "1001", pad=PadVerdict.UNDECIDED, pin_left=True)
    assert isinstance(state, PinNumber)
    assert state.keypad.reason is KeypadReason.NOT_RECOGNISED
    life.see(2, "1001", pad=PadVerdict.BONA_FIDE)
    assert life.records == []
