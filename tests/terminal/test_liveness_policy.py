"""F3: the truth table of the liveness policy, whole; and what is asked of somebody in doubt."""

import itertools
import random

import hypothesis.strategies as some
import pytest
from hypothesis import given

from sync.messages import PadVerdict
from terminal.liveness.challenge import TURNS, declined, pick
from terminal.liveness.cues import Cue, Finding, Reason
from terminal.liveness.gestures import Answer
from terminal.liveness.policy import Decision, PadPolicy, decide
from terminal.sighting import Challenge

DENY, SUSPECT, CLEAR, SILENT = Finding.DENY, Finding.SUSPECT, Finding.CLEAR, Finding.NO_EVIDENCE
SAYS = {
    Reason.PASSIVE: (SUSPECT, CLEAR, SILENT),
    Reason.RELIEF: (DENY, SUSPECT, CLEAR, SILENT),
    Reason.EDGE: (DENY, SUSPECT, SILENT),
    Reason.FRAME: (SUSPECT, SILENT),
    Reason.REPEATS: (DENY, SILENT),
    Reason.ARRIVAL: (SUSPECT, SILENT),
    Reason.TWIN: (DENY, SILENT),
    Reason.MOIRE: (DENY, SUSPECT, SILENT),
}
"""Of each cue what makes a difference: of these, but for the first two, that it is clear is the same as silence."""
WAITING, MET, FAILED = Answer.WAITING, Answer.MET, Answer.FAILED
ANSWERS = [[WAITING], *(list(each) for length in range(5) for each in itertools.product((MET, FAILED), repeat=length))]
SHEET = {Reason.EDGE, Reason.FRAME, Reason.MOIRE}
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
        assert not decision.look_on, "who was looked at for long"
        denied = DENY in row.values()
        doubts = [reason for reason, finding in row.items() if finding is SUSPECT]
        plane_and_more = Reason.RELIEF in doubts and {Reason.PASSIVE, *SHEET} & set(doubts)
        sheet = SHEET & set(doubts)
        needs = 2 if sheet or FAILED in answers else int(bool(doubts) or row[Reason.PASSIVE] is SILENT or always)
        done = len("".join(each[0] for each in answers).rpartition("f")[2].replace("w", ""))
        if denied or plane_and_more:
            wanted = PadVerdict.ATTACK
        elif answers.count(FAILED) > 1 or done < needs:
            wanted = PadVerdict.UNDECIDED
        else:
            wanted = PadVerdict.BONA_FIDE
        assert decision.verdict is wanted, (row, answers, always)
        asks = needs - done if wanted is PadVerdict.UNDECIDED and answers.count(FAILED) < 2 else 0
        assert decision.asks == asks, (row, answers, always)
        verdicts.add(decision.verdict)
    assert len(ROWS) == 1728
    assert verdicts == {PadVerdict.ATTACK, PadVerdict.UNDECIDED, PadVerdict.BONA_FIDE}


def test_f3_a_second_camera_denies_alone_and_its_doubt_counts_as_any() -> None:
    """Beside each row: what it sees never makes up for what another cue found."""
    for row in ROWS:
        rest = [Cue(reason=reason, finding=finding) for reason, finding in row.items()]
        doubted = [
            Cue(reason=reason, finding=SUSPECT if reason is Reason.ARRIVAL else found) for reason, found in row.items()
        ]

        def beside(finding: Finding, rest: list[Cue] = rest) -> Decision:
            return decide([*rest, Cue(reason=Reason.SECOND, finding=finding)])

        assert beside(DENY).verdict is PadVerdict.ATTACK
        assert beside(CLEAR) == beside(SILENT) == decide(rest)
        assert (beside(SUSPECT).verdict, beside(SUSPECT).asks) == (decide(doubted).verdict, decide(doubted).asks), row


def test_f3_nobody_is_believed_or_asked_before_motion_can_have_told() -> None:
    """Too early, a verdict other than attack becomes "look on", whatever the row; what was not done twice stays."""
    for row, answers in itertools.product(ROWS, ANSWERS):
        given = [Cue(reason=reason, finding=finding) for reason, finding in row.items()]
        late = decide(given, answers)
        for looked_s in (0.0, 0.59, 0.7, 0.89, 1.0):
            early = decide(given, answers, looked_s=looked_s)
            enough = looked_s > 0.9 or (looked_s > 0.6 and row[Reason.RELIEF] is CLEAR and not late.asks)
            if late.verdict is PadVerdict.ATTACK or answers.count(FAILED) > 1 or enough:
                assert early == late, (row, answers, looked_s)
            else:
                assert (early.verdict, early.look_on) == (PadVerdict.UNDECIDED, True), (row, answers, looked_s)


def test_somebody_patient_is_looked_at_until_the_models_have_seen_enough() -> None:
    unread = cues(passive=SILENT, relief=CLEAR)
    assert decide(unread, patient=True).look_on
    assert not decide(unread, patient=False).look_on
    assert not decide(unread, (), PadPolicy(reads=False), patient=True).look_on, "there are none to wait for"
    assert not decide(cues(passive=SILENT, frame=SUSPECT), patient=True).look_on, "they would not clear that"


def test_f3_a_doubt_that_was_asked_about_does_not_go_away_by_itself() -> None:
    for row in ROWS:
        given = [Cue(reason=reason, finding=finding) for reason, finding in row.items()]
        assert decide(given, asked=True).verdict is not PadVerdict.BONA_FIDE, row
        if not {SUSPECT, DENY} & set(row.values()):
            assert decide(given, [Answer.MET], asked=True).verdict is PadVerdict.BONA_FIDE, row


def test_by_the_cues_alone_who_showed_the_relief_of_a_head_is_believed_and_nobody_else() -> None:
    alone = PadPolicy(reads=False, cues_alone=True)
    for row in ROWS:
        if row[Reason.PASSIVE] is not SILENT:
            continue
        given = [Cue(reason=reason, finding=finding) for reason, finding in row.items()]
        believed = row[Reason.RELIEF] is CLEAR and not {SUSPECT, DENY} & set(row.values())
        assert (decide(given, (), alone).verdict is PadVerdict.BONA_FIDE) is believed, row


def test_of_the_other_cues_clear_is_the_same_as_silence() -> None:
    for row in ROWS:
        cleared = {
            reason: CLEAR if finding is SILENT and reason not in (Reason.PASSIVE, Reason.RELIEF) else finding
            for reason, finding in row.items()
        }
        plain, clear = (
            [Cue(reason=reason, finding=finding) for reason, finding in each.items()] for each in (row, cleared)
        )
        assert decide(plain) == decide(clear), row


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
    decision = decide(cues(passive=SUSPECT), [FAILED, FAILED])
    assert (decision.verdict, decision.asks) == (PadVerdict.UNDECIDED, 0)


def test_who_takes_left_for_right_once_is_asked_for_two_things_more() -> None:
    for doubt in (cues(passive=SUSPECT), cues(frame=SUSPECT), cues(arrival=SUSPECT)):
        assert [decide(doubt, [FAILED, *[MET] * done]).asks for done in range(3)] == [2, 1, 0]
        assert decide(doubt, [FAILED, MET, MET]).verdict is PadVerdict.BONA_FIDE
        assert decide(doubt, [FAILED, MET, FAILED]).verdict is PadVerdict.UNDECIDED
    assert decide(cues(frame=SUSPECT), [MET, FAILED]).asks == 2, "what was done before counts no more"


@pytest.mark.parametrize(("doubt", "most"), [("passive", 0.42), ("frame", 0.25)])
def test_f3_a_film_that_shows_one_way_at_a_time_is_seldom_right(doubt: str, most: float) -> None:
    """Whoever shows a film cannot know which way is asked next: how often they guess right, counted."""
    seed = 20267
    print("seed", seed)
    chance, tries, passed = random.Random(seed), 20_000, 0
    doubts, last = cues(**{doubt: SUSPECT}), None
    for _ in range(tries):
        answers: list[Answer] = []
        while decide(doubts, answers).asks:
            asked = pick(draw=chance.randrange(1 << 30), last=last, film=True)
            shown = chance.choice([each for each in TURNS if each is not last])
            answers.append(MET if shown is asked else FAILED)
            last = asked
        passed += decide(doubts, answers).verdict is PadVerdict.BONA_FIDE
    print(doubt, passed / tries)
    assert most - 0.06 < passed / tries < most


@given(
    draws=some.lists(some.integers(0, 2**64), min_size=1, max_size=30),
    cannot=some.sets(some.sampled_from(Challenge)),
    film=some.booleans(),
    photo=some.booleans(),
    eyes=some.booleans(),
    near=some.booleans(),
)
def test_f3_nobody_is_asked_the_same_twice_running_or_what_they_cannot_or_what_proves_nothing(
    draws: list[int], cannot: set[Challenge], film: bool, photo: bool, eyes: bool, near: bool
) -> None:
    last = None
    for draw in draws:
        asked = pick(draw=draw, last=last, cannot=cannot, film=film, photo=photo, eyes=eyes, near=near)
        if asked is None:
            break
        assert asked is not last
        assert asked not in cannot
        assert asked in TURNS or not (film or set(TURNS) - cannot)
        assert asked is not Challenge.BLINK or eyes
        assert asked is not Challenge.COME_CLOSER or not (photo or near)
        last = asked


def test_whoever_declines_one_turn_chooses_no_other() -> None:
    for turn in TURNS:
        assert pick(draw=3, last=turn, cannot=declined(turn), film=True) is None
        assert pick(draw=3, last=turn, cannot=declined(turn), photo=True) is Challenge.BLINK
    assert declined(Challenge.BLINK) == (Challenge.BLINK,)


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


def test_eyes_too_small_to_be_read_are_not_asked_to_blink_and_who_is_near_comes_no_closer() -> None:
    assert pick(draw=0, last=None, cannot=TURNS, eyes=False) is Challenge.COME_CLOSER
    assert pick(draw=1, last=None, cannot=TURNS, near=True) is Challenge.BLINK
    assert pick(draw=1, last=None, cannot=TURNS, near=True, eyes=False) is None
