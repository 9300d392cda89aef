"""What is around the face in a photo, as a JPEG made in memory: small for a contact sheet, larger to be kept."""

import cv2
import numpy as np

from terminal.faces import Engine, Picture

SIDE_PX = 112
_ROOM = 1.9
"""How much of the picture is shown around a face: so many times the longer side of its box, hair and chin included."""
_QUALITY = 78
SAMPLE_SIDE_PX = 640
_SAMPLE_ROOM = 2.6
"""More room, for the next engine finds the face anew, and by its own rules."""
_SAMPLE_QUALITY = 92


def thumbnail_of(picture: Picture, engine: Engine) -> bytes:
    """Return a JPEG of at most 112 x 112 pixels of the largest face, or of the whole picture where none is found; empty
    where there is nothing to draw."""
    return _around_face(picture, engine, room=_ROOM, side_px=SIDE_PX, quality=_QUALITY)


def sample_of(picture: Picture, engine: Engine) -> bytes:
    """Return a JPEG of at most 640 x 640 pixels of the largest face and what is around it, for another engine."""
    return _around_face(picture, engine, room=_SAMPLE_ROOM, side_px=SAMPLE_SIDE_PX, quality=_SAMPLE_QUALITY)


def _around_face(picture: Picture, engine: Engine, *, room: float, side_px: int, quality: int) -> bytes:
    height, width = picture.shape[:2]
    try:
        faces = engine.detect(picture)
        if faces:
            x, y = faces[0].box.centre
            half = max(faces[0].box.width, faces[0].box.height) * room / 2
            left, top = max(0, int(x - half)), max(0, int(y - half))
            right, bottom = min(width, int(x + half)), min(height, int(y + half))
            if right - left >= 8 and bottom - top >= 8:
                picture = picture[top:bottom, left:right]
        shrink = min(1.0, side_px / max(picture.shape[:2]))
        size = (max(1, round(picture.shape[1] * shrink)), max(1, round(picture.shape[0] * shrink)))
        small = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error:
        return b""
    return data.tobytes() if done else b""
