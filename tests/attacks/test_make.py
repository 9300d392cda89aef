"""The attacks written for a measurement: where they lie, that they play, and what is said of a clip without a face."""

from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner

from enroll.evaluate.liveness.presentations import Kind, presentations_in
from tests.attacks.make import main
from tests.terminal.portraits import MODELS, PEOPLE, before_camera, clip, engine


def played(path: Path) -> int:
    """Return how many pictures a video has; in the last there is a face."""
    video, pictures = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        pictures.append(read[1])
    assert engine().detect(np.ascontiguousarray(pictures[-1][..., ::-1]))
    return len(pictures)


def test_attacks_are_written_where_the_measurement_looks_for_them(tmp_path: Path) -> None:
    clips = [
        clip(tmp_path / "ani.avi", [before_camera(PEOPLE["ardern"][0])] * 8),
        clip(tmp_path / "wall.avi", [np.full((720, 1280, 3), 90, np.uint8)] * 8),
    ]
    made = tmp_path / "made"
    asked = ["--species", "print", "--species", "phone_photo", "--seconds", "1", "--models", str(MODELS)]
    said = CliRunner().invoke(main, [str(made), *map(str, clips), *asked])
    assert said.exit_code == 0, said.output
    assert "wall.avi: no face was found in it" in said.output
    found = {(each.species, each.kind, each.path.name) for each in presentations_in(made)}
    assert found == {("print", Kind.CLIP, "ani-1.avi"), ("phone_photo", Kind.CLIP, "ani-1.avi")}
    assert played(made / "attack" / "print" / "ani-1.avi") == 15
    first = (made / "attack" / "print" / "ani-1.avi").read_bytes()
    CliRunner().invoke(main, [str(made), str(clips[0]), *asked])
    assert (made / "attack" / "print" / "ani-1.avi").read_bytes() == first
