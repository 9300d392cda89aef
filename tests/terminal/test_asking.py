"""F3: what somebody who is asked something can do about it: take their time, say that they cannot, type their PIN."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sync.messages import PadVerdict
from terminal.faces import Face, Picture
from terminal.guard import Guard, Judged
from terminal.liveness.watch import Glance
from terminal.looking import Looker
from terminal.quality import Reason
from terminal.screens import screen_of, words
from terminal.screens.drawing import Weight
from terminal.screens.look import Context
from terminal.screens.spoken import spoken_of
from terminal.sighting import ASKED_S, Asked, Challenge
from terminal.visit.asking import asked
from terminal.visit.signals import CANNOT_BUTTON, EASE_BUTTON, PIN_BUTTON, Saw, Tapped, Tick, Typed
from terminal.visit.states import Challenged, KeypadReason, Looking, PinCode, PinNumber, State
from tests.terminal.made import now, rules, served, sighting
from tests.terminal.stage import Actor, StageEngine, face_of, frame, gallery_of, settings
from tests.terminal.visit_life import Life

PICTURE = np.zeros((360, 640, 3), np.uint8)
LEFT = Challenge.TURN_LEFT


def doubted(life: Life, challenge: Challenge = LEFT, *, after_s: float = 0.1) -> Challenged:
    state = life.see(1, "1001", pad=PadVerdict.UNDECIDED, challenge=challenge, after_s=after_s)
    assert isinstance(state, Challenged)
    return state


def shown(life: Life) -> Asked | None:
    return asked(life.state, now(life.at_s))


def test_f3_the_time_runs_from_when_it_has_been_said() -> None:
    life = Life()
    doubted(life)
    assert shown(life) == Asked(track_id=1, challenge=LEFT)
    for _ in range(20):
        doubted(life)
        life.give(Tick(speaking=True))
    said_s = life.at_s
    while not (told := shown(life)) or not told.over:
        doubted(life)
        life.give(Tick())
    assert life.at_s - said_s == pytest.approx(ASKED_S, abs=0.15)


def test_f3_a_loudspeaker_that_never_comes_to_its_end_keeps_nobody_waiting() -> None:
    life = Life()
    doubted(life)
    for _ in range(200):
        doubted(life)
        life.give(Tick(speaking=True))
        if (told := shown(life)) is not None and told.over:
            break
    assert life.at_s < 10.0


def test_f3_who_asks_for_large_letters_has_three_times_the_time_from_then_on() -> None:
    life = Life()
    doubted(life)
    doubted(life, after_s=2.0)
    life.give(Tapped(button=EASE_BUTTON))
    began_s = life.at_s
    while not (told := shown(life)) or not told.over:
        doubted(life)
    assert life.at_s - began_s == pytest.approx(rules().slowness * ASKED_S, abs=0.15)
    doubted(life, Challenge.TURN_RIGHT)
    began_s = life.at_s
    while not (told := shown(life)) or not told.over:
        doubted(life)
    assert life.at_s - began_s == pytest.approx(rules().slowness * ASKED_S, abs=0.15), "and for what is asked next"


@pytest.mark.parametrize("given", [Tapped(button=CANNOT_BUTTON), Typed(key="-")])
def test_f3_who_cannot_says_so_by_finger_or_key_until_something_else_is_asked(given: Tapped | Typed) -> None:
    life = Life()
    doubted(life)
    life.give(given)
    for _ in range(3):
        assert shown(life) == Asked(track_id=1, challenge=LEFT, cannot=True)
        doubted(life)
    doubted(life, Challenge.BLINK)
    assert shown(life) == Asked(track_id=1, challenge=Challenge.BLINK)


@pytest.mark.parametrize("given", [Tapped(button=PIN_BUTTON), Typed(key="7")])
def test_f3_the_pin_is_one_touch_or_one_key_away(given: Tapped | Typed) -> None:
    life = Life()
    doubted(life)
    assert isinstance(life.give(given), PinNumber | PinCode)
    assert shown(life) is None


def test_f3_nobody_is_noted_for_not_being_able_to_unless_something_told_against_them() -> None:
    for cues, notes in (((), 0), (("edge",), 1)):
        for cannot in (True, False):
            life = Life()
            person = replace(served(1, "1001", pad=PadVerdict.UNDECIDED, challenge=LEFT), cues=cues)
            life.give(Saw(sighting=sighting(person)))
            if cannot:
                life.give(Tapped(button=CANNOT_BUTTON))
            left = replace(person, challenge=None, pin_left=True)
            assert isinstance(life.give(Saw(sighting=sighting(left))), PinNumber)
            told = life.notes
            assert len(told) == (notes if cannot else 1), (cues, cannot)


def test_f3_what_is_asked_is_said_also_where_only_results_are() -> None:
    life = Life()
    state = doubted(life)
    context = a_context(life)
    told = spoken_of(state, context, guide=False)
    assert told is not None
    assert told.text == words.ENGLISH.challenges[LEFT]
    for hint, said in ((Reason.MASK, words.ENGLISH.hints[Reason.MASK]), (Reason.TOO_FAR, None)):
        looking = Looking(track_id=1, arrived_at=context.now.at, hint=hint, seen_at_s=0.0)
        told = spoken_of(looking, context, guide=False)
        assert (told.text if told is not None else None) == said
    dark = Looking(track_id=1, arrived_at=context.now.at, hint=Reason.TOO_DARK, seen_at_s=0.0)
    lighting = spoken_of(dark, replace(context, lighting=True), guide=True)
    assert lighting is not None
    assert lighting.text == words.ENGLISH.lighting


def a_context(life: Life) -> Context:
    def measure(text: str, size: float, weight: Weight) -> float:
        return 0.5 * size * len(text)

    return Context(
        width_px=800,
        height_px=480,
        measure=measure,
        now=now(life.at_s),
        zone=rules().zone,
        say=words.ENGLISH,
        office="",
    )


def test_f3_the_screen_shows_how_much_time_is_left_and_a_head_that_moves() -> None:
    life = Life()
    parts, heads = [], []
    for _ in range(20):
        screen = screen_of(doubted(life), a_context(life))
        assert screen.progress is not None
        parts.append(screen.progress.part)
        heads.append(screen.shapes)
        assert {CANNOT_BUTTON, PIN_BUTTON, EASE_BUTTON} <= {button.id for button in screen.buttons}
    assert all(one > other for one, other in itertools.pairwise(parts))
    assert all(one != other for one, other in itertools.pairwise(heads))


# --- from the camera to the screen and back -------------------------------------------------------------------------


class Doubting:
    """An eye whose models doubt everybody, and that sees nobody turn."""

    def __init__(self, logit: float = -2.0) -> None:
        self.logit, self.frames = logit, 0

    def look(self, picture: Picture, face: Face, *, at_s: float) -> Glance:
        self.frames += 1
        return Glance(at_s=at_s, face=face.box, logits={"made up": self.logit})

    def forget(self) -> None: ...


def through(answers: Sequence[Tapped], *, frames: int = 200) -> tuple[Life, list[State]]:
    """Return a visit before a camera whose guard is told at each frame what the screen asks, as vision is."""
    script = [[Actor(who=1)]] * frames
    guard = Guard(Doubting(), always=False, attended=True, draw=lambda: 1)
    looker, life = Looker(StageEngine(script), settings(), guard=guard), Life()
    waiting, states, told, gallery = list(answers), [], None, gallery_of(1)
    for number in range(frames):
        seen = looker.look(frame(number), gallery, answered=life.visit.memory.done, asked=told)
        life.at_s = number / 15
        life.give(Saw(sighting=seen))
        if isinstance(life.state, Challenged) and waiting:
            life.give(waiting.pop(0))
        life.give(Tick())
        told = asked(life.state, now(life.at_s))
        states.append(life.state)
    return life, states


def asked_in(states: list[State]) -> dict[Challenge, float]:
    """Return how long each thing was asked, in seconds."""
    count = Counter(state.challenge for state in states if isinstance(state, Challenged))
    return {challenge: frames / 15 for challenge, frames in count.items()}


def test_f3_who_does_nothing_is_asked_twice_and_then_left_the_pin() -> None:
    life, states = through([])
    assert list(asked_in(states).values()) == pytest.approx([ASKED_S, ASKED_S], abs=0.2)
    assert any(isinstance(state, PinNumber) for state in states)
    assert life.records == []
    _, slow = through([Tapped(button=EASE_BUTTON)], frames=400)
    assert list(asked_in(slow).values()) == pytest.approx([9.0, 9.0], abs=0.3)


def test_f3_who_cannot_turn_and_may_be_a_film_has_the_keypad_within_two_frames() -> None:
    life, states = through([Tapped(button=CANNOT_BUTTON)])
    assert sum(asked_in(states).values()) < 0.25
    keypad = next(state for state in states if isinstance(state, PinNumber))
    assert keypad.keypad.reason is KeypadReason.NOT_RECOGNISED
    assert life.records == []


@pytest.mark.parametrize("dark", [False, True])
def test_f3_what_a_camera_shows_while_it_gets_used_to_the_light_is_no_evidence(dark: bool) -> None:
    script = [[Actor(who=1)]] * 60
    eye = Doubting(2.0)
    looker = Looker(StageEngine(script), settings(), guard=Guard(eye, always=False, attended=True))
    pads = []
    for number in range(60):
        seen = looker.look(frame(number), gallery_of(1), settling=dark and number < 40)
        assert seen.served is not None or number < 3
        pads.append(seen.served.pad if seen.served is not None else PadVerdict.UNDECIDED)
        if dark and number < 40:
            assert eye.frames == 0
    believed = pads.index(PadVerdict.BONA_FIDE)
    assert (believed >= 40) == dark


def test_f3_what_was_seen_before_the_light_changed_counts_no_more() -> None:
    """A face exchanged while the camera is blind to it is a new one."""
    script = [[Actor(who=1)]] * 60
    eye = Doubting(2.0)
    guard = Guard(eye, always=False, attended=True)
    looker = Looker(StageEngine(script), settings(), guard=guard)
    gallery, pads = gallery_of(1), []
    for number in range(60):
        seen = looker.look(frame(number), gallery, answered=(), settling=30 <= number < 39)
        pads.append(seen.served.pad if seen.served is not None else PadVerdict.UNDECIDED)
    assert pads[29] is PadVerdict.BONA_FIDE
    assert all(each is PadVerdict.UNDECIDED for each in pads[30:45]), "it is looked at as if it had just come"


def masked_visit(unmasked_at_s: float) -> list[Judged]:
    eye = Doubting(-2.0)
    judged = []
    guard = Guard(eye, always=False)
    for number in range(120):
        at_s = number / 15
        masked = at_s < unmasked_at_s
        eye.logit = -2.0 if masked else 2.0
        guard.look(PICTURE, face_of(Actor(who=1)), track_id=1, at_s=at_s, first=None, masked=masked)
        judged.append(guard.judge(1, known=True, now_s=at_s, twin_threshold=0.9, masked=masked and at_s > 0.9))
    return judged


def test_f3_somebody_masked_is_asked_to_take_that_off_and_then_believed_without_a_turn() -> None:
    judged = masked_visit(3.0)
    assert {each.challenge for each in judged} == {None}
    assert Reason.MASK in {each.hint for each in judged}
    assert judged[-1].pad is PadVerdict.BONA_FIDE
    assert judged[-1].hint is None
    assert not any(each.pin_left for each in judged)


def test_f3_who_keeps_the_mask_on_is_left_the_pin() -> None:
    judged = masked_visit(60.0)
    assert judged[-1].pin_left
    assert all(each.pad is PadVerdict.UNDECIDED for each in judged)
    asked_s = sum(each.hint is Reason.MASK for each in judged) / 15
    assert asked_s == pytest.approx(6.0, abs=0.2)


def test_f3_a_mask_drawn_on_a_photo_takes_nothing_off_what_denies() -> None:
    guard = Guard(Doubting(-2.0), always=False)
    for number in range(40):
        guard.look(PICTURE, face_of(Actor(who=1)), track_id=1, at_s=number / 15, first=None, masked=True)
    guard.found_beside(1, 0.95)
    assert guard.judge(1, known=True, now_s=3.0, twin_threshold=0.9, masked=True).pad is PadVerdict.ATTACK
