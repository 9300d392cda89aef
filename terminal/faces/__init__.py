"""Finding faces and turning them into encodings: the Engine protocol and its values."""

from dataclasses import dataclass
from typing import Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from config import Engine as EngineSettings

Picture = NDArray[np.uint8]
"""(height, width, 3) RGB."""
Vector = NDArray[np.float32]
"""(dimension,) of unit Euclidean norm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels of the picture it was found in; x, y is the upper left corner and may lie outside."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        return self.width * self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face in a picture. `landmarks` is (5, 2) float32 in pixels: right eye, left eye (the person's own), nose tip,
    right and left mouth corner. `score` is the detector's, 0 to 1."""

    box: Box
    landmarks: NDArray[np.float32]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """The vector of one face, and the engine that made it: encodings of two engines are never compared."""

    vector: Vector
    engine_id: str


class Engine(Protocol):
    """Finds faces and encodes them. One engine belongs to one thread."""

    engine_id: str
    dimension: int

    def detect(self, picture: Picture) -> list[Face]:
        """Return the faces in `picture`, largest first."""
        ...

    def encode(self, picture: Picture, face: Face) -> Encoding:
        """Return the encoding of `face`, which must come from the same picture."""
        ...


def open_engine(settings: EngineSettings) -> Engine:
    """Return the engine that `settings` name, loaded and warm. Raises ModelUnavailable."""
    match settings.name:
        case "opencv":
            from terminal.faces.opencv import OpenCvEngine

            return OpenCvEngine(settings)
        case _:
            assert_never(settings.name)


def engine_id_of(settings: EngineSettings) -> str:
    """Return the id of the engine that `settings` name, without its models."""
    match settings.name:
        case "opencv":
            from terminal.faces.opencv import ENGINE_ID

            return ENGINE_ID
        case _:
            assert_never(settings.name)
