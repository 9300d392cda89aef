"""Where the weights of `terminal.covering` come from: photographs as they are, and the same with masks drawn on.

A logistic regression, both kinds weighing alike, judged in five folds by person: nobody is judged by weights that have
seen them. Fit again when the signs change, and put the weights there.
"""

import json
import math
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.spoiling import SPOILINGS
from config import Config
from enroll.evaluate.dataset import read_dataset
from terminal.camera.pictures import PictureRefused, read
from terminal.covering import signs
from terminal.faces import open_engine
from terminal.faces.alignment import aligned
from terminal.quality import MASK_ODDS, Reason, assess

SEED = 2027
FOLDS = 5
_STEPS = 60
_RIDGE = 1.0

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops:
    """The signs (n, 3) of n faces, which of them wear a mask, and the fold each one's owner is in."""

    signs: Numbers
    masked: NDArray[np.bool_]
    folds: NDArray[np.int64]


def run(settings: Config, folder: Path, *, people: int, as_json: bool = False) -> None:
    """The weights and how well they do were printed. Raises DatasetRefused, ModelUnavailable."""
    found = fitted(collect(settings, folder, people=people))
    weights = ", ".join(f"{each:.2f}" for each in found["weights"])
    print(f"weights of mouth, relief and colour, and the bias: {weights}")
    print(
        f"in {FOLDS} folds by person, from odds of {math.exp(MASK_ODDS):.0f} to 1: {found['right']} of "
        f"{found['masked']} masks found, {found['wrong']} of {found['bare']} bare faces called covered"
    )
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")


def collect(settings: Config, folder: Path, *, people: int) -> Crops:
    """Return every good photograph's face as it is, and one of each of up to `people` people in every mask."""
    engine, rng = open_engine(settings.engine), np.random.default_rng(SEED)
    masks = [spoiling for spoiling in SPOILINGS if Reason.MASK in spoiling.says]
    rows: list[tuple[tuple[float, float, float], bool, int]] = []
    everybody = read_dataset(folder).people
    wearing = set(rng.permutation(len(everybody))[:people].tolist())
    for number, person in enumerate(everybody):
        fold = zlib.crc32(person.identity.encode()) % FOLDS
        to_wear = len(masks) if number in wearing else 0
        for photo in person.photos:
            try:
                picture = read(photo.path)
            except PictureRefused:
                continue
            face = next(iter(engine.detect(picture)), None)
            if face is None or assess(picture, face, settings.quality).reason is not None:
                continue
            rows.append((signs(aligned(picture, face.landmarks)), False, fold))
            for mask in masks[:to_wear]:
                worn = mask.spoil(picture, face, rng)
                there = next(iter(engine.detect(worn)), None)
                if there is not None:
                    rows.append((signs(aligned(worn, there.landmarks)), True, fold))
            to_wear = 0
    return Crops(
        signs=np.array([[math.log(line), math.log(relief), colour] for (line, relief, colour), _, _ in rows]),
        masked=np.array([masked for _, masked, _ in rows]),
        folds=np.array([fold for _, _, fold in rows]),
    )


def fitted(crops: Crops) -> dict[str, Any]:
    """Return the weights and the bias over all, and what those of the other folds make of each fold."""
    odds = np.zeros(len(crops.masked))
    for fold in range(FOLDS):
        held = crops.folds == fold
        weights = _regression(crops.signs[~held], crops.masked[~held])
        odds[held] = crops.signs[held] @ weights[:-1] + weights[-1]
    called = odds > MASK_ODDS
    return {
        "weights": [round(float(each), 3) for each in _regression(crops.signs, crops.masked)],
        "masked": int(crops.masked.sum()),
        "right": int((called & crops.masked).sum()),
        "bare": int((~crops.masked).sum()),
        "wrong": int((called & ~crops.masked).sum()),
    }


def _regression(x: Numbers, masked: NDArray[np.bool_]) -> Numbers:
    """Return weights and bias by Newton's method, a little ridge keeping them finite where the kinds part wholly."""
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    inputs = np.column_stack([(x - middle) / spread, np.ones(len(x))])
    share = masked.mean()
    alike = np.where(masked, 0.5 / max(share, 1e-9), 0.5 / max(1 - share, 1e-9))
    ridge = _RIDGE * np.diag([1.0] * x.shape[1] + [0.0])
    weights = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (alike * (chance - masked)) + ridge @ weights
        curve = (inputs * (alike * chance * (1 - chance))[:, np.newaxis]).T @ inputs + ridge
        weights = weights - np.linalg.solve(curve + 1e-9 * np.eye(len(weights)), slope)
    return np.append(weights[:-1] / spread, weights[-1] - float((weights[:-1] * middle / spread).sum()))
