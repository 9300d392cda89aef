"""Whether whoever is served is there in person: an eye, what it saw of the track, and what is asked of them.

One track at a time, the one that is being identified: with another id everything begins anew. Nothing is asked before
somebody is known, so that strangers do no exercises; meanwhile evidence gathers.
"""

import logging
import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sync.messages import PadVerdict
from terminal.faces import Face, Picture
from terminal.liveness import policy
from terminal.liveness.arrival import First
from terminal.liveness.challenge import declined, pick
from terminal.liveness.cues import Cue, Finding
from terminal.liveness.cues import Reason as CueReason
from terminal.liveness.eye import Eye
from terminal.liveness.gestures import Answer, answer_to, usually
from terminal.liveness.watch import Watch, anew, beside, cues_of, watched
from terminal.quality import Reason
from terminal.sighting import ASKED_S, Asked, Challenge

_PATIENCE_S = 1.5
"""Somebody known waits so long at most for the passive models' first frames before they are asked something."""

_log = logging.getLogger("hadir.terminal.guard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is to be done with a track. `pin_left`: nothing is left to ask, so the PIN is. `cues` are the names of those
    that told against it, for the review desk: never for who stands there. `hint`: what would help."""

    pad: PadVerdict = PadVerdict.NOT_CHECKED
    challenge: Challenge | None = None
    pin_left: bool = False
    cues: tuple[str, ...] = ()
    hint: Reason | None = None


_WAITING = Judged(pad=PadVerdict.UNDECIDED)
_LOWERED_S = 6.0
"""How long somebody has to take off a mask, of which the passive models say nothing, before the PIN is left."""
_NEAR = 0.4
"""Of the picture's longer side: a face this large has no room to come closer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """What is asked: what is seen from `since_s` on counts, until `until_s`."""

    challenge: Challenge
    since_s: float
    until_s: float


class Guard:
    """What is known of the served track. Belongs to the thread that has the frames."""

    def __init__(
        self,
        eye: Eye,
        *,
        always: bool,
        reads: bool = True,
        cues_alone: bool = False,
        attended: bool = False,
        draw: Callable[[], int] = lambda: secrets.randbits(32),
    ) -> None:
        """`always`, `reads` and `cues_alone` as in policy.PadPolicy. `attended`: whoever shows what is asked keeps the
        time, and tells by `hear`. `draw` is any random number of 0 or more."""
        self._eye, self._draw, self._attended = eye, draw, attended
        self._policy = policy.PadPolicy(always=always, reads=reads, cues_alone=cues_alone)
        self._last: Challenge | None = None
        self._better: tuple[Eye, policy.PadPolicy] | None = None
        self.forget()

    def equip(self, eye: Eye, better: policy.PadPolicy) -> None:
        """The next track is looked at by `eye` and judged by that policy, and each after it. Any thread."""
        self._better = eye, better

    @property
    def goes_by(self) -> policy.PadPolicy:
        """The policy of the track that is looked at."""
        return self._policy

    def forget(self) -> None:
        """Nothing is known of anybody; what was asked last is still not asked again."""
        if self._better is not None:
            self._eye, self._policy = self._better
        self._eye.forget()
        self._watch: Watch | None = None
        self._answers: tuple[Answer, ...] = ()
        self._asked: _Asking | None = None
        self._cannot: tuple[Challenge, ...] = ()
        self._usual: tuple[float, float] | None = None
        self._near = False
        self._led = False
        self._masked_s: float | None = None
        self._known_s: float | None = None
        self._attack = False
        self._told: tuple[str, ...] = ()

    def look(
        self,
        picture: Picture,
        face: Face,
        *,
        track_id: int,
        at_s: float,
        first: First | None,
        masked: bool = False,
    ) -> None:
        """The frame counts for track `track_id`, and for no other. What the passive models say of a face that looks
        `masked` does not: they refuse masks."""
        if self._watch is None or self._watch.track_id != track_id:
            self.forget()
        glance = self._eye.look(picture, face, at_s=at_s)
        if masked:
            glance = replace(glance, logits={})
        self._watch = watched(self._watch, track_id, glance, first=first)
        self._near = max(face.box.width, face.box.height) > _NEAR * max(picture.shape[:2])

    def hear(self, shown: Asked | None, *, now_s: float) -> None:
        """What the screen asks at `now_s` is known. The time for an answer runs from when it asks what it should."""
        asked, watch = self._asked, self._watch
        if not self._attended or asked is None or watch is None or shown is None:
            return
        if (shown.track_id, shown.challenge) != (watch.track_id, asked.challenge):
            return
        if shown.cannot:
            self._cannot = (*self._cannot, *declined(asked.challenge))
            self._asked = None
        elif math.isinf(asked.since_s):
            self._asked = replace(asked, since_s=now_s)
        elif shown.over:
            self._asked = replace(asked, until_s=min(asked.until_s, now_s))

    def lead(self, challenge: Challenge | None, *, now_s: float) -> None:
        """Of the track that is looked at `challenge` is asked from now on, as long as it takes, or nothing: another
        leads it. Nothing else is asked, and nobody is believed who showed neither a turn that was asked nor relief."""
        self._led, self._asked = True, None
        if challenge is not None and self._watch is not None:
            if self._usual is None and self._watch.bearings:
                self._usual = usually(self._watch.bearings)
            self._asked = _Asking(challenge=challenge, since_s=now_s, until_s=math.inf)

    @property
    def waits(self) -> bool:
        """Whether what is asked was neither done yet nor taken for something else."""
        return self._asked is not None

    def begin_anew(self, track_id: int) -> None:
        """What track `track_id` showed so far speaks for it no more: it may have been another face. What told against
        it does, and what was asked of it is to be done from now on."""
        if self._watch is not None and self._watch.track_id == track_id:
            self._watch = anew(self._watch)
            self._eye.forget()

    def found_beside(self, track_id: int, score: float) -> None:
        """Another face in the same frame is `score` alike to that of track `track_id`."""
        if self._watch is not None and self._watch.track_id == track_id:
            self._watch = beside(self._watch, score)

    def judge(self, track_id: int, *, known: bool, now_s: float, twin_threshold: float, masked: bool = False) -> Judged:
        """Return what is to be done with track `track_id`; `known`: it has been identified. An attack stays one.

        Who is `masked` is asked to take that off, where the passive models would have a say.
        """
        watch = self._watch
        if watch is None or watch.track_id != track_id:
            return _WAITING
        self._note_answer(watch, now_s)
        if known and self._known_s is None:
            self._known_s = now_s
        found = cues_of(watch, twin_threshold=twin_threshold)
        decision = policy.decide(
            found,
            self._answers,
            self._policy,
            looked_s=watch.looked_s,
            patient=self._known_s is None or now_s < self._known_s + _PATIENCE_S,
            asked=not self._led and (self._asked is not None or bool(self._answers)),
        )
        if decision.verdict is PadVerdict.ATTACK and not self._attack:
            self._attack = True
            _log.warning("track %d is no person: %s", track_id, ", ".join(decision.because))
        cues = tuple(each.value for each in decision.because)
        self._told = tuple(dict.fromkeys((*self._told, *cues)))
        if self._attack:
            return Judged(pad=PadVerdict.ATTACK, cues=self._told)
        if not known:
            return _WAITING
        seen = not self._led or Answer.MET in self._answers or _headlike(found)
        if decision.verdict is PadVerdict.BONA_FIDE and seen:
            return Judged(pad=PadVerdict.BONA_FIDE, cues=self._told)
        if self._led:
            return Judged(pad=PadVerdict.UNDECIDED, cues=self._told)
        if self._asked is not None:
            return Judged(pad=PadVerdict.UNDECIDED, challenge=self._asked.challenge, cues=self._told)
        if masked and self._policy.reads and decision.asks and not self._answers:
            return self._unmasking(now_s)
        if decision.look_on:
            return _WAITING
        asked = self._ask(watch, decision, now_s) if decision.asks else None
        return Judged(pad=PadVerdict.UNDECIDED, challenge=asked, pin_left=asked is None, cues=self._told)

    def cues(self, *, twin_threshold: float) -> tuple[Cue, ...]:
        """Return what each cue says of the track that is looked at, nothing without one."""
        return () if self._watch is None else cues_of(self._watch, twin_threshold=twin_threshold)

    def _unmasking(self, now_s: float) -> Judged:
        """Somebody is asked to take off their mask, for a while; then the models see them as if they had just come."""
        self._masked_s = now_s if self._masked_s is None else self._masked_s
        if now_s >= self._masked_s + _LOWERED_S:
            return Judged(pad=PadVerdict.UNDECIDED, pin_left=True, cues=self._told)
        self._known_s = now_s
        return Judged(pad=PadVerdict.UNDECIDED, cues=self._told, hint=Reason.MASK)

    def _ask(self, watch: Watch, decision: policy.Decision, now_s: float) -> Challenge | None:
        """Return what is asked from now on, None where nothing is left to ask."""
        asked = pick(
            draw=self._draw(),
            last=self._last,
            cannot=self._cannot,
            film=decision.film,
            photo=decision.photo,
            eyes=any(each.eyes is not None for each in watch.bearings),
            near=self._near,
        )
        if asked is None:
            return None
        if self._usual is None and watch.bearings:
            self._usual = usually(watch.bearings)
        since_s, until_s = (math.inf, math.inf) if self._attended else (now_s, now_s + ASKED_S)
        self._asked, self._last = _Asking(challenge=asked, since_s=since_s, until_s=until_s), asked
        return asked

    def _note_answer(self, watch: Watch, now_s: float) -> None:
        if self._asked is None:
            return
        answer = answer_to(
            self._asked.challenge,
            watch.bearings,
            watch.since(self._asked.since_s),
            since_s=self._asked.since_s,
            now_s=now_s,
            until_s=self._asked.until_s,
            usual=self._usual,
        )
        if answer is not Answer.WAITING:
            self._answers = (*self._answers, answer)
            self._asked = None


def _headlike(cues: Sequence[Cue]) -> bool:
    """Return whether the relief of a head was seen."""
    return any(cue.reason is CueReason.RELIEF and cue.finding is Finding.CLEAR for cue in cues)
