"""An eye that looks with two cameras: its own, and a second one that says whether the face is there, too."""

from dataclasses import replace

from terminal.faces import Face, Picture
from terminal.liveness.eye import Eye
from terminal.liveness.second import SecondCamera, sight_of
from terminal.liveness.watch import Glance


class TwoEyes:
    """What `eye` sees, and whether `second` sees it as well. Belongs to the thread of the first camera."""

    def __init__(self, eye: Eye, second: SecondCamera) -> None:
        self._eye, self._second = eye, second

    def look(self, picture: Picture, face: Face, *, at_s: float) -> Glance:
        """Return what this frame adds; see Eye.look."""
        height, width = picture.shape[:2]
        view = self._second.view(width_px=width, height_px=height, at_s=at_s)
        glance = self._eye.look(picture, face, at_s=at_s)
        return replace(glance, second=sight_of(view, face.box, at_s=at_s))

    def forget(self) -> None:
        """The next face looked at is another track's."""
        self._eye.forget()
