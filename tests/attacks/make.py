"""Write attacks made of clips of people, as `hadir enroll evaluate --liveness` reads them.

    python -m tests.attacks.make FOLDER CLIP...

For each clip and each species a video `FOLDER/attack/SPECIES/CLIP-SEED.avi`, the same for the same seed. Whoever is
largest in the first seconds of a clip is who is attacked. The clips themselves belong into `FOLDER/live`, by a link.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

import config
from terminal.faces import Engine, open_engine
from tests.attacks.sheets import HEIGHT, SPECIES, WIDTH, Picture, attack

FPS = 15.0
_SEARCHED = 5
"""Every so many pictures a face is looked for: the largest is shown first."""
_LARGER = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """BGR pictures of somebody, `face` where they are in the first: centre and width in pixels."""

    name: str
    pictures: Sequence[Picture]
    face: tuple[float, float, float]


def source_of(clip: Path, engine: Engine, *, seconds: float) -> Source | None:
    """Return the pictures of `clip` from where its face is largest, forwards and then backwards; None without one."""
    pictures = _read(clip, round(seconds * FPS))
    best, begin = None, 0
    for at in range(0, len(pictures), _SEARCHED):
        faces = engine.detect(np.ascontiguousarray(pictures[at][..., ::-1]))
        box = max((face.box for face in faces), key=lambda each: each.area, default=None)
        if box is not None and (best is None or box.area > _LARGER * best.area):
            best, begin = box, at
    if best is None:
        return None
    shown = [*pictures[begin:], *pictures[:begin][::-1]]
    return Source(name=clip.stem, pictures=shown, face=(*best.centre, best.width))


def write(folder: Path, source: Source, species: str, *, seed: int, seconds: float) -> Path:
    """Return the video of `source` attacked as `species`, which is written."""
    path = folder / "attack" / species / f"{source.name}-{seed}.avi"
    path.parent.mkdir(parents=True, exist_ok=True)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    try:
        drawn = seed + zlib.crc32(source.name.encode()) % 1000
        for picture in attack(species, source.pictures, source.face, seed=drawn, frames=round(seconds * FPS), fps=FPS):
            video.write(picture)
    finally:
        video.release()
    return path


def _read(clip: Path, most: int) -> list[Picture]:
    video = cv2.VideoCapture(str(clip))
    every = max(1, round((video.get(cv2.CAP_PROP_FPS) or FPS) / FPS))
    pictures: list[Picture] = []
    number = 0
    while len(pictures) < most:
        there, picture = video.read()
        if not there:
            break
        if number % every == 0:
            pictures.append(np.asarray(picture, np.uint8))
        number += 1
    video.release()
    return pictures


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("clips", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--species", multiple=True, type=click.Choice(sorted(SPECIES)), help="Default: every one.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.5, 60), default=3.0, show_default=True, help="Of each attack.")
@click.option("--models", type=click.Path(path_type=Path, file_okay=False), default=Path("var/models"))
def main(folder: Path, clips: Sequence[Path], species: Sequence[str], seed: int, seconds: float, models: Path) -> None:
    """Write attacks made of CLIPS into FOLDER."""
    engine = open_engine(config.replace(config.Config(), engine={"models": str(models)}).engine)
    for clip in clips:
        source = source_of(clip, engine, seconds=seconds)
        if source is None:
            click.echo(f"{clip.name}: no face was found in it")
            continue
        for name in species or SPECIES:
            click.echo(write(folder, source, name, seed=seed, seconds=seconds))


if __name__ == "__main__":
    main()
