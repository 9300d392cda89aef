"""The walk-up clip's pictures: figures set into the lobby as a cheap camera sees them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from demo import cutout, heads, lobby, photo, walk
from errors import HadirError
from terminal.faces import Engine
from terminal.liveness.networks import Landmarks

FRAME_RATE_HZ = 15
SEED = 20_250_817

Image = cutout.Image
Noise = NDArray[np.int16]


class PortraitUnfit(HadirError):
    """A portrait cannot be read or shows no face; the text names the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A figure at one size: colour already multiplied by cover, both as in cutout.Figure; `face_px` its face height."""

    colour: Image
    cover: Image
    middle: tuple[float, float]
    face_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person who can be set into the lobby: `layers`, each half as large as the one before, and their relief."""

    layers: tuple[Layer, ...]
    relief: heads.Relief


def printed(path: Path, engine: Engine) -> Image:
    """Return the portrait in the file on a sheet of paper. Raises PortraitUnfit."""
    sheet = photo.printed(_read(path), engine)
    if sheet is None:
        raise PortraitUnfit(f"no face was found in {path}; restore the demo's photos with git checkout demo")
    return sheet


def actor(path: Path, engine: Engine, landmarks: Landmarks, *, mirrored: bool) -> Actor:
    """Return the person in the photo. Raises PortraitUnfit."""
    portrait = _read(path)
    picture = np.asarray(cv2.flip(portrait, 1), np.uint8) if mirrored else portrait
    rgb = np.ascontiguousarray(picture[..., ::-1])
    faces = engine.detect(rgb)
    mesh = landmarks.mesh(rgb, faces[0]) if faces else None
    if mesh is None:
        raise PortraitUnfit(f"no face was found in {path}; restore the demo's photos with git checkout demo")
    figure = cutout.cut_out(picture, faces[0].box)
    # The door is on the left: that side of everybody is lighter.
    daylight = np.linspace(1.07, 0.88, figure.colour.shape[1])[None, :, None]
    tinted = np.clip(figure.colour * daylight * np.array([0.97, 1.0, 1.01]), 0, 255)
    colour = np.asarray(tinted * (figure.cover[..., None] / 255.0), np.uint8)
    made = [Layer(colour=colour, cover=figure.cover, middle=figure.middle, face_px=cutout.FACE_PX)]
    while made[-1].face_px > 40:
        last = made[-1]
        height, width = last.cover.shape[0] // 2, last.cover.shape[1] // 2
        made.append(
            Layer(
                colour=np.asarray(cv2.resize(last.colour, (width, height), interpolation=cv2.INTER_AREA), np.uint8),
                cover=np.asarray(cv2.resize(last.cover, (width, height), interpolation=cv2.INTER_AREA), np.uint8),
                middle=(last.middle[0] / 2, last.middle[1] / 2),
                face_px=last.face_px / 2,
            )
        )
    mesh *= cutout.FACE_PX / faces[0].box.height
    mesh[:, :2] += np.array(figure.middle) - np.array(faces[0].box.centre) * cutout.FACE_PX / faces[0].box.height
    rows, columns = figure.cover.shape
    return Actor(layers=tuple(made), relief=heads.relief_of(mesh, figure.middle, (rows, columns)))


def _read(path: Path) -> Image:
    try:
        picture = photo.read(path)
    except (OSError, cv2.error) as error:
        raise PortraitUnfit(f"{path} cannot be read; restore the demo's photos with git checkout demo") from error
    if picture is None:
        raise PortraitUnfit(f"{path} is not a picture; restore the demo's photos with git checkout demo")
    return picture


def render(
    cast: Mapping[str, Actor], prints: Mapping[str, Image], times_s: Iterator[float] | None = None
) -> Iterator[Image]:
    """Yield the pictures, (720, 1280, 3) BGR, at `times_s`: by default the whole clip at FRAME_RATE_HZ."""
    rng = np.random.default_rng(SEED)
    room = lobby.paint(SEED)
    noise = grain(rng)
    if times_s is None:
        times_s = (number / FRAME_RATE_HZ for number in range(int(walk.LENGTH_S * FRAME_RATE_HZ)))
    for at_s in times_s:
        frame = room.copy()
        standing = [(pose, each) for each in walk.WALKS if (pose := walk.pose(each, at_s)) is not None]
        for pose, each in sorted(standing, key=lambda pair: pair[0].face_px):
            set_in(frame, cast[each.who], pose)
            if each.shows is not None:
                photo.hold(
                    frame,
                    prints[each.shows],
                    place_px=(pose.x_px, pose.y_px),
                    z_m=walk.FACE_M * lobby.FOCAL_PX / pose.face_px,
                    at_s=at_s,
                    light=pose.light,
                )
        yield taken(frame, noise, rng, light=walk.brightness(at_s))


def taken(frame: Image, noise: Noise, rng: np.random.Generator, *, light: float) -> Image:
    """Return what a sensor makes of `frame` in that light."""
    cv2.convertScaleAbs(frame, frame, alpha=light)
    top = int(rng.integers(0, noise.shape[0] - lobby.HEIGHT_PX))
    left = int(rng.integers(0, noise.shape[1] - lobby.WIDTH_PX))
    part = noise[top : top + lobby.HEIGHT_PX, left : left + lobby.WIDTH_PX]
    return np.asarray(cv2.add(frame, part, dtype=cv2.CV_8U), np.uint8)


def grain(rng: np.random.Generator) -> Noise:
    """Return a field of sensor noise, larger than a frame so that each frame takes another part of it."""
    shape = (lobby.HEIGHT_PX + 128, lobby.WIDTH_PX + 128)
    grey = cv2.GaussianBlur(rng.normal(0, 3.0, shape).astype(np.float32), (0, 0), 0.7)
    colour = cv2.GaussianBlur(rng.normal(0, 2.4, (*shape, 3)).astype(np.float32), (0, 0), 1.2)
    return np.asarray(np.rint(grey[..., None] + colour), np.int16)


def set_in(frame: Image, person: Actor, pose: walk.Pose) -> None:
    """Draw `person` into `frame` as `pose` says: turned, scaled, smeared by movement, lit."""
    layer = next((each for each in reversed(person.layers) if each.face_px >= pose.face_px), person.layers[0])
    left = max(int(pose.x_px - (cutout.BESIDE + 0.4) * pose.face_px), 0)
    right = min(int(pose.x_px + (cutout.BESIDE + 0.4) * pose.face_px), lobby.WIDTH_PX)
    top = max(int(pose.y_px - (cutout.ABOVE + 0.2) * pose.face_px), 0)
    if right <= left:
        return
    to_x, to_y = heads.seen(
        person.relief,
        person.layers[0].middle,
        place_px=(pose.x_px, pose.y_px),
        face_px=pose.face_px,
        lean_deg=pose.lean_deg,
        turn=pose.turn,
        corner_px=(left, top),
        size_px=(right - left, lobby.HEIGHT_PX - top),
    )
    shrunk = layer.face_px / cutout.FACE_PX
    to_x, to_y = (to_x + 0.5) * shrunk - 0.5, (to_y + 0.5) * shrunk - 0.5
    colour = cv2.remap(layer.colour, to_x, to_y, cv2.INTER_LINEAR)
    cover = cv2.remap(layer.cover, to_x, to_y, cv2.INTER_LINEAR)
    smear = _smear(pose.smear_px)
    if smear is not None:
        colour, cover = cv2.filter2D(colour, -1, smear), cv2.filter2D(cover, -1, smear)
    colour = cv2.convertScaleAbs(colour, alpha=pose.light)
    behind = frame[top:, left:right]
    clear = cv2.merge([255 - np.asarray(cover, np.uint8)] * 3)
    behind[:] = cv2.add(cv2.multiply(behind, clear, scale=1 / 255), colour)


def _smear(move_px: tuple[float, float]) -> NDArray[np.float32] | None:
    """Return the kernel that spreads a pixel along a movement, or None where it would not show."""
    length = float(np.hypot(*move_px))
    if length < 1.5:
        return None
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for part in np.linspace(-0.5, 0.5, 4 * half):
        column, row = half + part * move_px[0], half + part * move_px[1]
        kernel[round(row), round(column)] += 1
    return np.asarray(kernel / kernel.sum(), np.float32)
