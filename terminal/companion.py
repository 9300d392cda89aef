"""Whose face stands before the kiosk while a PIN is typed: the one the number belongs to, another, or none. *Pure*.

One person's templates against one probe (1:1), at the engine's threshold: whoever typed somebody else's number and PIN
in full view is not stopped, for faces fail, but the punch says so and a human looks at it.
"""

from dataclasses import dataclass, replace

import numpy as np

from sync.messages import Method, PadVerdict
from terminal.faces import Vector
from terminal.gallery import BLOCK_ROWS, Gallery
from terminal.matching import Policy

FACE_UNLIKE = "face_unlike"


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """What a face beside a PIN adds to the punch. `score` is the cosine of the person's best template, `pad` what is
    known of whether that face is there in person."""

    method: Method = Method.PIN
    score: float | None = None
    review: tuple[str, ...] = ()
    pad: PadVerdict = PadVerdict.NOT_CHECKED


def companion_of(probe: Vector | None, employee: str, gallery: Gallery, policy: Policy) -> Companion:
    """Return what `probe` says of whoever typed the PIN of `employee`: nothing without a probe or a template.

    Raises GalleryTooLarge where `policy` has no threshold for one person's templates.
    """
    templates = templates_of(employee, gallery)
    if probe is None or templates is None or templates.shape[1] != len(probe):
        return Companion()
    score = float(np.max(templates @ probe.astype(np.float64)))
    if score >= policy.threshold_for(len(templates)):
        return Companion(method=Method.FACE_AND_PIN, score=round(score, 4))
    return Companion(score=round(score, 4), review=(FACE_UNLIKE,))


def seen_as(found: Companion, pad: PadVerdict) -> Companion:
    """Return `found` with what is known of the face: that of a picture is nobody's, and makes no PIN a face as well."""
    if found.score is None:
        return found
    method = Method.PIN if pad is PadVerdict.ATTACK else found.method
    return replace(found, method=method, pad=pad)


def templates_of(employee: str, gallery: Gallery) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]] | None":
    """Return that person's templates, (count, dimension) float64; None for who has none."""
    try:
        place = gallery.employees.index(employee)
    except ValueError:
        return None
    first = int(gallery.starts[place])
    last = int(gallery.starts[place + 1]) if place + 1 < len(gallery.starts) else gallery.rows
    rows = [gallery.blocks[row // BLOCK_ROWS, :, row % BLOCK_ROWS] for row in range(first, last)]
    return np.asarray(np.stack(rows), np.float64)
