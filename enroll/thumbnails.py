"""Small pictures of a photo's face, made in memory: for a contact sheet."""

import cv2
import numpy as np

from terminal.faces import Engine, Picture

SIDE_PX = 112
_ROOM = 1.9
"""How much of the picture is shown around a face: so many times the longer side of its box, hair and chin included."""
_QUALITY = 78


def thumbnail_of(picture: Picture, engine: Engine) -> bytes:
    """Return a JPEG of at most 112 x 112 pixels of the largest face, or of the whole picture where none is found."""
    height, width = picture.shape[:2]
    try:
        faces = engine.detect(picture)
        if faces:
            x, y = faces[0].box.centre
            half = max(faces[0].box.width, faces[0].box.height) * _ROOM / 2
            left, top = max(0, int(x - half)), max(0, int(y - half))
            right, bottom = min(width, int(x + half)), min(height, int(y + half))
            if right - left >= 8 and bottom - top >= 8:
                picture = picture[top:bottom, left:right]
        shrink = min(1.0, SIDE_PX / max(picture.shape[:2]))
        size = (max(1, round(picture.shape[1] * shrink)), max(1, round(picture.shape[0] * shrink)))
        small = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    except cv2.error:
        return b""
    return data.tobytes() if done else b""
