"""From cues to a verdict, by rules that can be read. *Pure*.

In this order:
1. A cue that denies makes it an attack; no other cue, and nothing that was done when asked, outvotes it.
2. A face that moves as a plane and is doubted by another cue as well is an attack: two independent reasons.
3. What was asked and not done leaves it undecided, and the PIN; nobody is called an attacker for it.
4. What was asked and done makes it a person: as many times as the doubt asks for.
5. A doubt, a model that is missing, or a policy that always asks leaves it undecided, and something is asked.
6. What is left is a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sync.messages import PadVerdict
from terminal.liveness.cues import Cue, Finding, Reason
from terminal.liveness.gestures import Answer

_FILM = (Reason.EDGE, Reason.FRAME, Reason.PASSIVE)
"""Doubts that leave room for a film on a screen: only turns are asked then."""
_SCREEN = (Reason.EDGE, Reason.FRAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class PadPolicy:
    """`always`: everybody is asked something, whatever the cues say."""

    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`asks`: how many things are still to be asked; with none and an undecided verdict, the PIN is left. `film`: what
    is asked must be a turn. `because` names the cues that told, for the review desk: never for who stands there."""

    verdict: PadVerdict
    asks: int = 0
    film: bool = False
    because: tuple[Reason, ...] = ()


def decide(cues: Sequence[Cue], answers: Sequence[Answer] = (), policy: PadPolicy | None = None) -> Decision:
    """Return the verdict on a track whose cues are these; `answers` are those to what it was asked so far."""
    always = policy is not None and policy.always
    found = {cue.reason: cue.finding for cue in cues}
    denied = tuple(cue.reason for cue in cues if cue.finding is Finding.DENY)
    if denied:
        return Decision(verdict=PadVerdict.ATTACK, because=denied)
    doubts = tuple(cue.reason for cue in cues if cue.finding is Finding.SUSPECT)
    if Reason.RELIEF in doubts and any(each in doubts for each in _FILM):
        return Decision(verdict=PadVerdict.ATTACK, because=doubts)
    if Answer.FAILED in answers:
        return Decision(verdict=PadVerdict.UNDECIDED, because=doubts)
    unread = found.get(Reason.PASSIVE, Finding.NO_EVIDENCE) is Finding.NO_EVIDENCE
    wanted = 0
    if doubts or unread or always:
        wanted = 2 if any(each in doubts for each in _SCREEN) else 1
    left = wanted - sum(answer is Answer.MET for answer in answers)
    if left > 0:
        film = any(each in doubts for each in _FILM) or unread
        return Decision(verdict=PadVerdict.UNDECIDED, asks=left, film=film, because=doubts)
    return Decision(verdict=PadVerdict.BONA_FIDE, because=doubts)
