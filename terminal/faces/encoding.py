"""What every engine does with a network's answer: a unit vector with its engine's id, or a reason. *Pure*."""

import numpy as np
from numpy.typing import NDArray

from errors import HadirError
from terminal.faces import Encoding, Face


class EncodingFailed(HadirError):
    """The network gave no usable vector for this face: try another frame."""


def check_landmarks(face: Face) -> None:
    """Raise EncodingFailed for a face that cannot be aligned."""
    if not np.isfinite(face.landmarks).all() or np.ptp(face.landmarks, axis=0).max() < 1:
        raise EncodingFailed("this face has no eyes, nose and mouth to align it by; try another picture")


def unit(features: NDArray[np.float32], engine_id: str) -> Encoding:
    """Return the encoding of `features`, (dimension,), scaled to unit norm. Raises EncodingFailed."""
    norm = float(np.linalg.norm(features))
    if not np.isfinite(norm) or norm < 1e-6:
        raise EncodingFailed("no encoding came out of this picture; try another one")
    return Encoding(vector=features / np.float32(norm), engine_id=engine_id)
