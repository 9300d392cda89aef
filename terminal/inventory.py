"""Every model a kiosk reads: what it is, under which licence, where it comes from, and if it is what it should be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import config
from terminal.faces import fetch_models
from terminal.faces import models as published
from terminal.faces.manifest import model_bytes, read_manifest
from terminal.faces.models import Model, ModelUnavailable
from terminal.liveness import sources
from terminal.liveness.networks import LANDMARKS, read_model

_BESIDE = "put there by its owner"


class State(StrEnum):
    """`altered` files are there but other than they should be, or cannot be read; they are never loaded."""

    PRESENT = "present"
    ALTERED = "altered"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file; `origin` says where it comes from. `needed`: nobody is recognised without it."""

    path: Path
    state: State
    licence: str
    origin: str
    needed: bool


def inventory(settings: config.Config) -> tuple[Item, ...]:
    """Return the files that these settings ask for, those of liveness unless it is off. Raises ManifestRefused."""
    return (*_of_engine(settings), *(_of_liveness(settings) if settings.liveness.mode != "off" else ()))


def fetch(settings: config.Config) -> tuple[str, ...]:
    """What can be fetched is there, and checked; return a sentence for each of liveness's models that is not.

    Raises ModelUnavailable where it is one without which nobody is recognised.
    """
    fetch_models(settings.engine)
    if settings.liveness.mode == "off":
        return ()
    source, lacking = sources.source_of(settings), []
    try:
        published.ensure(settings.engine.models, (LANDMARKS,))
    except ModelUnavailable as error:
        lacking.append(str(error))
    try:
        sources.fetch(source)
        sources.read(source)
    except ModelUnavailable as error:
        lacking.append(str(error))
    return tuple(lacking)


def _of_engine(settings: config.Config) -> Iterator[Item]:
    engine = settings.engine
    match engine.name:
        case "opencv":
            listed: tuple[Model, ...] = published.OPENCV
        case "dlib":
            listed = published.DLIB
        case "onnx":
            listed = (published.DETECTOR,)
            manifest = read_manifest(engine.manifest)
            path = Path(engine.manifest).with_name(manifest.file)
            state = _state(path, partial(model_bytes, manifest, engine.manifest))
            yield Item(path=path, state=state, licence=manifest.licence, origin=_BESIDE, needed=True)
    for model in listed:
        yield _packaged(engine.models, model, needed=True)


def _of_liveness(settings: config.Config) -> Iterator[Item]:
    yield _packaged(settings.engine.models, LANDMARKS, needed=False)
    source = sources.source_of(settings)
    for model in source.models:
        path = source.folder / model.file
        yield Item(
            path=path,
            state=_state(path, partial(read_model, source.folder, model)),
            licence=model.licence,
            origin=source.address(model) or _BESIDE,
            needed=False,
        )


def _packaged(folder: Path, model: Model, *, needed: bool) -> Item:
    return Item(
        path=folder / model.file,
        state=_state(folder / model.file, partial(published.kept, folder, model)),
        licence=model.licence,
        origin=f"package {model.package} {model.version}",
        needed=needed,
    )


def _state(path: Path, read: Callable[[], bytes]) -> State:
    try:
        read()
    except ModelUnavailable:
        return State.ALTERED if path.exists() else State.ABSENT
    return State.PRESENT
