"""Finding faces and turning them into encodings: the Engine protocol and its values."""

from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which engine made, or may read, an encoding, and how many values one has."""

    engine_id: str
    dimension: int


def open_engine(settings: EngineSettings) -> Engine:
    """Return the engine that `settings` name, loaded and warm. Raises ModelUnavailable."""
    match settings.name:
        case "opencv":
            from terminal.faces.opencv import OpenCvEngine

            return OpenCvEngine(settings)
        case "dlib":
            from terminal.faces.dlib_resnet import DlibEngine

            return DlibEngine(settings)
        case "onnx":
            from terminal.faces.onnx import OnnxEngine

            return OnnxEngine(settings)
        case _:
            assert_never(settings.name)


def identity_of(settings: EngineSettings) -> Identity:
    """Return the identity of the engine that `settings` name, without its models.

    Raises ModelUnavailable where a manifest is needed and cannot be used.
    """
    match settings.name:
        case "opencv":
            from terminal.faces.opencv import DIMENSION, ENGINE_ID

            return Identity(engine_id=ENGINE_ID, dimension=DIMENSION)
        case "dlib":
            from terminal.faces import dlib_resnet

            return Identity(engine_id=dlib_resnet.ENGINE_ID, dimension=dlib_resnet.DIMENSION)
        case "onnx":
            from terminal.faces.manifest import read_manifest

            manifest = read_manifest(settings.manifest)
            return Identity(engine_id=manifest.engine_id, dimension=manifest.dimension)
        case _:
            assert_never(settings.name)


def engine_id_of(settings: EngineSettings) -> str:
    """Return the id of the engine that `settings` name, without its models. Raises ModelUnavailable."""
    return identity_of(settings).engine_id


def fetch_models(settings: EngineSettings) -> tuple[Path, ...]:
    """Return the files of the engine that `settings` name, present and checked; published ones were fetched if absent.

    Raises ModelUnavailable.
    """
    from terminal.faces import models

    match settings.name:
        case "opencv":
            return models.ensure(settings.models, models.OPENCV)
        case "dlib":
            return models.ensure(settings.models, models.DLIB)
        case "onnx":
            from terminal.faces.manifest import model_bytes, read_manifest

            manifest = read_manifest(settings.manifest)
            model_bytes(manifest, settings.manifest)
            return (
                *models.ensure(settings.models, (models.DETECTOR,)),
                Path(settings.manifest).with_name(manifest.file),
            )
        case _:
            assert_never(settings.name)
