"""Photographs made worse by program, one thing at a time: light, distance, movement, and masks drawn on.

Each takes a picture and the face found in it, and gives a new picture; what is random in it comes from `rng`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Face, Picture
from terminal.faces.alignment import placement
from terminal.quality import Reason

Spoil = Callable[[Picture, Face, np.random.Generator], Picture]
_MASK = np.array(
    [(56, 60), (44, 64), (20, 74), (20, 92), (34, 110), (46, 119), (56, 121),
     (66, 119), (78, 110), (92, 92), (92, 74), (68, 64)], np.float32,
)  # fmt: skip
"""A surgical mask in the places of the aligned crop: over the nose, along the cheeks, under the chin."""
_CLOTH = {
    "blue": (120, 165, 205),
    "white": (228, 228, 226),
    "black": (32, 32, 36),
    "pink": (225, 160, 170),
    "green": (120, 180, 150),
}
_WALL = 215.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiling:
    """One way to spoil a picture, and what the kiosk should say of it: nothing where it can be recognised still."""

    name: str
    says: tuple[Reason, ...]
    spoil: Spoil


def darkened(light: float) -> Spoil:
    """Everything has this part of its light, and the sensor its noise."""
    return lambda picture, face, rng: _whole(picture * light + rng.normal(0, 3, picture.shape))


def brightened(light: float) -> Spoil:
    return lambda picture, face, rng: _whole(picture * light)


def backlit(light: float) -> Spoil:
    """Head and shoulders have this part of their light and stand before a bright wall."""

    def spoil(picture: Picture, face: Face, rng: np.random.Generator) -> Picture:
        box, head = face.box, np.zeros(picture.shape[:2], np.float32)
        middle = (int(box.centre[0]), int(box.centre[1] - 0.05 * box.height))
        cv2.ellipse(head, middle, (int(0.72 * box.width), int(0.78 * box.height)), 0, 0, 360, 1.0, -1)
        left, right = int(box.x - 0.6 * box.width), int(box.x + 1.6 * box.width)
        cv2.rectangle(head, (left, int(box.y + 1.05 * box.height)), (right, picture.shape[0]), 1.0, -1)
        near = _soft(head, 0.06 * box.width)
        wall = _WALL + rng.normal(0, 6, picture.shape) + 0.1 * picture
        return _whole(picture * near * light + (1 - near) * wall)

    return spoil


def blurred(part: float) -> Spoil:
    """Out of focus by this part of the face's width."""
    return lambda picture, face, rng: np.asarray(cv2.GaussianBlur(picture, (0, 0), part * face.box.width), np.uint8)


def moved(part: float) -> Spoil:
    """Moved sideways by this part of the face's width while the shutter was open."""

    def spoil(picture: Picture, face: Face, rng: np.random.Generator) -> Picture:
        length = int(part * face.box.width) | 1
        smear = np.zeros((length, length), np.float32)
        smear[length // 2] = 1 / length
        return np.asarray(cv2.filter2D(picture, -1, smear), np.uint8)

    return spoil


def shrunk(face_px: float) -> Spoil:
    """As far away as makes the face so many pixels wide."""

    def spoil(picture: Picture, face: Face, rng: np.random.Generator) -> Picture:
        scale = face_px / face.box.width
        return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)

    return spoil


def masked(cloth: str) -> Spoil:
    """A pleated mask of that colour, of the wearer's own skin's ("skin") or with a pattern ("pattern") is drawn on."""

    def spoil(picture: Picture, face: Face, rng: np.random.Generator) -> Picture:
        height, width = picture.shape[:2]
        there = placement(face.landmarks)
        back = cv2.invertAffineTransform(there)
        scale = float(np.hypot(back[0, 0], back[1, 0]))
        outline = (_MASK + rng.normal(0, 1.5, _MASK.shape)) @ back[:, :2].T + back[:, 2]
        outlined = np.zeros((height, width), np.float32)
        cv2.fillPoly(outlined, [np.round(outline * 16).astype(np.int32)], (1.0,), cv2.LINE_AA, 4)
        shape = _soft(outlined, 0.6 * scale)
        crop = cv2.warpAffine(picture, there, (112, 112))
        light = float(np.clip(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[40:70, 25:87].mean() / 130, 0.35, 1.3))
        drawn = cv2.warpAffine(_whole(_texture(cloth, np.asarray(crop, np.uint8), rng) * light), back, (width, height))
        return _whole(picture * (1 - shape) + drawn * shape)

    return spoil


SPOILINGS = (
    *(Spoiling(name=f"light {part:g}", says=(Reason.TOO_DARK,), spoil=darkened(part)) for part in (0.2, 0.12)),
    *(Spoiling(name=f"light {part:g}", says=(Reason.TOO_BRIGHT,), spoil=brightened(part)) for part in (2.2, 3.0)),
    *(
        Spoiling(name=f"before a wall, light {part:g}", says=(Reason.BACKLIT,), spoil=backlit(part))
        for part in (0.5, 0.35, 0.2)
    ),
    Spoiling(name="light 0.5", says=(), spoil=darkened(0.5)),
    Spoiling(name="blur 0.03", says=(), spoil=blurred(0.03)),
    Spoiling(name="moved 0.12", says=(), spoil=moved(0.12)),
    Spoiling(name="face 64 px", says=(), spoil=shrunk(64)),
    *(Spoiling(name=f"blur {part:g}", says=(Reason.HOLD_STILL,), spoil=blurred(part)) for part in (0.06, 0.1)),
    *(Spoiling(name=f"moved {part:g}", says=(Reason.HOLD_STILL,), spoil=moved(part)) for part in (0.2, 0.3)),
    *(Spoiling(name=f"face {px} px", says=(Reason.TOO_FAR,), spoil=shrunk(px)) for px in (44, 32)),
    *(
        Spoiling(name=f"mask, {cloth}", says=(Reason.MASK,), spoil=masked(cloth))
        for cloth in (*_CLOTH, "skin", "pattern")
    ),
)


def _texture(cloth: str, crop: Picture, rng: np.random.Generator) -> NDArray[np.float64]:
    y, x = np.mgrid[0:128, 0:112].astype(np.float64)
    if cloth == "pattern":
        pair, pitch = rng.integers(0, 256, (2, 3)), rng.uniform(0.35, 0.8)
        waves = np.sin(pitch * x + 2 * np.sin(0.7 * pitch * y)) + np.sin(pitch * y + 1.3 * np.cos(pitch * x))
        ink = cv2.GaussianBlur((waves > 0).astype(np.float32), (0, 0), 1)[..., np.newaxis]
        colours = pair[0] * ink + pair[1] * (1 - ink)
    elif cloth == "skin":
        cheeks = np.concatenate([crop[56:66, 26:36].reshape(-1, 3), crop[56:66, 76:86].reshape(-1, 3)])
        colours = np.clip(np.median(cheeks, axis=0) * rng.uniform(0.9, 1.05) + rng.normal(0, 5, 3), 0, 255)
    else:
        colours = np.array(_CLOTH[cloth]) + rng.normal(0, 8, 3)
    shade = 1 - 0.22 * ((x - 56) / 45) ** 2 - 0.1 * np.clip((y - 95) / 30, 0, 1)
    if cloth != "pattern":
        for fold in (78, 88, 98):
            shade -= 0.08 * np.exp(-(((y - fold - rng.normal(0, 1) - 0.004 * (x - 56) ** 2) / 1.3) ** 2))
    return np.asarray(colours * shade[..., np.newaxis] + rng.normal(0, 3, (*x.shape, 3)), np.float64)


def _soft(shape: NDArray[np.float32], by_px: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(shape, (0, 0), max(0.5, by_px)), np.float32)[..., np.newaxis]


def _whole(picture: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
