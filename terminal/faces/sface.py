"""SFace through OpenCV's DNN module, its last layer through numpy.

That layer is one matrix of 128 x 50,176 times one vector: OpenCV takes 4.3 ms for it, of 18 in all, and numpy 1 to 2
(two x86 cores). Whether both agree is checked when the network is loaded; if not, OpenCV does all of it.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Picture

DIMENSION = 128
_LAST_LAYERS = ("onnx_node!flatten_254", "onnx_node!pre_fc1", "onnx_node!fc1")
"""Everything before them, the matrix, and the batch normalisation behind it, as OpenCV names them in this file."""
_EPSILON = 2e-5
_AGREE = 1e-3

Features = NDArray[np.float32]


class SFace:
    """The network. Belongs to one thread."""

    def __init__(self, content: bytes) -> None:
        """Loaded and warm. Raises cv2.error for what is not the SFace file."""
        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        self._short: Callable[[Features], Features] | None = None
        sample = np.random.default_rng(0).integers(0, 255, (112, 112, 3)).astype(np.uint8)
        whole = self.features(sample)
        self._short = _last_layers(self._net)
        if self._short is not None and np.abs(self.features(sample) - whole).max() > _AGREE:
            self._short = None

    def features(self, crop: Picture) -> Features:
        """Return the (128,) features of an aligned crop, (112, 112, 3) RGB; not normalised."""
        self._net.setInput(cv2.dnn.blobFromImage(crop))
        if self._short is None:
            return np.asarray(self._net.forward(), np.float32).ravel()
        return self._short(np.asarray(self._net.forward(_LAST_LAYERS[0]), np.float32).ravel())


def _last_layers(net: cv2.dnn.Net) -> Callable[[Features], Features] | None:
    """Return the matrix and the normalisation behind it as one function; None if this OpenCV has them otherwise."""
    _, matrix_layer, norm_layer = _LAST_LAYERS
    try:
        matrix, offset = (np.asarray(net.getParam(matrix_layer, n), np.float32) for n in range(2))
        mean, variance, scale, shift = (np.asarray(net.getParam(norm_layer, n), np.float64).ravel() for n in range(4))
    except cv2.error:
        return None
    if matrix.ndim != 2 or matrix.shape[0] != DIMENSION:
        return None
    factor = scale / np.sqrt(variance + _EPSILON)
    matrix *= np.asarray(factor, np.float32)[:, None]  # in place: it has 26 MB
    constant = np.asarray((offset.ravel() - mean) * factor + shift, np.float32)
    return lambda flat: np.asarray(matrix @ flat + constant, np.float32)
