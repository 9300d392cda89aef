"""What is in a folder of presentations: people under `live/`, attacks under `attack/SPECIES/`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from errors import HadirError

LIVE = "live"
STILLS = frozenset({".jpg", ".jpeg", ".png"})
CLIPS = frozenset({".mp4", ".avi", ".webm", ".mov", ".mkv", ".m4v", ".gif"})
_MOST = 100_000
_DEEPEST = 4


class PresentationsRefused(HadirError):
    """The folder cannot be measured; the text says what it should look like."""


class Kind(StrEnum):
    """How a presentation was kept: one picture, a folder of consecutive ones, or a video."""

    STILL = "still"
    SEQUENCE = "sequence"
    CLIP = "clip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """Somebody, or an attack, once before a camera. `species` is LIVE or the name of the attack's folder."""

    name: str
    species: str
    kind: Kind
    path: Path


def presentations_in(folder: Path) -> list[Presentation]:
    """Return what is in `folder`, live ones first, by name. Raises PresentationsRefused.

    Below `live` and below each `attack/SPECIES` a picture is a still, a video a clip, a folder of pictures a sequence;
    a folder of folders is looked into.
    """
    try:
        found = [*_below(folder / LIVE, LIVE, folder)]
        attacks = folder / "attack"
        for species in sorted(attacks.iterdir()) if attacks.is_dir() else ():
            if species.is_dir():
                found += _below(species, species.name, folder)
    except OSError as error:
        raise PresentationsRefused(f"{folder} cannot be read ({error.strerror})") from error
    if not found:
        raise PresentationsRefused(
            f"{folder} has no presentations: put pictures, videos or folders of pictures of people into "
            f"{folder}/{LIVE}, and of attacks into {folder}/attack/SPECIES"
        )
    if len(found) > _MOST:
        raise PresentationsRefused(f"{folder} has more than {_MOST} presentations; measure parts of it")
    return found


def _below(folder: Path, species: str, root: Path, depth: int = 0) -> Iterator[Presentation]:
    if not folder.is_dir() or depth > _DEEPEST:  # a link may lead back up
        return
    with os.scandir(folder) as entries:
        inside = sorted(entries, key=lambda each: each.name)
    for entry in inside:
        path = Path(entry.path)
        name = path.relative_to(root).as_posix()
        if entry.is_dir():
            if any(each.suffix.lower() in STILLS for each in path.iterdir()):
                yield Presentation(name=name, species=species, kind=Kind.SEQUENCE, path=path)
            else:
                yield from _below(path, species, root, depth + 1)
        elif path.suffix.lower() in STILLS:
            yield Presentation(name=name, species=species, kind=Kind.STILL, path=path)
        elif path.suffix.lower() in CLIPS:
            yield Presentation(name=name, species=species, kind=Kind.CLIP, path=path)
