"""Encodings of two engines never meet: each has its id, and every border a set or a probe crosses asks for it."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import config
from sync import keys, releases
from sync.received_sets import ReceivedSets, release_door
from sync.releases import EncodingSet, Person, ReleaseRefused
from terminal.faces import Encoding, Identity, engine_id_of, identity_of
from terminal.gallery import Gallery
from terminal.matching import ProbeRefused, nearest_to
from terminal.replay import gallery_of
from tests.terminal.stage import SEVEN
from tests.terminal.tiny_onnx import tiny_onnx

NAMES = ("opencv", "dlib", "onnx")


@pytest.fixture
def settings(tmp_path: Path) -> config.Config:
    """Settings with a release key and the manifest of a network of 128 values."""
    network = tiny_onnx(np.ones((128, 3), np.float32))
    (tmp_path / "tiny.onnx").write_bytes(network)
    manifest = {
        "name": "tiny",
        "file": "tiny.onnx",
        "sha256": hashlib.sha256(network).hexdigest(),
        "licence": "CC0-1.0",
        "dimension": 128,
    }
    (tmp_path / "tiny.json").write_text(json.dumps(manifest))
    keys.new_key(tmp_path)
    return config.replace(
        config.Config(),
        engine={"manifest": str(tmp_path / "tiny.json")},
        terminal={"state": str(tmp_path / "card"), "release_key": str(tmp_path / "release.pub")},
    )


def with_engine(settings: config.Config, name: str) -> config.Config:
    return config.replace(settings, engine={"name": name})


def identity(settings: config.Config, name: str) -> Identity:
    return identity_of(with_engine(settings, name).engine)


def a_set(settings: config.Config, name: str) -> EncodingSet:
    vector = np.full(128, 128**-0.5, "<f4").tobytes()
    made_by = identity(settings, name)
    return EncodingSet(
        office="demo",
        version=1,
        engine_id=made_by.engine_id,
        dimension=made_by.dimension,
        created_at=SEVEN,
        people=(Person(employee="1001", name="Siti", templates=(vector,)),),
    )


def signed(settings: config.Config, name: str) -> bytes:
    key = keys.load_private(settings.terminal.release_key.with_name(keys.PRIVATE_NAME))
    return releases.sign_set(a_set(settings, name), key)


def test_all_three_have_128_values_and_only_their_ids_tell_them_apart(settings: config.Config) -> None:
    known = [identity(settings, name) for name in NAMES]
    assert {each.dimension for each in known} == {128}
    assert len({each.engine_id for each in known}) == 3
    for name, each in zip(NAMES, known, strict=True):
        assert engine_id_of(with_engine(settings, name).engine) == each.engine_id
        assert each.engine_id.startswith(name)
        assert len(each.engine_id) <= 200, "the register's column"


@pytest.mark.parametrize("made_by", NAMES)
@pytest.mark.parametrize("runs", NAMES)
def test_a_kiosk_takes_sets_of_its_own_engine_only(settings: config.Config, made_by: str, runs: str) -> None:
    blob = signed(settings, made_by)
    door = release_door(settings, identity(settings, runs).engine_id)
    if made_by == runs:
        assert door.check(blob, 0) == a_set(settings, made_by)
        return
    with pytest.raises(
        ReleaseRefused, match=f"the set was made with engine {made_by}-.*, but {runs}-.* runs"
    ) as refused:
        door.check(blob, 0)
    assert refused.value.alarm == "release_engine"


def test_a_kiosk_whose_engine_was_changed_does_not_use_the_set_on_its_card(settings: config.Config) -> None:
    """The card still has yesterday's set, of the engine before: nobody is known until a new one is published."""
    settings.terminal.state.mkdir()
    before = release_door(settings, identity(settings, "opencv").engine_id)
    before.keep(signed(settings, "opencv"))
    ReceivedSets(before, lambda _: None).remember()
    after = ReceivedSets(release_door(settings, identity(settings, "dlib").engine_id), lambda _: None)
    with pytest.raises(ReleaseRefused, match="made with engine opencv") as refused:
        after.remember()
    assert refused.value.alarm == "release_engine"
    assert before.kept() == signed(settings, "opencv"), "it stays for who changes back"


def test_a_clip_is_not_replayed_against_a_set_of_another_engine(settings: config.Config, tmp_path: Path) -> None:
    (tmp_path / "set").write_bytes(signed(settings, "onnx"))
    for name in ("opencv", "dlib"):
        with pytest.raises(ReleaseRefused, match="made with engine onnx-tiny"):
            gallery_of(settings, tmp_path / "set", identity(settings, name).engine_id)


def test_a_probe_of_another_engine_is_refused_though_it_would_fit(settings: config.Config) -> None:
    from terminal import matching

    gallery = Gallery.from_set(a_set(settings, "dlib"))
    vector = np.full(128, 128**-0.5, np.float32)
    assert nearest_to(vector[np.newaxis], gallery)[0].employee == "1001"
    for name in ("opencv", "onnx"):
        probe = Encoding(vector=vector, engine_id=identity(settings, name).engine_id)
        with pytest.raises(ProbeRefused, match=f"a probe of engine {name}-"):
            matching.identify(probe, gallery, matching.Policy(threshold=0.5, margin=0.0))
