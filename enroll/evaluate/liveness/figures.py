"""*Pure*: from tries to APCER and BPCER by species, each with its interval; nothing is averaged over species.

APCER and BPCER as in ISO/IEC 30107-3: the share of an attack species' presentations taken for a person, and of people's
presentations that are not. Of a presentation counts what a kiosk would have made of it: one try for each track, for it
pays no more attention to one that had its answer. An attack with several tracks counts by the best of them, a person by
the first. `tries` are all, those again on the same track too: as if each had been another presentation. Presentations
without a try are no responses, and counted apart.
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from enroll.evaluate.liveness.attempts import Attempt
from enroll.evaluate.liveness.presentations import LIVE, Kind
from sync.messages import PadVerdict
from terminal.liveness.cues import Finding, Reason

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`count` of `of`, with the bounds of the 95 % interval of Wilson (1927)."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        return self.count / self.of if self.of else None

    @property
    def bounds(self) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        p, z2 = self.count / self.of, _Z95**2 / self.of
        middle = (p + z2 / 2) / (1 + z2)
        half = _Z95 * math.sqrt(p * (1 - p) / self.of + z2 / (4 * self.of)) / (1 + z2)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The presentations of one species kept in one way.

    `accepted`: taken for a person, asked or not; `at_once`: and asked nothing; `denied`: called an attack; the rest is
    left the PIN. `tries_accepted`, `tries_at_once` count tries in place of presentations. `cues` counts what each cue
    found at the end of the tries, `waited_s` is the median of who was taken for a person at once.
    """

    species: str
    kind: Kind
    presentations: int
    tries: int
    accepted: Share
    at_once: Share
    denied: Share
    tries_accepted: Share
    tries_at_once: Share
    waited_s: float | None
    cues: Mapping[tuple[Reason, Finding], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All rows, and what the bars are held against. `worst` is the species with the largest APCER over its sequences
    and clips, or its stills where it has nothing else. `ms_per_frame` is the mean over all frames of moving ones."""

    rows: tuple[Row, ...]
    apcer: Mapping[str, Share]
    bpcer: Share
    bpcer_with_challenge: Share
    worst: str | None
    ms_per_frame: float | None


def figures_of(attempts: Sequence[Attempt]) -> Figures:
    """Return what the tries of all presentations come to.

    `bpcer` counts who was not taken for a person at once. `bpcer_with_challenge` counts who was called an attack, or
    left the PIN without being asked: those asked are taken to do it, which no recording can show.
    """
    by_presentation: dict[str, list[Attempt]] = {}
    for each in attempts:
        by_presentation.setdefault(each.presentation.name, []).append(each)
    groups: dict[tuple[str, Kind], list[list[Attempt]]] = {}
    for tries in by_presentation.values():
        groups.setdefault((tries[0].presentation.species, tries[0].presentation.kind), []).append(tries)
    rows = tuple(_row(species, kind, group) for (species, kind), group in sorted(groups.items(), key=_order))
    species = sorted({row.species for row in rows} - {LIVE})
    apcer = {name: _moving_or_still(name, groups, _passed) for name in species}
    worst = max(apcer, key=lambda name: (apcer[name].value or 0.0, name), default=None)
    moving = [each for each in attempts if each.presentation.kind is not Kind.STILL]
    frames = sum(each.frames for each in moving)
    return Figures(
        rows=rows,
        apcer=apcer,
        bpcer=_moving_or_still(LIVE, groups, lambda tries: not _is_at_once(tries[0])),
        bpcer_with_challenge=_moving_or_still(LIVE, groups, lambda tries: _is_lost(tries[0])),
        worst=worst,
        ms_per_frame=sum(each.ms * each.frames for each in moving) / frames if frames else None,
    )


def as_values(figures: Figures, *, unused: Mapping[str, str], lacking: str | None) -> dict[str, Any]:
    """Return the figures for JSON: shares as numbers, None where nothing was measured."""
    worst = figures.apcer[figures.worst] if figures.worst else None
    return {
        "species": {
            name: {
                "apcer": share.value,
                "interval": share.bounds,
                "accepted": share.count,
                "presentations": share.of,
                **{
                    row.kind.value: {**_counts(row), "apcer": row.accepted.value, "interval": row.accepted.bounds}
                    for row in figures.rows
                    if row.species == name
                },
            }
            for name, share in figures.apcer.items()
        },
        "worst_species": figures.worst,
        "worst_apcer": worst.value if worst else None,
        "bpcer": figures.bpcer.value,
        "bpcer_interval": figures.bpcer.bounds,
        "bpcer_with_challenge": figures.bpcer_with_challenge.value,
        "bpcer_with_challenge_interval": figures.bpcer_with_challenge.bounds,
        "live": {row.kind.value: _counts(row) for row in figures.rows if row.species == LIVE},
        "ms_per_frame": figures.ms_per_frame,
        "unused": len(unused),
        "passive_models": lacking is None,
    }


def _counts(row: Row) -> dict[str, Any]:
    cues: dict[str, dict[str, int]] = {}
    for (reason, finding), count in sorted(row.cues.items()):
        cues.setdefault(reason.value, {})[finding.value] = count
    return {
        "presentations": row.presentations,
        "tries": row.tries,
        "accepted": row.accepted.count,
        "at_once": row.at_once.count,
        "denied": row.denied.count,
        "tries_accepted": row.tries_accepted.count,
        "tries_at_once": row.tries_at_once.count,
        "waited_s": row.waited_s,
        "cues": cues,
    }


def _row(species: str, kind: Kind, group: Sequence[Sequence[Attempt]]) -> Row:
    tries = [each for presentation in group for each in presentation]
    counted = [_counted(species, presentation) for presentation in group]

    def share(wanted: Callable[[Attempt], bool]) -> Share:
        return Share(count=sum(any(map(wanted, each)) for each in counted), of=len(group))

    waited = [each.waited_s for each in tries if _is_at_once(each)]
    return Row(
        species=species,
        kind=kind,
        presentations=len(group),
        tries=len(tries),
        accepted=share(_is_accepted),
        at_once=share(_is_at_once),
        denied=share(lambda each: each.verdict is PadVerdict.ATTACK),
        tries_accepted=Share(count=sum(map(_is_accepted, tries)), of=len(tries)),
        tries_at_once=Share(count=sum(map(_is_at_once, tries)), of=len(tries)),
        waited_s=statistics.median(waited) if waited else None,
        cues=Counter((cue.reason, cue.finding) for each in tries for cue in each.cues),
    )


def _moving_or_still(
    species: str,
    groups: Mapping[tuple[str, Kind], Sequence[Sequence[Attempt]]],
    wanted: Callable[[Sequence[Attempt]], bool],
) -> Share:
    moving = [
        tries for (name, kind), group in groups.items() if name == species and kind is not Kind.STILL for tries in group
    ]
    chosen = moving or list(groups.get((species, Kind.STILL), ()))
    return Share(count=sum(map(wanted, chosen)), of=len(chosen))


def _passed(tries: Sequence[Attempt]) -> bool:
    return any(_is_accepted(each) and not each.again for each in tries)


def _counted(species: str, tries: Sequence[Attempt]) -> Sequence[Attempt]:
    return tries[:1] if species == LIVE else [each for each in tries if not each.again]


def _is_accepted(attempt: Attempt) -> bool:
    return attempt.verdict is PadVerdict.BONA_FIDE


def _is_at_once(attempt: Attempt) -> bool:
    return _is_accepted(attempt) and not attempt.asked


def _is_lost(attempt: Attempt) -> bool:
    return not _is_accepted(attempt) and (attempt.verdict is PadVerdict.ATTACK or not attempt.asked)


def _order(group: tuple[tuple[str, Kind], object]) -> tuple[bool, str, int]:
    (species, kind), _ = group
    return species != LIVE, species, list(Kind).index(kind)
