"""The alternative engine: YuNet finds faces, dlib's 5-point predictor and ResNet encode them, as face_recognition does.

For the same square `features` returns the numbers of face_recognition.face_encodings, so that encodings made with that
package can be used; dlib is called directly, because importing face_recognition also loads a 68-point predictor whose
training photographs exclude commercial use. face_recognition looks for faces with dlib's HOG detector. Here YuNet does:
it is faster, gives the corners of the mouth, which dlib's five points lack, and finds faces that HOG does not. Its box
is made into a square like HOG's. Measured on 902 photographs of the bench, 897 of which HOG found as well: encodings of
one photograph by way of both detectors are 0.04 apart in the median, of 0.6 that face_recognition allows; at a false
match rate of 1e-3, 17.2 % of genuine pairs are missed with HOG on both sides, 18.7 % with YuNet on both, 17.8 % with
one of each, and 1.9 % with SFace.

dlib keeps Python to itself while it encodes: screen and uplink of the kiosk stand still for that long, about a tenth of
a second a face (x86), where OpenCV lets them run.

Scores lie close together: 0.83 in the median for two strangers, 0.96 for two pictures of one person. Thresholds of the
other engines mean nothing here; the engine's calibration has those that do.
"""

import os
import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Engine as EngineSettings
from terminal.faces import Box, Encoding, Face, Picture
from terminal.faces.encoding import EncodingFailed, check_landmarks, unit
from terminal.faces.models import DLIB, ModelUnavailable, contents
from terminal.faces.yunet import YuNet

ENGINE_ID = "dlib-5point-resnet-v1"
DIMENSION = 128
_FURTHEST_PX = 100_000
"""dlib counts pixels in C longs; a face is never so far outside its picture."""


class DlibEngine:
    """An Engine of YuNet and dlib. Belongs to the thread that uses it."""

    engine_id = ENGINE_ID
    dimension = DIMENSION

    def __init__(self, settings: EngineSettings) -> None:
        """All networks are loaded. Raises ModelUnavailable, also where dlib is not installed."""
        dlib = _dlib()
        detector, predictor, resnet = contents(settings.models, DLIB)
        self._detector = YuNet(detector, settings)
        self._rectangle = dlib.rectangle
        self._predictor = _loaded(dlib.shape_predictor, predictor, settings)
        self._resnet = _loaded(dlib.face_recognition_model_v1, resnet, settings)

    def detect(self, picture: Picture) -> list[Face]:
        """Return the faces in `picture`, largest first, in the picture's own pixels; see YuNet.detect."""
        return self._detector.detect(picture)

    def encode(self, picture: Picture, face: Face) -> Encoding:
        """Return the encoding of `face`: `features` of its square, scaled to unit norm. Raises EncodingFailed."""
        check_landmarks(face)
        return unit(self.features(picture, square_of(face)).astype(np.float32), ENGINE_ID)

    def features(self, picture: Picture, square: Box) -> NDArray[np.float64]:
        """Return face_recognition's own (128,) values for the face in `square`, not normalised; norm 1.2 to 1.7.

        `square` is rounded to whole pixels, and its right and lower edges are pixels of it, as dlib has them. Raises
        EncodingFailed.
        """
        edges = (square.x, square.y, square.x + square.width - 1, square.y + square.height - 1)
        if not all(abs(edge) < _FURTHEST_PX for edge in edges) or edges[2] <= edges[0] or edges[3] <= edges[1]:
            raise EncodingFailed("this face lies outside its picture; try another picture")
        rgb = np.ascontiguousarray(picture)
        points = self._predictor(rgb, self._rectangle(*(round(edge) for edge in edges)))
        try:
            return np.array(self._resnet.compute_face_descriptor(rgb, points, 1), np.float64)
        except RuntimeError as error:  # a chip of no size, say
            raise EncodingFailed("no encoding came out of this picture; try another one") from error


def square_of(face: Face) -> Box:
    """Return the square that dlib's HOG detector would draw around `face`, within a tenth of its side.

    Its centre is midway between eyes and mouth and its area that of YuNet's box. Measured on 897 photographs of the
    bench: HOG's side is 0.99 of this one's (spread 0.08), its centre off by 0.04 and 0.01 of a side (spread 0.03).
    """
    right_eye, left_eye, _, right_mouth, left_mouth = face.landmarks.astype(np.float64)
    x, y = ((right_eye + left_eye) + (right_mouth + left_mouth)) / 4
    side = face.box.area**0.5
    return Box(x=float(x) - side / 2, y=float(y) - side / 2, width=side, height=side)


def _dlib() -> ModuleType:
    try:
        import dlib
    except ImportError as error:
        lock = "locks/python3.13-dlib.txt" if sys.version_info >= (3, 13) else "locks/python3.11-dlib.txt"
        raise ModelUnavailable(
            "engine.name is dlib, and dlib is not installed; run in Hadir's folder: "
            f".venv/bin/python -m pip install --no-deps --require-hashes -r {lock}"
        ) from error
    module: ModuleType = dlib
    return module


def _loaded(load: Any, content: bytes, settings: EngineSettings) -> Any:
    """Return what `load` makes of the checked bytes; dlib reads files only, so they are one in memory."""
    descriptor = os.memfd_create("hadir-model")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        return load(f"/proc/self/fd/{descriptor}")
    except (RuntimeError, OSError) as error:
        raise ModelUnavailable(
            f"dlib cannot load the models in {settings.models}; install the version that locks/ names"
        ) from error
    finally:
        os.close(descriptor)
