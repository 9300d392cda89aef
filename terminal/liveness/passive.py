"""What models trained on prints and screens say of the skin, frame by frame. *Pure*.

Each model's verdict is kept: one that doubts is a doubt, and no other's certainty makes up for it. None denies: in two
of sixteen sessions of living people both models refused nearly every frame.

How many frames a model accepts, not how surely: films of phones and monitors were accepted by the better model in at
most 22 % of their frames and by the other in at most 47 %, living people by one of them in nearly all and by the other,
at worst, in 40 %. So one must accept three in four, and none fewer than one in three.
"""

from collections.abc import Mapping, Sequence

from terminal.liveness.cues import Cue, Finding, Reason, silent

LEAST_FRAMES, FULL_FRAMES = 6, 8
"""With fewer than the first nothing is said; with fewer than the second only what every frame agrees on."""
_LOOKED_AT = 16
"""The newest frames that count: about two seconds, so that nobody is believed for what was seen long ago."""
_NONE_FEWER, _ONE_MORE = 1 / 3, 3 / 4


def judge(said: Mapping[str, Sequence[float]]) -> Cue:
    """Return whether the models take the face for living: `clear` or `suspect`, silent of too few frames.

    `said`: for each model its logits, real minus spoof, one a frame. From 6 frames on it is clear if all models accept
    all of them, and suspect if one accepts none; from 8 on, clear if one accepts three in four and none fewer than one
    in three. The value is the least share of frames that a model accepted.
    """
    frames = min((len(each) for each in said.values()), default=0)
    if frames < LEAST_FRAMES:
        return silent(Reason.PASSIVE)
    newest = [each[-_LOOKED_AT:] for each in said.values()]
    shares = [sum(value >= 0 for value in each) / len(each) for each in newest]
    clear = min(shares) >= _NONE_FEWER and max(shares) >= _ONE_MORE
    if frames < FULL_FRAMES and 0 < min(shares) < 1:
        return silent(Reason.PASSIVE)
    return Cue(reason=Reason.PASSIVE, finding=Finding.CLEAR if clear else Finding.SUSPECT, value=round(min(shares), 3))


def judge_still(said: Mapping[str, float]) -> Cue:
    """Return whether every model took one picture for living: less than a kiosk asks for, and all a picture tells."""
    if not said:
        return silent(Reason.PASSIVE)
    accepted = all(value >= 0 for value in said.values())
    return Cue(reason=Reason.PASSIVE, finding=Finding.CLEAR if accepted else Finding.SUSPECT, value=float(accepted))
