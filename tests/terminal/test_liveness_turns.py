"""F3: heads that turn each of the four ways, in pixels: the way that was asked is told from the three others, and a
sheet that is waved shows none. The heads are drawn (`demo.heads`): this shows which way is which, not how often it is
told."""

import pytest

import config
from demo import scene
from sync.messages import PadVerdict
from terminal.gallery import Gallery
from terminal.guard import Guard
from terminal.liveness.challenge import TURNS
from terminal.liveness.eye import OpenCvEye
from terminal.liveness.gestures import Answer, answer_to, usually
from terminal.liveness.watch import Watch, watched
from terminal.looking import Looker
from terminal.sighting import Challenge
from tests.attacks import hall
from tests.terminal.portraits import PEOPLE, content, engine

ASKED_AT_S, TURNED_S, DEG = 101.0, 0.7, 22.0
# Of the person's own left; the picture is no mirror. `pitch_deg` grows when the chin goes down.
WAYS = {
    Challenge.TURN_LEFT: (1, 0),
    Challenge.TURN_RIGHT: (-1, 0),
    Challenge.LOOK_UP: (0, -1),
    Challenge.LOOK_DOWN: (0, 1),
}


def answers(draw: hall.Draw, *, seconds: float = 2.4) -> dict[Challenge, Answer]:
    """Return what would have come of each of the four, had it been asked a second into the film."""
    eye, seen, usual = OpenCvEye(hall.landmarks(), None), None, None
    told = dict.fromkeys(TURNS, Answer.WAITING)
    for frame in hall.film(draw, seconds=seconds, seed=3, hz=12):
        now_s = frame.monotonic_ns / 1e9
        face = engine().detect(frame.picture)[0]
        seen = watched(seen, 1, eye.look(frame.picture, face, at_s=now_s))
        if now_s < ASKED_AT_S:
            continue
        usual = usual or usually(seen.bearings)
        for way in TURNS:
            if told[way] is Answer.WAITING:
                told[way] = answer_to(
                    way, seen.bearings, seen.since(ASKED_AT_S), since_s=ASKED_AT_S, now_s=now_s, usual=usual
                )
    assert isinstance(seen, Watch)
    return told


@pytest.mark.parametrize("way", TURNS)
def test_f3_a_head_is_seen_to_turn_the_way_it_turns_and_no_other(way: Challenge) -> None:
    across, along = WAYS[way]
    person = hall.person(PEOPLE["macron"][1])

    def draw(frame: hall.Image, at_s: float) -> None:
        turned = DEG * min(1.0, max(0.0, (at_s - 1.2) / TURNED_S))
        pose = hall.pose(at_s, x_m=0.0, z_m=0.7, yaw_deg=across * turned, pitch_deg=along * turned)
        scene.set_in(frame, person, pose)

    assert answers(draw) == {each: Answer.MET if each is way else Answer.FAILED for each in TURNS}


def test_f3_a_photo_that_is_waved_turns_no_way() -> None:
    paper = hall.sheet(PEOPLE["macron"][1])
    told = answers(lambda frame, at_s: hall.hold_up(frame, paper, at_s, z_m=0.7))
    assert set(told.values()) == {Answer.WAITING}


def asked_and_verdict(draw: int, sign: int) -> tuple[list[Challenge], PadVerdict]:
    """Return what somebody is asked who turns as asked, or with `sign` -1 the opposite way, and what comes of it."""
    person, gallery = hall.person(PEOPLE["macron"][1]), Gallery.from_set(content())
    guard = Guard(OpenCvEye(hall.landmarks(), None), always=True, reads=False, draw=lambda: draw)
    looker, asked, since_s, pad = Looker(engine(), config.Config(), guard=guard), [], [0.0], PadVerdict.UNDECIDED

    def act(frame: hall.Image, at_s: float) -> None:
        if not asked:
            scene.set_in(frame, person, hall.pose(at_s, x_m=0.0, z_m=0.7))
            since_s[0] = at_s
            return
        across, along = WAYS[asked[0]]
        turned = sign * DEG * min(1.0, (at_s - since_s[0]) / TURNED_S)
        pose = hall.pose(at_s, x_m=0.0, z_m=0.7, yaw_deg=across * turned, pitch_deg=along * turned)
        scene.set_in(frame, person, pose)

    for frame in hall.film(act, seconds=5.0, seed=3, hz=12):
        served = looker.look(frame, gallery, answered=()).served
        if served is None:
            continue
        if served.challenge is not None and served.challenge not in asked:
            asked.append(served.challenge)
        pad = served.pad
        if pad is not PadVerdict.UNDECIDED or len(asked) > 1:
            break
    return asked, pad


@pytest.mark.slow
@pytest.mark.parametrize("draw", range(4))
def test_f3_who_turns_as_the_kiosk_asks_is_believed(draw: int) -> None:
    """From frame to verdict, with the real engine: recognised, asked, turned, believed."""
    assert asked_and_verdict(draw, 1) == ([TURNS[draw]], PadVerdict.BONA_FIDE)


@pytest.mark.slow
def test_f3_who_turns_the_other_way_is_asked_again_and_something_else() -> None:
    asked, pad = asked_and_verdict(1, -1)
    assert (len(asked), asked[0], pad) == (2, TURNS[1], PadVerdict.UNDECIDED)
