"""When to tell a person what is wrong with their face in the picture: only what stays wrong. *Pure*.

A word that flickers helps nobody, and a wrong "take off the mask" is worse than a missed one.
"""

import math
from dataclasses import dataclass, replace

from terminal.quality import Quality, Reason

HINT_AFTER_S = 0.4
"""What keeps a face from being encoded is said after this long without a good frame."""
_MEMORY_S = 0.6
_SURE = 0.8
"""What does not keep it from being encoded is said once it fills this part of the frames remembered: after about a
second of nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What has been wrong with one person's frames. `good_s`: when the last could be encoded; `share`: part of the
    frames remembered for which `advice` was given."""

    good_s: float
    at_s: float
    reason: Reason | None = None
    advice: Reason | None = None
    share: float = 0.0


def fresh(now_s: float) -> Trouble:
    """Return what is known of somebody who is served from now on: nothing is wrong yet."""
    return Trouble(good_s=now_s, at_s=now_s)


def noticed(trouble: Trouble, quality: Quality, now_s: float) -> Trouble:
    """Return `trouble` with one more frame of the same person."""
    good_s = now_s if quality.reason is None else trouble.good_s
    if quality.reason is not None:
        return replace(trouble, good_s=good_s, reason=quality.reason, at_s=now_s)
    kept = math.exp(-max(0.0, now_s - trouble.at_s) / _MEMORY_S)
    if quality.advice not in (None, trouble.advice) and trouble.share * kept < 1 - _SURE:
        trouble = replace(trouble, advice=quality.advice, share=0.0)
    given = quality.advice is not None and quality.advice is trouble.advice
    share = kept * trouble.share + (1 - kept) * given
    return replace(trouble, good_s=good_s, reason=None, at_s=now_s, share=share)


def hint(trouble: Trouble) -> Reason | None:
    """Return what to say now, None while all is well or too new."""
    if trouble.reason is not None:
        return trouble.reason if trouble.at_s - trouble.good_s >= HINT_AFTER_S else None
    return trouble.advice if trouble.share >= _SURE else None
