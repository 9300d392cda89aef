"""When the screen lights the face before it: a face that is too dark is lit until it is gone. *Pure*."""

import math
from dataclasses import dataclass, replace

SETTLING_S = 0.6
"""How long a camera takes to get used to other light: what it shows meanwhile is no evidence of anything."""
TOLD_S = 1.5
"""How long it is said that the face is being lit."""
_GONE_S = 3.0
"""A face may be away for so long without a flicker of the light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Whether the screen is a lamp, since when it is or is not, and when a face was last before it."""

    on: bool = False
    changed_s: float = -math.inf
    seen_s: float = -math.inf


def lit(light: Light, *, there: bool, dark: bool, now_s: float) -> Light:
    """Return the light at `now_s`, when somebody is `there` or not, whose face is too `dark` or not."""
    if there:
        light = replace(light, seen_s=now_s)
    if not light.on and there and dark:
        return replace(light, on=True, changed_s=now_s)
    if light.on and now_s >= light.seen_s + _GONE_S:
        return replace(light, on=False, changed_s=now_s)
    return light


def settling(light: Light, now_s: float) -> bool:
    """Return whether the camera is still getting used to the light."""
    return now_s < light.changed_s + SETTLING_S


def told(light: Light, now_s: float) -> bool:
    """Return whether it is to be said that the face is being lit."""
    return light.on and now_s < light.changed_s + TOLD_S
