"""Who in a gallery is nearest to a probe: every template is compared, and the answer is exact. *Pure*.

One pass of float32 products over the whole gallery finds the few templates that can decide: the nearest person's and
the runner-up's. Those alone are compared again in float64, in an order that does not depend on where in the gallery
they lie. What the first pass can be wrong by is bounded, so nothing that could change the answer is left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errors import HadirError
from sync.releases import NORM_TOLERANCE
from terminal.gallery import BLOCK_ROWS, Gallery

_PROBES_A_PASS = 6
"""A mean and its five frames: with more at once, BLAS no longer keeps up with the memory."""
_ROWS_A_PART = 4096
_UNIT_ROUNDOFF = 2.0**-24


class ProbeRefused(HadirError):
    """The probe cannot be compared with this gallery; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The person most like a probe, whether or not like enough, and the lead over the next person.

    `score` is the cosine of the person's best template; `margin` is absent where the gallery has one person.
    """

    employee: str
    score: float
    margin: float | None


def nearest_to(probes: NDArray[np.float32], gallery: Gallery) -> list[Nearest]:
    """Return the person nearest to each of `probes`, (count, dimension) of unit norm; nothing for an empty gallery.

    Two people with an equal best template have margin 0, and either may be named. Raises ProbeRefused.
    """
    norms = np.linalg.norm(probes, axis=1)
    if not (np.abs(norms - 1) <= NORM_TOLERANCE).all():  # also false for NaN and infinity
        raise ProbeRefused("a probe is not a finite vector of unit norm")
    if not gallery.employees:
        return []
    if probes.shape[1] != gallery.blocks.shape[1]:
        raise ProbeRefused(f"a probe has {probes.shape[1]} values, the gallery's templates {gallery.blocks.shape[1]}")
    found: list[Nearest] = []
    for first in range(0, len(probes), _PROBES_A_PASS):
        part = np.ascontiguousarray(probes[first : first + _PROBES_A_PASS], np.float32)
        found += [_nearest(probe, rough, gallery) for probe, rough in zip(part, _rough(part, gallery), strict=True)]
    return found


def _rough(probes: NDArray[np.float32], gallery: Gallery) -> NDArray[np.float32]:
    """Return the float32 score of every probe with every row, (probes, rows)."""
    count = len(gallery.blocks)
    scores = np.empty((len(probes), count * BLOCK_ROWS), np.float32)
    np.matmul(probes, gallery.blocks, out=scores.reshape(len(probes), count, BLOCK_ROWS).transpose(1, 0, 2))
    return scores[:, : gallery.rows]


def _nearest(probe: NDArray[np.float32], rough: NDArray[np.float32], gallery: Gallery) -> Nearest:
    """Return the person nearest to `probe`, with `rough` scores of every row."""
    best = int(rough.argmax())
    alone = len(gallery.employees) == 1
    if alone:
        least = float(rough[best])
    else:
        own = _rows_of(int(_people_at(best, gallery)), gallery)
        kept = rough[own].copy()
        rough[own] = -np.inf
        least = float(rough.max())  # but for rounding, the runner-up's score is not below this
        rough[own] = kept
    rows = np.flatnonzero(rough >= least - _reach(len(probe)))
    scores = _exact(probe, rows, gallery)
    people = _people_at(rows, gallery)
    firsts = np.flatnonzero(np.diff(people, prepend=-1))
    by_person = np.maximum.reduceat(scores, firsts)
    winner = int(by_person.argmax())
    employee, score = gallery.employees[int(people[firsts[winner]])], float(by_person[winner])
    by_person[winner] = -np.inf
    return Nearest(employee=employee, score=score, margin=None if alone else score - float(by_person.max()))


def _reach(dimension: int) -> float:
    """Return how far apart the float32 scores of two rows may be that are equal in truth.

    A product of n terms, in whatever order, is off by n u / (1 - n u) times the norms at most (Higham, Accuracy and
    Stability of Numerical Algorithms, 3.5); the norms are 1 within NORM_TOLERANCE.
    """
    rounding = dimension * _UNIT_ROUNDOFF
    return 2 * rounding / (1 - rounding) * (1 + 3 * NORM_TOLERANCE) + 1e-7


def _exact(probe: NDArray[np.float32], rows: NDArray[np.intp], gallery: Gallery) -> NDArray[np.float64]:
    """Return the float64 score of `probe` with each of `rows`, the same for equal templates wherever they lie."""
    wide = probe.astype(np.float64)
    scores = np.empty(len(rows))
    for first in range(0, len(rows), _ROWS_A_PART):  # all of them, where everybody looks the same
        part = rows[first : first + _ROWS_A_PART]
        templates = gallery.blocks[part // BLOCK_ROWS, :, part % BLOCK_ROWS].astype(np.float64, order="C")
        scores[first : first + _ROWS_A_PART] = (templates * wide).sum(axis=1)
    return scores


def _people_at(rows: int | NDArray[np.intp], gallery: Gallery) -> NDArray[np.intp]:
    """Return the place in `gallery.employees` of the owner of each row."""
    return np.searchsorted(gallery.starts, rows, side="right") - 1


def _rows_of(person: int, gallery: Gallery) -> slice:
    last = person + 1 == len(gallery.starts)
    return slice(int(gallery.starts[person]), gallery.rows if last else int(gallery.starts[person + 1]))
