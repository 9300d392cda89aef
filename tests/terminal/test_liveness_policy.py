"""F3: the truth table of the liveness policy, whole; and what is asked of somebody in doubt."""

import itertools
import random

import pytest

from sync.messages import PadVerdict
from terminal.liveness.challenge import TURNS, pick
from terminal.liveness.cues import Cue, Finding, Reason
from terminal.liveness.gestures import Answer
from terminal.liveness.policy import Decision, PadPolicy, decide
from terminal.sighting import Challenge

DENY, SUSPECT, CLEAR, SILENT = Finding.DENY, Finding.SUSPECT, Finding.CLEAR, Finding.NO_EVIDENCE
SAYS = {
    Reason.PASSIVE: (SUSPECT, CLEAR, SILENT),
    Reason.RELIEF: (DENY, SUSPECT, CLEAR, SILENT),
    Reason.EDGE: (DENY, SUSPECT, SILENT),
    Reason.FRAME: (SUSPECT, CLEAR, SILENT),
    Reason.REPEATS: (DENY, CLEAR, SILENT),
    Reason.ARRIVAL: (SUSPECT, CLEAR, SILENT),
    Reason.TWIN: (DENY, CLEAR, SILENT),
}
ANSWERS = [[], [Answer.WAITING], [Answer.FAILED], [Answer.MET], [Answer.MET, Answer.MET], [Answer.MET, Answer.FAILED]]
ROWS = [dict(zip(SAYS, row, strict=True)) for row in itertools.product(*SAYS.values())]


def cues(**found: Finding) -> list[Cue]:
    said = {Reason.PASSIVE: CLEAR, **{Reason(name): finding for name, finding in found.items()}}
    return [Cue(reason=reason, finding=said.get(reason, SILENT)) for reason in Reason]


def test_f3_the_truth_table_has_every_row() -> None:
    """What the rules say in words, said once more in another way, for each of the rows."""
    verdicts = set()
    for row, answers, always in itertools.product(ROWS, ANSWERS, (False, True)):
        given = [Cue(reason=reason, finding=finding) for reason, finding in row.items()]
        decision = decide(given, answers, PadPolicy(always=always))
        denied = DENY in row.values()
        doubts = [reason for reason, finding in row.items() if finding is SUSPECT]
        plane_and_more = Reason.RELIEF in doubts and {Reason.PASSIVE, Reason.EDGE, Reason.FRAME} & set(doubts)
        sheet = {Reason.EDGE, Reason.FRAME} & set(doubts)
        needs = 2 if sheet else int(bool(doubts) or row[Reason.PASSIVE] is SILENT or always)
        done = answers.count(Answer.MET)
        if denied or plane_and_more:
            wanted = PadVerdict.ATTACK
        elif Answer.FAILED in answers or done < needs:
            wanted = PadVerdict.UNDECIDED
        else:
            wanted = PadVerdict.BONA_FIDE
        assert decision.verdict is wanted, (row, answers, always)
        asks = needs - done if wanted is PadVerdict.UNDECIDED and Answer.FAILED not in answers else 0
        assert decision.asks == asks, (row, answers, always)
        verdicts.add(decision.verdict)
    assert len(ROWS) == 2916
    assert verdicts == {PadVerdict.ATTACK, PadVerdict.UNDECIDED, PadVerdict.BONA_FIDE}


def test_f3_a_cue_that_denies_is_never_outvoted() -> None:
    for row, answers in itertools.product(ROWS, ANSWERS):
        if DENY in row.values():
            given = [Cue(reason=reason, finding=finding) for reason, finding in row.items()]
            assert decide(given, answers).verdict is PadVerdict.ATTACK


def test_more_doubt_never_makes_it_easier() -> None:
    """One cue worse and all else the same: the verdict is never better, and never less is asked."""
    rank = {PadVerdict.BONA_FIDE: 0, PadVerdict.UNDECIDED: 1, PadVerdict.ATTACK: 2}
    worse = {CLEAR: SUSPECT, SILENT: SUSPECT, SUSPECT: DENY}

    def how_bad(decision: Decision) -> tuple[int, int]:
        return rank[decision.verdict], decision.asks

    for row, answers in itertools.product(ROWS, ANSWERS):
        before = decide([Cue(reason=reason, finding=finding) for reason, finding in row.items()], answers)
        for reason, finding in row.items():
            if finding in worse:
                changed = {**row, reason: worse[finding]}
                after = decide([Cue(reason=each, finding=said) for each, said in changed.items()], answers)
                assert how_bad(after) >= how_bad(before), (row, reason, answers)


def test_an_unsuspected_person_is_asked_nothing() -> None:
    assert decide(cues()) == Decision(verdict=PadVerdict.BONA_FIDE)
    assert decide(cues(relief=CLEAR, frame=CLEAR, arrival=CLEAR)).asks == 0


def test_without_the_models_everybody_is_asked() -> None:
    decision = decide(cues(passive=SILENT, relief=CLEAR))
    assert (decision.verdict, decision.asks, decision.film) == (PadVerdict.UNDECIDED, 1, True)


def test_the_policy_may_always_ask() -> None:
    assert decide(cues(relief=CLEAR), (), PadPolicy(always=True)).asks == 1
    assert decide(cues(relief=CLEAR), [Answer.MET], PadPolicy(always=True)).verdict is PadVerdict.BONA_FIDE


def test_what_was_not_done_is_no_attack() -> None:
    decision = decide(cues(passive=SUSPECT), [Answer.FAILED])
    assert (decision.verdict, decision.asks) == (PadVerdict.UNDECIDED, 0)


def test_a_frame_around_the_face_takes_two_turns() -> None:
    assert decide(cues(frame=SUSPECT)).asks == 2
    assert decide(cues(frame=SUSPECT), [Answer.MET]).asks == 1
    assert decide(cues(frame=SUSPECT), [Answer.MET, Answer.MET]).verdict is PadVerdict.BONA_FIDE


@pytest.mark.parametrize("film", [False, True])
def test_the_same_is_never_asked_twice_running(film: bool) -> None:
    seed = 20260
    print("seed", seed)
    chance, last, asked = random.Random(seed), None, []
    for _ in range(200):
        challenge = pick(draw=chance.randrange(1 << 30), last=last, film=film)
        assert challenge is not None
        assert challenge is not last
        last = challenge
        asked.append(challenge)
    assert set(asked) == set(TURNS)


def test_the_first_thing_asked_is_left_to_chance() -> None:
    assert {pick(draw=draw, last=None) for draw in range(10)} == set(TURNS)


def test_who_cannot_turn_blinks_unless_it_may_be_a_film() -> None:
    assert pick(draw=0, last=None, cannot=TURNS) is Challenge.BLINK
    assert pick(draw=0, last=None, cannot=TURNS, film=True) is None
    assert pick(draw=0, last=Challenge.BLINK, cannot=(*TURNS, Challenge.COME_CLOSER)) is None


def test_who_cannot_turn_left_turns_right() -> None:
    assert pick(draw=7, last=None, cannot=[Challenge.TURN_LEFT], film=True) is Challenge.TURN_RIGHT
