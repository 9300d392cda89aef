"""The default engine: YuNet finds faces, SFace encodes them, both through OpenCV's DNN module.

OpenCV's own threads do the arithmetic: on two cores an encoding takes 15 ms with them and 24 ms without (x86), so their
number is left to OpenCV, which takes every core.

onnxruntime 1.32 was tried in its place, in turns in one process, and does not win clearly (x86, CPU time on one thread;
not measured on aarch64). It cannot open the published SFace file, whose weights are declared as inputs too; with those
declarations removed it takes 1.3 times as long as OpenCV, because it unpacks the int8 weights anew for each face; with
the weights written out as floats it takes 0.77 of the time. YuNet's published file is bound to 640x640 there; rewritten
for 480x288 it takes half of OpenCV's time. Detection and encoding together, both files rewritten: 0.72 of the time, for
78 MB more to install and models that no longer are their publisher's bytes. On two threads it used more CPU time than
OpenCV for SFace in either form.
"""

import cv2

from config import Engine as EngineSettings
from terminal.faces import Encoding, Face, Picture
from terminal.faces.alignment import aligned
from terminal.faces.encoding import EncodingFailed, check_landmarks, unit
from terminal.faces.models import OPENCV, contents
from terminal.faces.sface import DIMENSION, SFace
from terminal.faces.yunet import YuNet, unloadable

__all__ = ["DIMENSION", "ENGINE_ID", "EncodingFailed", "OpenCvEngine"]

ENGINE_ID = "opencv-yunet2023mar-sface2021dec-int8bq"


class OpenCvEngine:
    """An Engine of YuNet and SFace. Belongs to the thread that uses it."""

    engine_id = ENGINE_ID
    dimension = DIMENSION

    def __init__(self, settings: EngineSettings) -> None:
        """Both networks are loaded and warm. Raises ModelUnavailable."""
        detector, encoder = contents(settings.models, OPENCV)
        self._detector = YuNet(detector, settings)
        try:
            self._encoder = SFace(encoder)
        except cv2.error as error:
            raise unloadable(settings) from error

    def detect(self, picture: Picture) -> list[Face]:
        """Return the faces in `picture`, largest first, in the picture's own pixels; see YuNet.detect."""
        return self._detector.detect(picture)

    def encode(self, picture: Picture, face: Face) -> Encoding:
        """Return the encoding of `face`, aligned by its landmarks from the full picture. Raises EncodingFailed."""
        check_landmarks(face)
        return unit(self._encoder.features(aligned(picture, face.landmarks)), ENGINE_ID)
