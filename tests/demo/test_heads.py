"""F3: the clip's people have the relief of heads, and the photo in it that of a sheet, in the eyes of the kiosk."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from demo import clip, cutout, heads, walk
from sync.messages import PadVerdict
from terminal.camera import open_camera
from terminal.faces import Engine, Face, Picture, open_engine
from terminal.faces.models import contents
from terminal.gallery import Gallery
from terminal.guard import Guard
from terminal.liveness.cues import Cue, Finding, Reason
from terminal.liveness.eye import OpenCvEye
from terminal.liveness.networks import LANDMARKS, Landmarks
from terminal.liveness.policy import decide
from terminal.liveness.watch import Watch, cues_of, watched
from terminal.looking import Looker

SHAPE, MIDDLE = (800, 660), (330.0, 275.0)
LOOKED_S = 3.6
"""How long each walk-up is looked at: until somebody has stood before the kiosk for a second and a half."""


def ball() -> heads.Relief:
    """A face of 468 points on a ball."""
    rng = np.random.default_rng(3)
    mesh = np.zeros((468, 3))
    mesh[:, :2] = np.array(MIDDLE) + rng.uniform(-70, 70, (468, 2))
    mesh[234, :2], mesh[454, :2] = (MIDDLE[0] - 85, MIDDLE[1]), (MIDDLE[0] + 85, MIDDLE[1])
    away = np.hypot(*(mesh[:, :2] - np.array(MIDDLE)).T)
    mesh[:, 2] = -np.sqrt(np.maximum(110**2 - away**2, 0))
    return heads.relief_of(mesh, MIDDLE, SHAPE)


def looked_at(relief: heads.Relief, yaw_deg: float, *, place_px: tuple[float, float] = (640.0, 350.0)) -> float:
    """Return which column of the figure is seen where the middle of its face is."""
    to_x, _ = heads.seen(
        relief,
        MIDDLE,
        place_px=place_px,
        face_px=float(cutout.FACE_PX),
        lean_deg=0,
        turn=heads.Turn(yaw_deg=yaw_deg, pitch_deg=0),
        corner_px=(int(place_px[0]) - 200, 150),
        size_px=(400, 400),
    )
    return float(to_x[200, 200])


def test_a_head_that_looks_ahead_is_seen_as_in_the_portrait_and_one_that_turns_is_not() -> None:
    relief = ball()
    assert relief.height[int(MIDDLE[1] / 4), int(MIDDLE[0] / 4)] > relief.eyes_px > 0
    assert abs(looked_at(relief, 0) - MIDDLE[0]) < 4
    right, left = looked_at(relief, 15), looked_at(relief, -15)
    assert right < MIDDLE[0] - 5, "the middle of the face went to the right, and what was left of it is there now"
    assert left > MIDDLE[0] + 5


def test_beside_its_figure_a_ray_meets_nobody() -> None:
    to_x, to_y = heads.seen(
        ball(),
        MIDDLE,
        place_px=(640, 350),
        face_px=200,
        lean_deg=3,
        turn=heads.Turn(yaw_deg=5, pitch_deg=2),
        corner_px=(200, 50),
        size_px=(880, 600),
    )
    assert to_x.shape == to_y.shape == (600, 880)
    assert np.isfinite(to_x).all()
    assert np.isfinite(to_y).all()
    assert to_x[300, 0] < 0 or to_x[300, 0] > SHAPE[1]


def seen_of(each: walk.Walk, path: Path, engine: Engine, eye: OpenCvEye) -> tuple[Cue, ...]:
    """Return what the cues say of one walk-up, the models of skin left out."""
    reader, watch = cv2.VideoCapture(str(path)), Watch(track_id=1)
    try:
        eye.forget()
        first = int((each.starts_s + 0.7) * 15)
        reader.set(cv2.CAP_PROP_POS_FRAMES, first)
        for number in range(first, int((each.starts_s + LOOKED_S) * 15)):
            pose = walk.pose(each, number / 15)
            there, bgr = reader.read()
            assert there
            assert pose is not None
            picture: Picture = np.ascontiguousarray(bgr[..., ::-1], np.uint8)
            face = nearest(engine.detect(picture), pose)
            if face is not None:
                watch = watched(watch, 1, eye.look(picture, face, at_s=number / 15))
    finally:
        reader.release()
    return cues_of(watch, twin_threshold=1.0)


def nearest(faces: list[Face], pose: walk.Pose) -> Face | None:
    for face in faces:
        if max(abs(face.box.centre[0] - pose.x_px), abs(face.box.centre[1] - pose.y_px)) < 0.6 * pose.face_px:
            return face
    return None


@pytest.mark.slow
def test_f3_the_clips_people_are_heads_and_its_photo_is_an_attack(home: config.Config, walk_up_clip: clip.Clip) -> None:
    engine = open_engine(home.engine)
    eye = OpenCvEye(Landmarks(contents(home.engine.models, (LANDMARKS,))[0]), None)
    for each in walk.WALKS:
        cues = seen_of(each, walk_up_clip.path, engine, eye)
        found = {cue.reason: cue.finding for cue in cues}
        verdict = decide(cues).verdict
        if each.shows is None:
            assert found[Reason.RELIEF] is Finding.CLEAR, each.who
            assert Finding.DENY not in found.values(), each.who
            assert verdict is not PadVerdict.ATTACK
        else:
            assert found[Reason.EDGE] is Finding.DENY
            assert verdict is PadVerdict.ATTACK


@pytest.mark.slow
def test_f3_two_people_in_view_are_not_taken_for_one(home: config.Config, walk_up_clip: clip.Clip) -> None:
    engine = open_engine(home.engine)
    guard = Guard(OpenCvEye(None, None), always=False, reads=False)
    looker, gallery = Looker(engine, home, guard=guard), Gallery.empty(engine.engine_id)
    source = config.replace(home, camera={"source": f"file:{walk_up_clip.path}"}).camera
    both = 0
    with open_camera(source, real_time=False) as camera:
        for number in range(int(25.0 * 15)):
            frame = camera.read()
            if number < int(21.7 * 15):
                continue
            sighting = looker.look(frame, gallery)
            if sighting.served is not None and sighting.others:
                both += 1
                assert sighting.served.pad is not PadVerdict.ATTACK, number / 15
    assert both > 15
