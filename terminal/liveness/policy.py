"""From cues to a verdict, by rules that can be read. *Pure*.

In this order:
1. A cue that denies makes it an attack; no other cue, and nothing that was done when asked, outvotes it.
2. A face that moves as a plane and is doubted by another cue as well is an attack: two independent reasons.
3. What was asked and not done twice leaves it undecided, and the PIN; nobody is called an attacker for it. Once may be
   left taken for right: then two things are asked, and what was done before counts no more.
4. What was asked and done makes it a person: as many times as the doubt asks for.
5. A doubt, a model that is missing, or a policy that always asks leaves it undecided, and something is asked; but not
   before 0.9 s, and not while models that have not seen enough yet may still clear somebody patient.
6. Nobody is a person who was looked at for less than that; 0.6 s do for who showed the relief of a head.
7. What is left is a person.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sync.messages import PadVerdict
from terminal.liveness.cues import Cue, Finding, Reason
from terminal.liveness.gestures import Answer

_FILM = (Reason.EDGE, Reason.FRAME, Reason.MOIRE, Reason.PASSIVE)
"""Doubts that leave room for a film on a screen: only turns are asked then."""
_SCREEN = (Reason.EDGE, Reason.FRAME, Reason.MOIRE)
_TRIES = 2
LEAST_LOOK_S, STILL_LOOK_S = 0.6, 0.9
"""How long a track is looked at before anybody is believed: who showed the relief of a head, and who did not. Relief
and edges are first told after 0.3 s and a hand waves a sheet once a second: models that take a print or a screen for
living are overruled by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PadPolicy:
    """`always`: everybody is asked something, whatever the cues say. `reads`: the passive models are there, and worth
    waiting for. `cues_alone`: they are not, and who showed the relief of a head is believed without them."""

    always: bool = False
    reads: bool = True
    cues_alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`asks`: how many things are still to be asked; with none and an undecided verdict, the PIN is left. `film`: what
    is asked must be a turn; `photo`: no relief of a head was seen, and a photo can come closer. `because` names the
    cues that told, for the review desk: never for who stands there."""

    verdict: PadVerdict
    asks: int = 0
    look_on: bool = False
    film: bool = False
    photo: bool = False
    because: tuple[Reason, ...] = ()


def decide(
    cues: Sequence[Cue],
    answers: Sequence[Answer] = (),
    policy: PadPolicy | None = None,
    *,
    looked_s: float = math.inf,
    patient: bool = False,
    asked: bool = False,
) -> Decision:
    """Return the verdict on a track whose cues are these; `answers` are those to what it was asked so far.

    `looked_s` is how long the track was looked at; whoever is `patient` has not waited long yet. `asked`: something was
    asked already, for a doubt that does not go away by itself.
    """
    policy = policy or PadPolicy()
    found = {cue.reason: cue.finding for cue in cues}
    denied = tuple(cue.reason for cue in cues if cue.finding is Finding.DENY)
    if denied:
        return Decision(verdict=PadVerdict.ATTACK, because=denied)
    doubts = tuple(cue.reason for cue in cues if cue.finding is Finding.SUSPECT)
    if Reason.RELIEF in doubts and any(each in doubts for each in _FILM):
        return Decision(verdict=PadVerdict.ATTACK, because=doubts)
    failed = sum(answer is Answer.FAILED for answer in answers)
    if failed >= _TRIES:
        return Decision(verdict=PadVerdict.UNDECIDED, because=doubts)
    if policy.cues_alone:
        unread = found.get(Reason.RELIEF, Finding.NO_EVIDENCE) is Finding.NO_EVIDENCE
        reading = unread and patient
    else:
        unread = found.get(Reason.PASSIVE, Finding.NO_EVIDENCE) is Finding.NO_EVIDENCE
        reading = unread and patient and policy.reads
    wanted = 0
    if doubts or unread or policy.always:
        wanted = 2 if any(each in doubts for each in _SCREEN) else 1
    if failed:
        wanted = 2
    elif asked:
        wanted = max(wanted, 1)
    left = wanted - _met(answers)
    headlike = found.get(Reason.RELIEF) is Finding.CLEAR
    if left > 0:
        film = any(each in doubts for each in _FILM) or unread
        look_on = looked_s < STILL_LOOK_S or (reading and not doubts and not policy.always)
        return Decision(
            verdict=PadVerdict.UNDECIDED, asks=left, look_on=look_on, film=film, photo=not headlike, because=doubts
        )
    if looked_s < (LEAST_LOOK_S if headlike else STILL_LOOK_S):
        return Decision(verdict=PadVerdict.UNDECIDED, look_on=True, because=doubts)
    return Decision(verdict=PadVerdict.BONA_FIDE, because=doubts)


def _met(answers: Sequence[Answer]) -> int:
    """Return how many things were asked and done since the last that was not."""
    met = 0
    for answer in answers:
        met = met + 1 if answer is Answer.MET else 0 if answer is Answer.FAILED else met
    return met
