"""The same person under a second number (F5), and who is taken for somebody else, on photographs of many people.

Everybody is enrolled from the photos that are meant for it, and then again under another number from the others, as a
fraud would; strangers are enrolled once. An enrolment is as the desk makes it: pictures that are not good are passed
over, and a person whose pictures are all passed over is refused, whoever they are.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import config
from enroll.evaluate.dataset import Photo, read_dataset
from enroll.rules import Likeness, knowing, nearest_other
from enroll.samples import study_photos
from terminal.calibration import calibrated, calibration_of, suspect_score
from terminal.faces import Engine, Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """Everybody's templates: `first` from the photos to enrol, `second` from the others, `strangers` from theirs.
    `refused` counts those whose pictures were all passed over, of each kind."""

    first: Mapping[str, Vector]
    second: Mapping[str, Vector]
    strangers: Mapping[str, Vector]
    refused: Mapping[str, int]


def study(engine: Engine, settings: config.Config, folder: Path) -> Studied:
    """Return the templates that the desk makes of the photographs in `folder`.

    Those whom the calibration knows to be one person are one. Raises DatasetRefused, NotCalibrated.
    """
    settings = calibrated(settings, engine.engine_id)
    known = calibration_of(engine.engine_id, settings.match)
    kinds: dict[str, dict[str, Vector]] = {"first": {}, "second": {}, "strangers": {}}
    refused = dict.fromkeys(kinds, 0)
    for person in read_dataset(folder, aliases=dict(known.dataset.aliases) if known else {}).people:
        chosen = (
            {"first": person.enrol, "second": person.probes} if person.enrol else {"strangers": person.probes}
        )  # fmt: skip
        for kind, photos in chosen.items():
            if not (paths := _paths(photos)):
                continue
            template = study_photos(paths, engine, settings).template
            if template is None:
                refused[kind] += 1
            else:
                kinds[kind][person.identity] = template
    return Studied(first=kinds["first"], second=kinds["second"], strangers=kinds["strangers"], refused=refused)


def measure(engine: Engine, settings: config.Config, studied: Studied) -> dict[str, Any]:
    """Return what the desk says: `office` people; `who` has a row for each kind, `of` how many enrolments.

    A second number is seen where it is refused or pointed out as the very person. Different people are counted against
    everybody but themselves. Raises NotCalibrated.
    """
    settings = calibrated(settings, engine.engine_id)
    office = knowing(list(studied.first.items()), dimension=engine.dimension)
    duplicate = settings.enroll.duplicate_score
    suspect = suspect_score(engine.engine_id, settings.match, len(studied.first))

    def nearest(vector: Vector, *, other_than: str = "") -> Likeness | None:
        return nearest_other(vector, office, employee=other_than)

    again = {who: (nearest(vector), who) for who, vector in studied.second.items() if who in studied.first}
    exact = {who: (nearest(vector), who) for who, vector in studied.first.items()}
    others = [(nearest(vector, other_than=who), None) for who, vector in studied.second.items() if who in studied.first]
    others += [(nearest(vector), None) for vector in studied.strangers.values()]
    return {
        "office": len(studied.first),
        "templates_refused": dict(studied.refused),
        "duplicate_score": duplicate,
        "suspect_score": round(suspect, 4),
        "who": {
            "the same person, other photos": _row(again.values(), duplicate, suspect),
            "the same person, the same photos": _row(exact.values(), duplicate, suspect),
            "different people": _row(others, duplicate, suspect),
        },
    }


def least_rate(hits: int, tries: int, *, level: float = 0.025) -> float:
    """Return the rate below which `hits` of `tries` or more have a chance of `level`: Clopper and Pearson (1934)."""
    if hits == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        chance = sum(math.comb(tries, k) * rate**k * (1 - rate) ** (tries - k) for k in range(hits, tries + 1))
        low, high = (rate, high) if chance < level else (low, rate)
    return low


def _row(found: Iterable[tuple[Likeness | None, str | None]], duplicate: float, suspect: float) -> dict[str, Any]:
    refused = pointed_out = unseen = 0
    for near, meant in found:
        if near is None or near.score < min(duplicate, suspect) or (meant is not None and near.employee != meant):
            unseen += 1
        elif near.score >= duplicate:
            refused += 1
        else:
            pointed_out += 1
    of, seen = refused + pointed_out + unseen, refused + pointed_out
    return {
        "of": of,
        "refused": refused,
        "pointed_out": pointed_out,
        "unseen": unseen,
        "seen": seen / of if of else 0.0,
        "seen_at_least": least_rate(seen, of) if of else 0.0,
    }


def _paths(photos: Sequence[Photo]) -> list[Path]:
    return [photo.path for photo in photos if photo.why is None]
