"""Passive models of one's own, described: what a site writes beside its networks so that liveness reads them instead.

The file is YAML, or JSON if its name ends so; it is as strict as that of an encoder, `terminal/faces/manifest.py`.
"""

import math
from typing import Annotated, Literal

from msgspec import Meta, Struct

from terminal.faces.manifest import HASH, NAME, PLAIN_FILE, ManifestRefused, check_treatment, decoded
from terminal.liveness.networks import PassiveModel

SETTING = "liveness.manifest"
Output = Annotated[int, Meta(ge=0, le=99)]


class Described(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network, as PassiveModel has it; `file` lies beside the manifest."""

    name: Annotated[str, Meta(pattern=NAME)]
    file: Annotated[str, Meta(pattern=PLAIN_FILE)]
    sha256: Annotated[str, Meta(pattern=HASH)]
    licence: Annotated[str, Meta(min_length=1, max_length=200)]
    input_px: Annotated[int, Meta(ge=32, le=512)] = 128
    crop: Annotated[float, Meta(ge=1, le=4)] = 1.5
    colour: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1 / 255
    real: Output = 0
    spoof: Annotated[tuple[Output, ...], Meta(max_length=20)] = (1,)
    threshold: float = 0.0


class Descriptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file: all of its models are asked of every face, and none makes up for another's doubt."""

    models: Annotated[tuple[Described, ...], Meta(min_length=1, max_length=4)]


def read_manifest(path: str) -> tuple[PassiveModel, ...]:
    """Return the models that the file `path` describes, every value in its range. Raises ManifestRefused."""
    models = decoded(path, Descriptions, setting=SETTING).models
    for model in models:
        where = f"{SETTING} {path}: {model.name}: "
        check_treatment(model.mean, model.scale, where)
        if not math.isfinite(model.threshold):
            raise ManifestRefused(f"{where}threshold: a number is wanted, in the unit of the outputs")
        if model.real in model.spoof:
            raise ManifestRefused(f"{where}output {model.real} cannot speak both for a person and for an attack")
    if len({model.name for model in models}) < len(models):
        raise ManifestRefused(f"{SETTING} {path}: two of its models have the same name")
    return tuple(_as_model(model) for model in models)


def _as_model(model: Described) -> PassiveModel:
    return PassiveModel(
        name=model.name,
        file=model.file,
        sha256=model.sha256,
        licence=model.licence,
        input_px=model.input_px,
        crop=model.crop,
        colour=model.colour,
        mean=model.mean,
        scale=model.scale,
        real=model.real,
        spoof=model.spoof,
        threshold=model.threshold,
    )
