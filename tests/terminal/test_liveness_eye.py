"""F3: pixels to cues with the real networks: attacks made of the demo's portraits, and recordings of real ones."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from sync.messages import PadVerdict
from terminal.faces import Box, Face, Picture
from terminal.faces.models import ModelUnavailable, contents
from terminal.liveness.cues import Finding, Reason
from terminal.liveness.eye import OpenCvEye
from terminal.liveness.networks import LANDMARKS, PASSIVE, Landmarks, Passive, read_model
from terminal.liveness.policy import decide
from terminal.liveness.watch import Watch, cues_of, watched
from tests.attacks.sheets import SPECIES, attack
from tests.terminal.portraits import MODELS, PEOPLE, engine, photo

FLAT = ("print", "print_waved", "phone_photo")
SHARED_MODELS = Path(__file__).resolve().parents[3] / "shared" / "models"


@cache
def landmarks() -> Landmarks:
    return Landmarks(contents(MODELS, (LANDMARKS,))[0])


@cache
def models() -> Passive:
    return Passive([(model, read_model(SHARED_MODELS, model)) for model in PASSIVE])


def nearest(faces: Sequence[Face], last: Face | None) -> Face:
    if last is None:
        return faces[0]
    x, y = last.box.centre
    return min(faces, key=lambda face: abs(face.box.centre[0] - x) + abs(face.box.centre[1] - y))


def seen(pictures: Iterator[Picture], *, rate_hz: float, passive: Passive | None = None) -> Watch:
    """Return what an eye makes of RGB `pictures`, of the face that is largest at first."""
    eye, watch, face = OpenCvEye(landmarks(), passive), None, None
    for number, picture in enumerate(pictures):
        if faces := engine().detect(picture):
            face = nearest(faces, face)
            watch = watched(watch, 1, eye.look(picture, face, at_s=number / rate_hz))
    assert watch is not None
    return watch


def finding(watch: Watch, reason: Reason) -> Finding:
    return next(cue.finding for cue in cues_of(watch, twin_threshold=1.0) if cue.reason is reason)


def held(name: str, who: str, seed: int) -> Iterator[Picture]:
    picture = photo(PEOPLE[who][0])
    face = engine().detect(picture)[0].box
    return attack(name, [picture], (*face.centre, face.width), seed=seed, frames=22)


@pytest.mark.slow
@pytest.mark.parametrize(("who", "name", "seed"), [*zip(PEOPLE, FLAT, range(100, 103), strict=True)])
def test_f3_photos_of_the_demos_people_are_refused_by_what_they_are(who: str, name: str, seed: int) -> None:
    """Without any model of skin: by the motion of a plane, by its edges, or by both."""
    watch = seen(held(name, who, seed), rate_hz=15)
    found = {reason: finding(watch, reason) for reason in (Reason.RELIEF, Reason.EDGE, Reason.FRAME)}
    print("seed", seed, found)
    assert Finding.CLEAR is not found[Reason.RELIEF]
    assert {Finding.DENY, Finding.SUSPECT} & set(found.values())
    assert decide(cues_of(watch, twin_threshold=1.0)).verdict is not PadVerdict.BONA_FIDE


def test_the_networks_refuse_what_was_not_published(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="is not there; put the file from https://"):
        read_model(tmp_path, PASSIVE[0])
    (tmp_path / PASSIVE[0].file).write_bytes(b"other")
    with pytest.raises(ModelUnavailable, match="SHA-256"):
        read_model(tmp_path, PASSIVE[0])


def test_an_eye_that_forgets_begins_anew() -> None:
    """The next track's first frame is compared with none of the one before."""
    picture = photo(PEOPLE["obama"][0])
    face = engine().detect(picture)[0]
    eye = OpenCvEye(landmarks(), None)
    assert sum(len(eye.look(picture, face, at_s=number * 0.1).passes) for number in range(8)) > 0
    eye.forget()
    assert not eye.look(picture, face, at_s=0.9).passes
    assert not eye.look(picture, face, at_s=5.0).passes, "nor is one after a long while"


def test_without_networks_an_eye_sees_what_needs_none() -> None:
    picture = photo(PEOPLE["obama"][0])
    glance = OpenCvEye(None, None).look(picture, engine().detect(picture)[0], at_s=0.0)
    assert (glance.bearing, dict(glance.logits), list(glance.passes)) == (None, {}, [])
    assert glance.glimpse is not None


@cache
def frames(path: Path, *, every: int = 1, most: int = 30) -> tuple[Picture, ...]:
    """Return RGB pictures of a clip or a folder."""
    if path.is_dir():
        found = [cv2.imread(str(each), cv2.IMREAD_COLOR_RGB) for each in sorted(path.iterdir())[:most]]
        return tuple(np.asarray(each, np.uint8) for each in found if each is not None)
    clip, pictures = cv2.VideoCapture(str(path)), []
    while len(pictures) < most * every:
        more, picture = clip.read()
        if not more:
            break
        pictures.append(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))
    return tuple(pictures[::every])


@pytest.mark.slow
@pytest.mark.bench_data
def test_f3_prints_held_before_a_webcam_are_refused(bench_data: Path) -> None:
    for path in sorted((bench_data / "pad_seq").glob("print_*"))[::2]:
        watch = seen(iter(frames(path)), rate_hz=5, passive=models())
        assert decide(cues_of(watch, twin_threshold=1.0)).verdict is PadVerdict.ATTACK, path.name
        assert finding(watch, Reason.RELIEF) in (Finding.DENY, Finding.SUSPECT)


@pytest.mark.slow
@pytest.mark.bench_data
def test_f3_living_people_are_never_denied(bench_data: Path) -> None:
    clips = [(path, 1, 5.0) for path in sorted((bench_data / "pad_seq").glob("live_*"))[::2]]
    clips += [(path, 2, 15.0) for path in sorted((bench_data / "video" / "standing").glob("*"))[::5]]
    clips += [(bench_data / "video" / "turn_blink" / "lp_d9.mp4", 2, 15.0)]
    clear = 0
    for path, every, rate_hz in clips:
        watch = seen(iter(frames(path, every=every)), rate_hz=rate_hz)
        denied = [cue for cue in cues_of(watch, twin_threshold=1.0) if cue.finding is Finding.DENY]
        assert denied == [], path.name
        clear += finding(watch, Reason.RELIEF) is Finding.CLEAR
    assert clear >= len(clips) // 2


def test_every_species_is_made() -> None:
    assert set(FLAT) < set(SPECIES)


def test_whatever_a_detector_says_the_eye_survives() -> None:
    """Faces half outside, tiny, huge or nowhere; pictures that change their size from one frame to the next."""
    seed = 77
    print("seed", seed)
    rng = np.random.default_rng(seed)
    eye = OpenCvEye(landmarks(), None)
    watch = None
    for number in range(60):
        height, width = (int(each) for each in rng.integers(8, 200, 2))
        x, y = (float(each) for each in rng.uniform(-150, 250, 2))
        box = Box(x=x, y=y, width=float(rng.uniform(1, 250)), height=float(rng.uniform(1, 250)))
        face = Face(box=box, landmarks=rng.uniform(-50, 250, (5, 2)).astype(np.float32), score=0.9)
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        watch = watched(watch, 1, eye.look(picture, face, at_s=number * 0.1))
    assert watch is not None
    assert len(cues_of(watch, twin_threshold=1.0)) == len(Reason)


@pytest.mark.bench_data
def test_the_models_of_skin_survive_faces_at_the_border() -> None:
    rng = np.random.default_rng(78)
    picture = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for x, y, size in ((-20, -20, 50), (70, 50, 40), (-100, 0, 20), (300, 300, 30), (0, 0, 400)):
        said = models().logits(picture, Box(x=x, y=y, width=size, height=size))
        assert set(said) <= {"9820", "9780"}
        assert all(np.isfinite(each) for each in said.values())
