"""The pairs protocol of Labeled Faces in the Wild (Huang et al. 2007): same person or not, ten folds, no tuning on the
fold that is judged. The threshold of each fold is the best one of the others."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from enroll.evaluate.dataset import DatasetRefused, Photo, photo_at, table
from enroll.evaluate.folds import Fold, cross_validated
from enroll.photos import MAX_PIXELS, MIN_SIDE_PX, PhotoRefused, decoded, read_file
from enroll.samples import upright
from errors import HadirError
from terminal.camera.pictures import Colours, Header, header_of
from terminal.faces import Engine, Face, Picture, Vector

FOLDS = 10
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_YES, _NO = ("1", "true", "yes", "same"), ("0", "false", "no", "different", "diff", "-1")
# Student's t for a two-sided 95 % interval, by degrees of freedom: there are as many folds as the file says.
_T95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two photographs, whether they show one person, and the fold they are judged in."""

    first: Photo
    second: Photo
    same: bool
    fold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsReport:
    """How often same or different was told right: `accuracy` is the mean of the folds, `std` their deviation.

    `judged` pairs count; `unreadable` of them hold a photo without a face that could be encoded, and count as wrong.
    `missing` pairs hold a file that is not there and are left out. `problems` names each such photo, with its reason.
    """

    accuracy: float | None
    std: float | None
    interval: tuple[float, float] | None
    folds: tuple[Fold, ...]
    pairs: int
    judged: int
    unreadable: int
    missing: int
    problems: tuple[tuple[str, str], ...]


def read_pairs(file: Path, folder: Path) -> tuple[Pair, ...]:
    """Return the pairs listed in `file`, their photographs below `folder`. Raises DatasetRefused.

    Either LFW's own format (`name 1 2` or `name 1 other 3`, photos at name/name_0001.jpg) or CSV with the columns
    path1, path2, same and, if wanted, fold.
    """
    rows = list(table(file))
    if not rows:
        raise DatasetRefused(f"{file} is empty; give LFW's pairs.txt or a CSV of path1,path2,same")
    heading = [cell.strip().casefold() for cell in rows[0][1]]
    if {"path1", "path2", "same"} <= set(heading):
        return _from_csv(file, rows[1:], heading, Path(folder).resolve())
    return _from_lfw(file, rows, Path(folder).resolve())


def judge_pairs(
    pairs: Sequence[Pair], engine: Engine, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> PairsReport:
    """Return how well `engine` tells the pairs. Each photograph is encoded once; the face nearest its middle is meant,
    as LFW lays its photographs out, and none is too poor to be judged."""
    photos = {photo.name: photo for pair in pairs for photo in (pair.first, pair.second)}
    vectors: dict[str, Vector] = {}
    problems: dict[str, str] = {}
    for done, (name, photo) in enumerate(sorted(photos.items()), 1):
        read = photo.why if photo.why is not None else _vector(photo.path, engine)
        if isinstance(read, str):
            problems[name] = read
        else:
            vectors[name] = read
        progress(done, len(photos))
    there = [pair for pair in pairs if pair.first.why is None and pair.second.why is None]
    scores = [
        float(vectors[pair.first.name] @ vectors[pair.second.name])
        if pair.first.name in vectors and pair.second.name in vectors
        else math.nan
        for pair in there
    ]
    folds = cross_validated(scores, [pair.same for pair in there], [pair.fold for pair in there])
    rates = np.array([fold.accuracy for fold in folds])
    mean = float(rates.mean()) if len(rates) else None
    std = float(rates.std(ddof=1)) if len(rates) > 1 else None
    interval = None
    if mean is not None and std is not None:
        reach = _T95.get(len(rates) - 1, 2.0) * std / math.sqrt(len(rates))
        interval = (max(0.0, mean - reach), min(1.0, mean + reach))
    return PairsReport(
        accuracy=mean,
        std=std,
        interval=interval,
        folds=folds,
        pairs=len(pairs),
        judged=len(there),
        unreadable=sum(math.isnan(score) for score in scores),
        missing=len(pairs) - len(there),
        problems=tuple(sorted(problems.items())),
    )


def _vector(path: Path, engine: Engine) -> Vector | str:
    try:
        picture = _picture(read_file(path), engine)
        faces = engine.detect(picture)
        if not faces:
            return "no face was found in it"
        return engine.encode(picture, _central(faces, picture)).vector
    except PhotoRefused as refusal:
        return str(refusal)
    except (cv2.error, HadirError):
        return "the face could not be read"


def _picture(content: bytes, engine: Engine) -> Picture:
    """Return the photograph upright; one in black and white too, which the desk would not take: LFW has some."""
    try:
        picture = decoded(content)
    except PhotoRefused:
        if not _is_sound(header_of(content)):
            raise
        grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
        if grey is None:
            raise
        picture = np.asarray(grey, np.uint8)
    return upright(picture, engine)[0]


def _is_sound(header: Header | None) -> bool:
    """Tell whether a picture may be decoded, whatever its colours."""
    return (
        header is not None
        and not header.animated
        and not header.cut_off
        and header.bits <= 8
        and header.colours is not Colours.CMYK
        and header.width * header.height <= MAX_PIXELS
        and min(header.width, header.height) >= MIN_SIDE_PX
    )


def _central(faces: Sequence[Face], picture: Picture) -> Face:
    height, width = picture.shape[:2]
    return min(faces, key=lambda face: math.dist(face.box.centre, (width / 2, height / 2)))


def _from_lfw(file: Path, rows: Sequence[tuple[int, list[str]]], root: Path) -> tuple[Pair, ...]:
    found: list[tuple[Photo, Photo, bool]] = []
    per_fold = None
    for line, cells in rows:
        words = [word for cell in cells for word in cell.split()]
        if line == rows[0][0] and len(words) <= 2 and all(word.isdecimal() for word in words):
            per_fold = (int(words[0]), int(words[1])) if len(words) == 2 else None
        elif len(words) == 3 and words[1].isdecimal() and words[2].isdecimal():
            found.append((_lfw_photo(root, words[0], words[1]), _lfw_photo(root, words[0], words[2]), True))
        elif len(words) == 4 and words[1].isdecimal() and words[3].isdecimal():
            found.append((_lfw_photo(root, words[0], words[1]), _lfw_photo(root, words[2], words[3]), False))
        else:
            raise DatasetRefused(f"{file} line {line}: give `name 1 2`, or `name 1 other 3`, or a CSV path1,path2,same")
    if per_fold is not None and 2 * per_fold[0] * per_fold[1] == len(found) and per_fold[0] > 1:
        return tuple(
            Pair(first=first, second=second, same=same, fold=place // (2 * per_fold[1]))
            for place, (first, second, same) in enumerate(found)
        )
    return _dealt(found)


def _lfw_photo(root: Path, name: str, number: str) -> Photo:
    """Return name/name_0001.jpg, or the same with another ending where only that is there."""
    below = f"{name}/{name}_{int(number[:6]):04d}"
    candidates = [photo_at(root, below + suffix) for suffix in _SUFFIXES]
    return next((photo for photo in candidates if photo.why is None), candidates[0])


def _from_csv(
    file: Path, rows: Sequence[tuple[int, list[str]]], heading: Sequence[str], root: Path
) -> tuple[Pair, ...]:
    at = {name: heading.index(name) for name in ("path1", "path2", "same", "fold") if name in heading}
    found: list[tuple[Photo, Photo, bool]] = []
    folds: list[str] = []
    for line, cells in rows:
        values = {name: cells[place].strip() if place < len(cells) else "" for name, place in at.items()}
        same = values["same"].casefold()
        if not values["path1"] or not values["path2"] or same not in (*_YES, *_NO):
            raise DatasetRefused(f"{file} line {line}: give path1, path2 and same as 1 or 0")
        found.append((photo_at(root, values["path1"]), photo_at(root, values["path2"]), same in _YES))
        folds.append(values.get("fold", ""))
    if "fold" in at and all(folds):
        names = sorted(set(folds))
        return tuple(
            Pair(first=first, second=second, same=same, fold=names.index(fold))
            for (first, second, same), fold in zip(found, folds, strict=True)
        )
    return _dealt(found)


def _dealt(found: Sequence[tuple[Photo, Photo, bool]]) -> tuple[Pair, ...]:
    """Return the pairs dealt out to ten folds in turn, the same and the different ones each."""
    dealt = {True: 0, False: 0}
    pairs = []
    for first, second, same in found:
        pairs.append(Pair(first=first, second=second, same=same, fold=dealt[same] % FOLDS))
        dealt[same] += 1
    return tuple(pairs)
