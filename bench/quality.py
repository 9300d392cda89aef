"""What the kiosk says of a face, and how often that is right: on photographs as they are, made worse, and in clips.

A hint is right where it names what was done to the picture; on pictures as they are, every hint is counted as wrong,
though some of these are dim, turned or blurred: the table says how many, for each group of people.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.spoiling import SPOILINGS, Spoiling
from config import Camera as CameraSettings
from config import Config
from enroll.evaluate.dataset import read_dataset
from terminal.camera import CameraEnded, Frame, open_camera
from terminal.camera.pictures import PictureRefused, read
from terminal.faces import Engine, Face, Picture, Vector, open_engine
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.quality import Quality, assess
from terminal.replay import visits

PEOPLE = 120
SEED = 2026
CLIPS = ("*.mp4", "*.mkv", "*.avi", "*.webm")
FRAMES_A_CLIP = 100
_CLIP_HZ = 10.0
_NEIGHBOURS = 8
_SAME_PERSON = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One picture with a face in it. `scored`: its cosine score with the person's other pictures, where there are any;
    `among` is what its value is compared within: a person, a photograph, a clip."""

    group: str
    among: str
    quality: Quality
    scored: float | None


def run(settings: Config, folder: Path, *, people: int = PEOPLE, as_json: bool = False) -> None:
    """Tables were printed, and with `as_json` one JSON object as the last line. Raises as `measure` does."""
    console = Console() if sys.stdout.isatty() else Console(width=160)
    found = measure(settings, folder, people=people, say=lambda what: print(what, file=sys.stderr, flush=True))
    for table in (_unspoiled_table(found), _spoiled_table(found), _value_table(found), _clip_table(found)):
        if table.row_count:
            console.print(table)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")


def measure(settings: Config, folder: Path, *, people: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures: `unspoiled` by group, `spoiled` by what was done, `value` and `clips`, and the seed.

    `folder` is a set of photographs as for `hadir enroll evaluate`; clips are looked for below its `video`. One photo
    of each of up to `people` people is spoiled. Raises DatasetRefused, ModelUnavailable.
    """
    engine = open_engine(settings.engine)
    rng = np.random.default_rng(SEED)
    say(f"photographs of {folder.name} ...")
    photos = list(_photos(engine, settings, folder))
    unspoiled = [seen for seen, _, _ in photos]
    say("the same, made worse ...")
    spoiled = _spoiled(engine, settings, photos, people, rng)
    clips = sorted(path for pattern in CLIPS for path in (folder / "video").rglob(pattern))
    say(f"{len(clips)} clips ...")
    in_clips = [seen for path in clips for seen in _clip_frames(engine, settings, path)]
    every = [seen for _, each in spoiled for seen in each]
    return {
        "seed": SEED,
        "engine": engine.engine_id,
        "unspoiled": _unspoiled(unspoiled),
        "spoiled": {spoiling.name: _right(spoiling, each) for spoiling, each in spoiled if each},
        "value": {
            "photographs of one person": _agreement(unspoiled),
            "one photograph, as it is and made worse": _agreement([*every, *_originals(photos, every)]),
            "frames of one clip": _agreement(in_clips),
        },
        "clips": {path.name: _heard(engine, settings, path) for path in clips},
    }


def _photos(engine: Engine, settings: Config, folder: Path) -> Iterator[tuple[_Seen, Path, list[Vector]]]:
    """Yield each photograph with a face, and the encodings of the person's other photographs."""
    for person in read_dataset(folder).people:
        known: list[tuple[Path, Quality, Vector]] = []
        for photo in person.photos:
            try:
                picture = read(photo.path)
            except PictureRefused:
                continue
            face = next(iter(engine.detect(picture)), None)
            if face is None:
                continue
            vector = engine.encode(picture, face).vector
            known.append((photo.path, assess(picture, face, settings.quality), vector))
        for place, (path, quality, vector) in enumerate(known):
            others = [each for number, (_, _, each) in enumerate(known) if number != place]
            seen = _Seen(group=person.group, among=person.identity, quality=quality, scored=_score(vector, others))
            yield seen, path, others


def _spoiled(
    engine: Engine,
    settings: Config,
    photos: list[tuple[_Seen, Path, list[Vector]]],
    people: int,
    rng: np.random.Generator,
) -> list[tuple[Spoiling, list[_Seen]]]:
    good: dict[str, tuple[_Seen, Path, list[Vector]]] = {}
    for each in photos:
        if each[0].quality.reason is None and each[0].quality.advice is None:
            good.setdefault(each[0].among, each)
    names = sorted(good)
    chosen = [good[names[place]] for place in rng.permutation(len(names))[:people]]
    result: list[tuple[Spoiling, list[_Seen]]] = [(spoiling, []) for spoiling in SPOILINGS]
    for seen, path, others in chosen:
        picture = read(path)
        face = engine.detect(picture)[0]
        for spoiling, kept in result:
            worse = np.ascontiguousarray(spoiling.spoil(picture, face, rng))
            there = _nearest(engine.detect(worse), picture, face, worse)
            if there is not None:
                quality = assess(worse, there, settings.quality)
                scored = _score(engine.encode(worse, there).vector, others)
                kept.append(_Seen(group=seen.group, among=str(path), quality=quality, scored=scored))
    return result


def _nearest(faces: list[Face], picture: Picture, face: Face, worse: Picture) -> Face | None:
    """Return the face that stands where `face` did, None where it is not found any more."""
    scale = worse.shape[1] / picture.shape[1]
    x, y = (scale * each for each in face.box.centre)
    return next(
        (f for f in faces if f.box.x < x < f.box.x + f.box.width and f.box.y < y < f.box.y + f.box.height), None
    )


def _originals(photos: list[tuple[_Seen, Path, list[Vector]]], spoiled: list[_Seen]) -> list[_Seen]:
    wanted = {seen.among for seen in spoiled}
    return [
        _Seen(group=seen.group, among=str(path), quality=seen.quality, scored=seen.scored)
        for seen, path, _ in photos
        if str(path) in wanted
    ]


def _frames(path: Path) -> Iterator[Frame]:
    with open_camera(CameraSettings(source=f"file:{path}"), real_time=False) as camera:
        due_s = 0.0
        while True:
            try:
                frame = camera.read()
            except CameraEnded:
                return
            if frame.monotonic_ns / 1e9 >= due_s:
                due_s += 1 / _CLIP_HZ
                yield frame


def _clip_frames(engine: Engine, settings: Config, path: Path) -> list[_Seen]:
    """Return the largest face of each frame, scored against the frames that are not its neighbours; nothing where that
    is not the same person throughout."""
    found: list[tuple[Quality, Vector]] = []
    for frame in _frames(path):
        face = next(iter(engine.detect(frame.picture)), None)
        if face is not None and len(found) < FRAMES_A_CLIP:
            vector = engine.encode(frame.picture, face).vector
            found.append((assess(frame.picture, face, settings.quality), vector))
    seen = []
    for place, (quality, vector) in enumerate(found):
        others = [each for number, (_, each) in enumerate(found) if abs(number - place) > _NEIGHBOURS]
        seen.append(_Seen(group="clip", among=path.name, quality=quality, scored=_score(vector, others)))
    one = [each for each in seen if each.scored is not None and each.scored > _SAME_PERSON]
    return seen if len(one) >= 0.95 * len(seen) else []


def _heard(engine: Engine, settings: Config, path: Path) -> list[str]:
    """Return the hints that the kiosk gives in a clip, of whose people it knows nobody."""
    with open_camera(CameraSettings(source=f"file:{path}"), real_time=False) as camera:
        lines = list(visits(camera, Looker(engine, settings), Gallery.empty(engine.engine_id)))
    return list(dict.fromkeys(hint for line in lines for hint in line["hints"]))


def _said(quality: Quality) -> str | None:
    given = quality.reason or quality.advice
    return given.value if given is not None else None


def _unspoiled(seen: list[_Seen]) -> dict[str, Any]:
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for each in seen:
        for group in (each.group, "overall"):
            groups[group]["photographs"] += 1
            said = _said(each.quality)
            if said is not None:
                groups[group][said] += 1
    return {group: dict(groups[group]) for group in sorted(groups)}


def _right(spoiling: Spoiling, seen: list[_Seen]) -> dict[str, Any]:
    said = Counter(_said(each.quality) or "nothing" for each in seen)
    expected = [reason.value for reason in spoiling.says] or ["nothing"]
    right = sum(said[each] for each in expected)
    scores = [each.scored for each in seen if each.scored is not None]
    return {
        "expected": expected,
        "found": len(seen),
        "right": round(right / len(seen), 4),
        "said": dict(said.most_common()),
        "score": round(float(np.mean(scores)), 4) if scores else None,
    }


def _agreement(seen: list[_Seen]) -> dict[str, Any]:
    """Return how well the value orders pictures of one person as their scores do: the mean Spearman correlation,
    weighted by pictures, and what the score of the best quarter by value is above the mean."""
    among: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in seen:
        if each.scored is not None:
            among[each.among].append((each.quality.value, each.scored))
    rho, weights, gains = [], [], []
    for pairs in among.values():
        values, scores = np.array(pairs, np.float64).T
        if len(pairs) < 3 or np.ptp(values) == 0 or np.ptp(scores) == 0:
            continue
        rho.append(float(np.corrcoef(_ranks(values), _ranks(scores))[0, 1]))
        weights.append(len(pairs))
        best = np.argsort(-values, kind="stable")[: max(1, len(pairs) // 4)]
        gains.append(float(scores[best].mean() - scores.mean()))
    if not rho:
        return {"sets": 0, "pictures": 0, "rank_correlation": None, "best_quarter_gain": None}
    return {
        "sets": len(rho),
        "pictures": sum(weights),
        "rank_correlation": round(float(np.average(rho, weights=weights)), 4),
        "best_quarter_gain": round(float(np.mean(gains)), 4),
    }


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks, equal values sharing the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[places], np.float64)


def _score(vector: Vector, others: list[Vector]) -> float | None:
    if not others:
        return None
    mean = np.mean(np.stack(others), axis=0)
    return float(vector @ mean / np.linalg.norm(mean))


def _unspoiled_table(found: dict[str, Any]) -> Table:
    table = Table("group", "photographs", "something is said", title="Photographs as they are: what is said of them")
    for group, counts in found["unspoiled"].items():
        said = {key: count for key, count in counts.items() if key != "photographs"}
        words = ", ".join(f"{key} {count}" for key, count in sorted(said.items(), key=lambda each: -each[1]))
        table.add_row(group, str(counts["photographs"]), words or "never")
    return table


def _spoiled_table(found: dict[str, Any]) -> Table:
    table = Table("made worse", "faces found", "said rightly", "said otherwise", "score", title="Made worse by program")
    for name, each in found["spoiled"].items():
        other = ", ".join(f"{key} {count}" for key, count in each["said"].items() if key not in each["expected"])
        score = "" if each["score"] is None else f"{each['score']:.2f}"
        table.add_row(name, str(each["found"]), f"{100 * each['right']:.1f} %", other, score)
    return table


def _value_table(found: dict[str, Any]) -> Table:
    table = Table("among", "sets", "pictures", "rank correlation", "best quarter", title="The value and the true score")
    for name, each in found["value"].items():
        if each["sets"]:
            gain, rho = each["best_quarter_gain"], each["rank_correlation"]
            table.add_row(name, str(each["sets"]), str(each["pictures"]), f"{rho:.2f}", f"{gain:+.4f}")
    return table


def _clip_table(found: dict[str, Any]) -> Table:
    table = Table("clip", "hints", title="Clips: what their people hear when the kiosk knows nobody")
    for name, hints in found["clips"].items():
        table.add_row(name, ", ".join(hints) or "none")
    return table
