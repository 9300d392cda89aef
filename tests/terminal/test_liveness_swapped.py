"""F3: nobody's living face vouches for a photo: beside it, in its place, or for a moment between.

Real pixels, the real engine and the real eye; the passive models are absent, or take everything for skin.
"""

import math

import pytest

from demo import scene
from sync.messages import PadVerdict
from terminal.gallery import Gallery
from terminal.guard import Guard
from terminal.liveness.eye import OpenCvEye
from terminal.looking import Looker
from terminal.sighting import Challenge, Served
from tests.attacks import hall
from tests.attacks.presented import Fooled, presented
from tests.terminal.portraits import PEOPLE, STRANGERS, content
from tests.terminal.stage import Actor, StageEngine, gallery_of, play, settings
from tests.terminal.test_guard import MadeUpEye

HIMSELF, COLLEAGUE = "obama", "macron"
STRANGER = STRANGERS[0]


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return Gallery.from_set(content())


def fooled() -> Guard:
    """A guard whose passive models take a photo for skin."""
    return Guard(Fooled(OpenCvEye(hall.landmarks(), None)), always=False, draw=lambda: 0)


def asking() -> Guard:
    """A guard that asks everybody to turn to their left first, as one without passive models does."""
    return Guard(OpenCvEye(hall.landmarks(), None), always=True, reads=False, draw=lambda: 0)


def test_f3_a_living_stranger_beside_the_photo_of_a_colleague_lets_nobody_in(gallery: Gallery) -> None:
    stranger, paper = hall.person(STRANGER), hall.sheet(PEOPLE[COLLEAGUE][0])

    def draw(frame: hall.Image, at_s: float) -> None:
        scene.set_in(frame, stranger, hall.pose(at_s, x_m=0.2, z_m=0.95))
        hall.hold_up(frame, paper, at_s, x_m=-0.12, z_m=0.95)

    guarded, control = presented(hall.film(draw, seconds=2, seed=1), gallery, fooled(), None)
    assert control.named == {COLLEAGUE}, "the control: a kiosk without a guard takes the photo for him"
    assert guarded.named == {COLLEAGUE}
    assert guarded.believed == set()
    assert guarded.refused


def test_f3_somebody_beside_their_own_photo_is_refused_with_it(gallery: Gallery) -> None:
    himself, paper = hall.person(PEOPLE[HIMSELF][1]), hall.sheet(PEOPLE[HIMSELF][0])

    def draw(frame: hall.Image, at_s: float, *, with_photo: bool = True) -> None:
        scene.set_in(frame, himself, hall.pose(at_s, x_m=0.2 if with_photo else 0.0, z_m=0.9))
        if with_photo:
            hall.hold_up(frame, paper, at_s, x_m=-0.12, z_m=0.95)

    (both,) = presented(hall.film(draw, seconds=0.8, seed=1), gallery, fooled())
    assert both.believed == set()
    assert both.refused
    assert "twin" in both.cues
    (alone,) = presented(
        hall.film(lambda frame, at_s: draw(frame, at_s, with_photo=False), seconds=2, seed=1), gallery, fooled()
    )
    assert alone.believed == {HIMSELF}, "the control: without the photo he is there in person"
    assert not alone.refused


@pytest.mark.slow
def test_f3_a_face_swapped_for_a_photo_in_the_midst_of_a_track_carries_no_belief_over(gallery: Gallery) -> None:
    """A living stranger is seen for a second; then a colleague's photo is where his face was, from one frame to the
    next, cut out so that it has no edge that could tell."""
    stranger, paper = hall.person(STRANGER), hall.sheet(PEOPLE[COLLEAGUE][0])
    swapped_s = 1.0

    def draw(frame: hall.Image, at_s: float) -> None:
        scene.set_in(frame, stranger, hall.pose(at_s, x_m=0, z_m=0.9, yaw_deg=None if at_s < swapped_s else 0.0))
        if at_s >= swapped_s:
            hall.hold_cut_out(frame, paper, at_s, z_m=0.9)

    guarded, control = presented(hall.film(draw, seconds=3.2, seed=1), gallery, fooled(), None)
    assert control.named == {COLLEAGUE}, "the control: a kiosk without a guard takes the photo for him"
    assert guarded.named == {COLLEAGUE}
    assert guarded.believed == set()
    first, last = guarded.served[0], guarded.served[-1]
    assert first.track_id != last.track_id, "the photo is a track of its own"


@pytest.mark.slow
@pytest.mark.parametrize("turns_himself", [False, True])
def test_f3_who_turns_their_own_head_for_a_photo_has_not_turned_it(gallery: Gallery, *, turns_himself: bool) -> None:
    """A stranger shows a colleague's photo; asked to turn, he takes it away, turns, and holds it up again."""
    stranger, paper = hall.person(STRANGER), hall.sheet(PEOPLE[COLLEAGUE][0])
    colleague = hall.person(PEOPLE[COLLEAGUE][1])
    from_s, to_s = 1.9, 3.3

    def draw(frame: hall.Image, at_s: float) -> None:
        turn_deg = 38 * math.sin(math.pi * (at_s - from_s) / (to_s - from_s)) if from_s < at_s < to_s else 0.0
        about_deg = turn_deg or 4 * math.sin(3 * at_s)
        who = colleague if turns_himself else stranger
        scene.set_in(frame, who, hall.pose(at_s, x_m=0, z_m=0.9, yaw_deg=about_deg))
        if not (turns_himself or turn_deg):
            hall.hold_cut_out(frame, paper, 0.25 * at_s, z_m=0.9)

    (seen,) = presented(hall.film(draw, seconds=3.8, seed=1), gallery, asking())
    assert Challenge.TURN_LEFT in [served.challenge for served in seen.served]
    assert seen.named == {COLLEAGUE}
    assert seen.believed == ({COLLEAGUE} if turns_himself else set()), "the control: his own head's turn counts"


def verdicts(script: list[list[Actor]], guard: Guard) -> list[tuple[float, Served]]:
    looker = Looker(StageEngine(script), settings(), guard=guard)
    seen = play(script, gallery_of(1), looker=looker, hz=10)
    return [(number / 10, each.served) for number, each in enumerate(seen) if each.served is not None]


@pytest.mark.parametrize("between", [1, 2])
def test_f3_what_another_face_showed_between_speaks_for_nobody(between: int) -> None:
    """Frames too turned to recognise anybody in are compared all the same. The control: they are the same person's."""
    script = [[Actor(who=1)]] * 7 + [[Actor(who=between, turned=1.4)]] * 4 + [[Actor(who=1)]] * 14
    eye = MadeUpEye()
    seen = verdicts(script, Guard(eye, always=False, draw=lambda: 0))
    assert len({served.track_id for _, served in seen}) == 1
    believed_s = next(at_s for at_s, served in seen if served.pad is PadVerdict.BONA_FIDE)
    assert believed_s >= 1.9 if between == 2 else believed_s <= 1.5
    assert eye.forgotten > 2 if between == 2 else eye.forgotten <= 3


def test_f3_what_was_seen_before_the_first_encoding_speaks_for_nobody() -> None:
    """Somebody who looks aside shows a living head, and then somebody else's photo."""
    script = [[Actor(who=2, turned=1.4)]] * 11 + [[Actor(who=1)]] * 16
    seen = verdicts(script, Guard(MadeUpEye(), always=False, draw=lambda: 0))
    assert len({served.track_id for _, served in seen}) == 1
    known_s = next(at_s for at_s, served in seen if served.identification is not None)
    believed_s = next(at_s for at_s, served in seen if served.pad is PadVerdict.BONA_FIDE)
    assert known_s < 1.6
    assert believed_s >= 1.9


def test_f3_a_stranger_is_encoded_no_oftener_for_a_guard() -> None:
    script = [[Actor(who=2)]] * 30
    encoded = []
    for guard in (None, Guard(MadeUpEye(), always=False)):
        engine = StageEngine(script)
        play(script, gallery_of(1), looker=Looker(engine, settings(), guard=guard), hz=10)
        encoded.append(len(engine.encoded))
    assert encoded[1] <= 1.5 * encoded[0]
