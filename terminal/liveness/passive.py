"""What models trained on prints and screens say of the skin, frame by frame. *Pure*.

Each model's verdict is kept: one that doubts is a doubt, and no other's certainty makes up for it. None denies: in two
of sixteen sessions of living people both models refused nearly every frame.
"""

from collections.abc import Mapping, Sequence

from terminal.liveness.cues import Cue, Finding, Reason, silent

LEAST_FRAMES = 3
_ACCEPTED = 0.5


def judge(said: Mapping[str, Sequence[float]]) -> Cue:
    """Return whether every model took the face for living in at least half of the frames it saw.

    `said`: for each model its logits, real minus spoof, one a frame. Fewer than 3 frames, or no model, are no evidence.
    The value is the least share of frames that a model accepted.
    """
    if not said or any(len(each) < LEAST_FRAMES for each in said.values()):
        return silent(Reason.PASSIVE)
    share = min(sum(value >= 0 for value in each) / len(each) for each in said.values())
    finding = Finding.CLEAR if share >= _ACCEPTED else Finding.SUSPECT
    return Cue(reason=Reason.PASSIVE, finding=finding, value=round(share, 3))
