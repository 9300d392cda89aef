"""Where the passive models are, and how they come there: found in a folder, fetched once, or brought by their owner.

Whatever way a file came, it is used only when its SHA-256 is the one that is pinned, or written in the manifest.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import config
from sync.durable import write_whole
from terminal.faces.models import ModelUnavailable
from terminal.liveness import manifest
from terminal.liveness.download import download
from terminal.liveness.networks import PASSIVE, ModelAbsent, ModelAltered, PassiveModel, read_model

_ALTERED = ".altered"

_log = logging.getLogger("hadir.terminal.models")

Download = Callable[[str, int], bytes]
"""Returns what lies at an address, of which no more than so many bytes and one are read; raises ModelUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which models, and the folder they are in. `fetches`: those that are absent are fetched, each from its own
    address or, where `mirror` has that of a folder, from there; otherwise the folder is somebody else's, and only
    read."""

    models: tuple[PassiveModel, ...]
    folder: Path
    fetches: bool = False
    mirror: str = ""

    def address(self, model: PassiveModel) -> str:
        """Where `model` is fetched from; empty where it is not."""
        if not self.fetches:
            return ""
        return f"{self.mirror.rstrip('/')}/{model.file}" if self.mirror else model.address


def source_of(settings: config.Config) -> Source:
    """Return where `settings` say the passive models are. Raises ManifestRefused."""
    chosen, described = settings.liveness.models, settings.liveness.manifest
    if described:
        return Source(models=manifest.read_manifest(described), folder=Path(described).parent)
    if chosen.startswith("https://"):
        return Source(models=PASSIVE, folder=settings.engine.models, fetches=True, mirror=chosen)
    if chosen:
        return Source(models=PASSIVE, folder=Path(chosen))
    return Source(models=PASSIVE, folder=settings.engine.models, fetches=True)


def read(source: Source) -> list[tuple[PassiveModel, bytes]]:
    """Return the models with their checked bytes; nothing is fetched. Raises ModelUnavailable."""
    return [(model, read_model(source.folder, model)) for model in source.models]


def fetch(source: Source, *, through: Download | None = None, ended: Callable[[], bool] = lambda: False) -> None:
    """The models that were absent are in the folder, whole and checked; where one was altered, it was set aside.

    Nothing is asked of a network for those that are there, nor of a source that fetches nothing. With the first that
    cannot be had the rest is left for another time. Raises ModelUnavailable.
    """
    if not source.fetches:
        return
    through = through or (lambda address, most_bytes: download(address, most_bytes=most_bytes, ended=ended))
    for model in source.models:
        altered = False
        try:
            read_model(source.folder, model)
            continue
        except ModelAltered:
            altered = True
        except ModelAbsent:
            pass
        _have(source, model, through, altered=altered)


def _have(source: Source, model: PassiveModel, through: Download, *, altered: bool) -> None:
    address, path = source.address(model), source.folder / model.file
    _log.info("fetching %s from %s", model.file, address)
    try:
        content = through(address, model.size_bytes)
    except ModelUnavailable as error:
        raise ModelUnavailable(f"{error}; see to the network, or give liveness.models a folder or a mirror") from error
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise ModelUnavailable(f"{address} does not give the published {model.file} (its SHA-256 differs): none kept")
    try:
        if altered:
            aside = path.with_name(path.name + _ALTERED)
            path.replace(aside)
            _log.warning("%s was not the published file; it is now %s, and the published one in its place", path, aside)
        write_whole(path, content, mode=0o644)
    except OSError as error:
        raise ModelUnavailable(f"{path} could not be written ({error.strerror}); see to the folder or disk") from error
    _log.info("%s is there, as it was published", path)
