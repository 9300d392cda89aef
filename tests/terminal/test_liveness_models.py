"""F3: the networks of liveness on a kiosk: missing or altered, said, asked of everybody, and used when they come."""

import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

import config
from console import words
from terminal import liveness_models
from terminal.faces import Picture, models
from terminal.faces.models import Model, ModelUnavailable
from terminal.guard import Guard
from terminal.liveness.networks import LANDMARKS
from terminal.liveness.policy import PadPolicy
from terminal.liveness_models import LIVENESS_UNAVAILABLE, LivenessModels, networks
from tests.terminal.portraits import MODELS
from tests.terminal.stage import Actor, face_of
from tests.terminal.test_guard import MadeUpEye
from tests.terminal.tiny_onnx import tiny_onnx

PERSON = tiny_onnx(np.array([[1, 1, 1], [0, 0, 0]], np.float32), input_px=64)
"""Takes whatever is not black for a person."""
_GREY = np.full((360, 640, 3), 127, np.uint8)
_FACE = face_of(Actor(who=1))


def grainy(picture: Picture, seed: int) -> Picture:
    """Return the picture with a sensor's noise, but for its first row: no two are alike."""
    noise = np.random.default_rng(seed).normal(0, 8, picture.shape)
    noise[0] = 0
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


@pytest.fixture
def described(tmp_path: Path) -> config.Config:
    """Settings with the landmarks' network, and a description of a passive model that is not there."""
    models.ensure(MODELS, (LANDMARKS,))
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy2(MODELS / LANDMARKS.file, folder)
    model = {"name": "tiny", "file": "tiny.onnx", "sha256": hashlib.sha256(PERSON).hexdigest(), "licence": "CC0-1.0"}
    described = {"models": [{**model, "input_px": 64}]}
    (folder / "ours.json").write_bytes(msgspec.json.encode(described))
    return config.replace(
        config.Config(),
        engine={"models": str(folder)},
        liveness={"manifest": str(folder / "ours.json"), "mode": "on"},
    )


def put(settings: config.Config, content: bytes) -> None:
    (settings.engine.models / "tiny.onnx").write_bytes(content)


def no_package(model: Model, folder: Path) -> Path:
    raise ModelUnavailable(f"{model.file} could not be fetched: there is no registry")


def no_network(address: str, most_bytes: int) -> bytes:
    raise ModelUnavailable(f"{address} could not be fetched (no network)")


@contextmanager
def running(found: LivenessModels) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=found.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def until(what: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(500):
        if what():
            return
        waited.wait(0.02)
    pytest.fail("it did not come to that")


def asked_of_a_new_track(guard: Guard, track_id: int, *, frames: int = 25) -> bool:
    """Return whether whoever is new and known is asked something."""
    for number in range(frames):
        guard.look(grainy(_GREY, number), _FACE, track_id=track_id, at_s=100 * track_id + number / 10, first=None)
    judged = guard.judge(track_id, known=True, now_s=100 * track_id + frames / 10, twin_threshold=0.5)
    return judged.challenge is not None


@pytest.mark.parametrize("content", [None, b"altered"], ids=["missing", "altered"])
def test_f3_a_model_that_is_missing_or_altered_is_said_and_everybody_is_asked(
    described: config.Config, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    if content is not None:
        put(described, content)
    found = LivenessModels(described)
    found.load()
    found.load()
    assert found.alarms() == (LIVENESS_UNAVAILABLE,)
    assert caplog.text.count("alarm liveness_unavailable: everybody is asked") == 1
    assert "tiny.onnx" in caplog.text
    guard = found.guard()
    assert guard is not None
    assert asked_of_a_new_track(guard, 1)
    if content is not None:
        assert (described.engine.models / "tiny.onnx").read_bytes() == content, "it is left for whoever looks into it"
        assert not list(described.engine.models.glob("*.altered"))


def test_f3_with_every_model_there_nobody_unsuspected_is_asked(described: config.Config) -> None:
    """The control: the same frames, and a model that takes everybody for a person."""
    put(described, PERSON)
    found = LivenessModels(described)
    found.load()
    assert found.alarms() == ()
    guard = found.guard()
    assert guard is not None
    assert not asked_of_a_new_track(guard, 1)


def test_f3_models_that_come_are_used_from_the_next_face_on(
    described: config.Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(liveness_models, "_FIRST_LOOK_S", 0.02)
    monkeypatch.setattr(liveness_models, "_LAST_LOOK_S", 0.02)
    found = LivenessModels(described, landmarks_from=no_package)
    found.load()
    guard = found.guard()
    assert guard is not None
    with caplog.at_level(logging.INFO), running(found):
        assert asked_of_a_new_track(guard, 1)
        put(described, PERSON)
        until(lambda: found.alarms() == ())
        judged = guard.judge(1, known=True, now_s=101, twin_threshold=0.5)
        assert judged.challenge is not None, "whoever was asked goes on being asked"
        assert not asked_of_a_new_track(guard, 2)
    assert "liveness_unavailable no longer" in caplog.text


def test_f3_nothing_is_asked_of_a_network_that_is_not_there_more_than_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness_models, "_FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(liveness_models, "_LAST_LOOK_S", 0.001)
    looked, asked = [], []
    settings = config.replace(config.Config(), engine={"models": str(tmp_path)})
    found = LivenessModels(
        settings, download=lambda *what: asked.append(what) or no_network(*what), landmarks_from=no_package
    )
    load = found.load
    monkeypatch.setattr(found, "load", lambda: (looked.append(1), load()))
    with running(found):
        until(lambda: len(looked) > 20)
    assert len(asked) == 1, "its first model, once: the next time is in half a minute or more"
    assert found.alarms() == (LIVENESS_UNAVAILABLE,)


def test_f3_loading_asks_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kiosk's start waits for it."""
    monkeypatch.setattr(models, "from_registry", no_package)
    monkeypatch.setattr(liveness_models.sources, "download", None)
    found = LivenessModels(config.replace(config.Config(), engine={"models": str(tmp_path)}))
    found.load()
    assert (found.alarms(), list(tmp_path.iterdir())) == ((LIVENESS_UNAVAILABLE,), [])
    off = LivenessModels(config.replace(config.Config(), liveness={"mode": "off"}))
    off.load()
    assert (off.alarms(), off.guard()) == ((), None)


def test_f3_each_network_is_there_or_not_by_itself(described: config.Config) -> None:
    put(described, PERSON)
    (described.engine.models / LANDMARKS.file).unlink()
    found = networks(described)
    assert (found.landmarks, found.passive is not None, len(found.lacking)) == (None, True, 1)
    guarding = LivenessModels(described)
    guarding.load()
    assert guarding._policy() == PadPolicy(always=True, reads=True), "what is asked could not be seen: the PIN is left"
    (described.engine.models / "ours.json").write_text("{")
    assert len(networks(described).lacking) == 2
    assert networks(described, passive=described.engine.models / "none").lacking[1].count("none/antispoof_9820.onnx")


def test_f3_an_eye_that_is_given_later_looks_at_the_next_track() -> None:
    first, second = MadeUpEye(), MadeUpEye(None)
    guard = Guard(first, always=False)
    assert not asked_of_a_new_track(guard, 1)
    guard.equip(second, PadPolicy(always=True))
    assert not asked_of_a_new_track(guard, 1), "the same track, the same eye"
    assert asked_of_a_new_track(guard, 2)
    assert second.forgotten == 1


def test_f3_the_console_has_words_for_the_alarm() -> None:
    for language in ("id", "en"):
        said = words.alarm(LIVENESS_UNAVAILABLE, language)
        assert said != "liveness unavailable"
        assert said


@pytest.mark.parametrize("there", [False, True])
def test_f3_a_site_may_go_by_the_cues_alone_where_the_passive_models_are_not_there(
    described: config.Config, there: bool
) -> None:
    """A head that turned is believed without them; once they are there, they have their say."""
    if there:
        put(described, PERSON)
    found = LivenessModels(config.replace(described, liveness={"mode": "cues"}))
    found.load()
    guard = found.guard()
    assert guard is not None
    assert guard.goes_by == PadPolicy(reads=there, cues_alone=not there)
    assert (LIVENESS_UNAVAILABLE in found.alarms()) is not there
