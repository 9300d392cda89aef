"""An engine of one's own: YuNet finds faces, and any ArcFace-style network that a manifest describes encodes them.

OpenCV's DNN module runs the network. SFace, described by a manifest, gives what the default engine gives; it is only
slower by what the default engine's short way through its last layer saves.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from config import Engine as EngineSettings
from terminal.faces import Encoding, Face, Picture
from terminal.faces.alignment import CROP_PX, aligned
from terminal.faces.encoding import EncodingFailed, check_landmarks, unit
from terminal.faces.manifest import Manifest, ManifestRefused, model_bytes, read_manifest
from terminal.faces.models import DETECTOR, contents
from terminal.faces.yunet import YuNet


class OnnxEngine:
    """An Engine of YuNet and a described network. Belongs to the thread that uses it."""

    def __init__(self, settings: EngineSettings) -> None:
        """Both networks are loaded, and the described one has answered as described. Raises ModelUnavailable."""
        manifest = read_manifest(settings.manifest)
        (detector,) = contents(settings.models, (DETECTOR,))
        self.engine_id, self.dimension = manifest.engine_id, manifest.dimension
        self._detector = YuNet(detector, settings)
        self._network = Network(manifest, model_bytes(manifest, settings.manifest))

    def detect(self, picture: Picture) -> list[Face]:
        """Return the faces in `picture`, largest first, in the picture's own pixels; see YuNet.detect."""
        return self._detector.detect(picture)

    def encode(self, picture: Picture, face: Face) -> Encoding:
        """Return the encoding of `face`, aligned by its landmarks from the full picture. Raises EncodingFailed."""
        check_landmarks(face)
        return unit(self._network.features(aligned(picture, face.landmarks)), self.engine_id)


class Network:
    """The network of a manifest. Belongs to one thread."""

    def __init__(self, manifest: Manifest, content: bytes) -> None:
        """Loaded, and its answer to one picture has the manifest's dimension. Raises ManifestRefused."""
        self._manifest = manifest
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
            answer = self._answer(np.full((CROP_PX, CROP_PX, 3), 127, np.uint8))
        except cv2.error as error:
            raise ManifestRefused(
                f"{manifest.file} is no network that OpenCV {cv2.__version__} can run on a picture of "
                f"{CROP_PX}x{CROP_PX} pixels; export it for one picture, as ONNX of opset 11 to 13"
            ) from error
        if answer.size != manifest.dimension or max(answer.shape) != manifest.dimension:
            raise ManifestRefused(
                f"{manifest.file} gives {answer.size} values, and its manifest says dimension {manifest.dimension}"
            )

    def features(self, crop: Picture) -> NDArray[np.float32]:
        """Return the (dimension,) features of an aligned crop, (112, 112, 3) RGB; not normalised.

        Raises EncodingFailed.
        """
        try:
            return self._answer(crop).ravel()
        except cv2.error as error:
            raise EncodingFailed("no encoding came out of this picture; try another one") from error

    def _answer(self, crop: Picture) -> NDArray[np.float32]:
        described = self._manifest
        ordered = crop if described.colour == "rgb" else crop[..., ::-1]
        values = (ordered.astype(np.float32) - np.array(described.mean, np.float32)) * np.float32(described.scale)
        self._net.setInput(np.ascontiguousarray(values.transpose(2, 0, 1)[np.newaxis]))
        return np.asarray(self._net.forward(), np.float32)
