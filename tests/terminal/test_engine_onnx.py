"""A centre's own model: what its manifest says is what is done, and one that lies is refused in words."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import config
from terminal.faces import engine_id_of, fetch_models, identity_of, manifest, open_engine
from terminal.faces.encoding import EncodingFailed
from terminal.faces.manifest import ManifestRefused, read_manifest
from terminal.faces.models import ENCODER, ModelUnavailable, ensure
from terminal.faces.onnx import Network, OnnxEngine
from tests.terminal.portraits import EVERYBODY, MODELS, engine, photo
from tests.terminal.tiny_onnx import tiny_onnx

MATRIX = np.random.default_rng(7).normal(size=(16, 3)).astype(np.float32)
TINY = tiny_onnx(MATRIX)
GOOD: dict[str, object] = {
    "name": "tiny",
    "file": "tiny.onnx",
    "sha256": hashlib.sha256(TINY).hexdigest(),
    "licence": "CC0-1.0",
    "dimension": 16,
}

Described = Callable[..., config.Engine]


@pytest.fixture
def described(tmp_path: Path) -> Described:
    """A function from what is different in the manifest, or in the model's bytes, to settings that name both."""

    def write(model: bytes = TINY, **different: object) -> config.Engine:
        (tmp_path / "tiny.onnx").write_bytes(model)
        (tmp_path / "model.json").write_text(json.dumps({**GOOD, **different}))
        return config.Engine(name="onnx", manifest=str(tmp_path / "model.json"), models=MODELS)

    return write


def network(**different: object) -> Network:
    return Network(manifest.Manifest(**{**GOOD, **different}), TINY)  # type: ignore[arg-type]


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_order_mean_and_scale_are_those_of_the_manifest(colour: str) -> None:
    crop = np.empty((112, 112, 3), np.uint8)
    crop[:] = (200, 90, 30)  # red, green, blue
    mean, scale = (127.5, 100.0, 10.0), 0.0078125
    got = network(colour=colour, mean=mean, scale=scale).features(crop)
    channels = np.array([200, 90, 30] if colour == "rgb" else [30, 90, 200], np.float32)
    np.testing.assert_allclose(got, MATRIX @ ((channels - mean) * scale), atol=1e-5)


def test_pixels_go_in_as_they_are_unless_the_manifest_says_otherwise() -> None:
    crop = np.random.default_rng(1).integers(0, 255, (112, 112, 3)).astype(np.uint8)
    np.testing.assert_allclose(network().features(crop), MATRIX @ crop.mean(axis=(0, 1)), rtol=1e-4)


def test_an_encoding_has_the_manifests_dimension_and_says_its_engine(described: Described) -> None:
    settings = described()
    opened = open_engine(settings)
    assert isinstance(opened, OnnxEngine)
    picture = photo(EVERYBODY[0])
    made = opened.encode(picture, opened.detect(picture)[0])
    assert made.vector.shape == (opened.dimension,) == (16,)
    assert made.vector.dtype == np.float32
    assert float(np.linalg.norm(made.vector)) == pytest.approx(1, abs=1e-5)
    assert made.engine_id == opened.engine_id == engine_id_of(settings)
    assert identity_of(settings).dimension == 16


def test_the_engines_id_says_name_and_bytes_and_changes_with_whatever_changes_an_encoding(described: Described) -> None:
    ids = [
        engine_id_of(described(**different))
        for different in (
            {},
            {"name": "other"},
            {"sha256": "0" * 64},
            {"dimension": 32},
            {"colour": "bgr"},
            {"mean": [127.5, 127.5, 127.5]},
            {"scale": 0.5},
        )
    ]
    assert len(set(ids)) == len(ids)
    assert ids[0].startswith(f"onnx-tiny-{GOOD['sha256'][:12]}-")  # type: ignore[index]
    assert engine_id_of(described(licence="another")) == ids[0]


def test_a_manifest_may_be_yaml(tmp_path: Path) -> None:
    lines = [f"{key}: {value}" for key, value in GOOD.items()]
    (tmp_path / "model.yaml").write_text("# ours\n" + "\n".join([*lines, "mean: [1, 2.5, 3]"]))
    assert read_manifest(str(tmp_path / "model.yaml")).mean == (1.0, 2.5, 3.0)


@pytest.mark.slow
@pytest.mark.parametrize("path", EVERYBODY, ids=lambda path: path.parent.name)
def test_sface_described_by_a_manifest_gives_the_default_engines_encodings(path: Path, sface: OnnxEngine) -> None:
    face = engine().detect(photo(path))[0]
    assert [found.box for found in sface.detect(photo(path))] == [face.box]
    ours, theirs = sface.encode(photo(path), face), engine().encode(photo(path), face)
    np.testing.assert_allclose(ours.vector, theirs.vector, atol=1e-5)
    assert ours.engine_id != theirs.engine_id, "nobody knows that two engines agree: they are never mixed"


@pytest.fixture(scope="module")
def sface(tmp_path_factory: pytest.TempPathFactory) -> OnnxEngine:
    folder = tmp_path_factory.mktemp("sface")
    (folder / ENCODER.file).symlink_to(ensure(MODELS)[1])
    text = (
        f"name: sface\nfile: {ENCODER.file}\nsha256: {ENCODER.sha256}\nlicence: {ENCODER.licence}\n"
        "dimension: 128\ninput_px: 112\nalignment: arcface-112\ncolour: rgb\nmean: [0, 0, 0]\nscale: 1\n"
    )
    (folder / "sface.yaml").write_text(text)
    opened = open_engine(config.Engine(name="onnx", manifest=str(folder / "sface.yaml"), models=MODELS))
    assert isinstance(opened, OnnxEngine)
    return opened


@pytest.mark.parametrize(
    ("different", "said"),
    [
        ({"dimension": 32}, "gives 16 values, and its manifest says dimension 32"),
        ({"dimension": 4097}, "dimension: Expected `int` <= 4096"),
        ({"dimension": True}, "dimension: Expected `int`"),
        ({"file": "../tiny.onnx"}, "file: Expected `str` matching"),
        ({"file": "/etc/passwd"}, "file: Expected `str` matching"),
        ({"file": "tiny.onnx\n"}, "file: Expected `str` matching"),
        ({"file": "absent.onnx"}, "must lie beside its manifest"),
        ({"file": "."}, "file: Expected `str` matching"),
        ({"sha256": "ab"}, "sha256: Expected `str` matching"),
        ({"sha256": "0" * 64}, "its SHA-256 differs"),
        ({"scale": 0}, "scale: a number"),
        ({"scale": 1e300}, "scale: a number"),
        ({"scale": -1}, "scale: a number"),
        ({"mean": [0, 0, 256]}, "mean: three grey levels"),
        ({"mean": [0, 0]}, "mean: Expected `array` of length 3"),
        ({"input_px": 1_000_000}, "input_px: Expected `int` <= 112"),
        ({"input_px": 64}, "input_px: Expected `int` >= 112"),
        ({"alignment": "dlib"}, "alignment: Invalid enum value 'dlib'"),
        ({"colour": "grey"}, "colour: Invalid enum value 'grey'"),
        ({"name": "Our model"}, "name: Expected `str` matching"),
        ({"licence": ""}, "licence: Expected `str` of length >= 1"),
        ({"normalise": True}, "contains unknown field `normalise`"),
    ],
)
def test_a_manifest_that_lies_is_refused_in_words(
    described: Described, different: dict[str, object], said: str
) -> None:
    with pytest.raises(ManifestRefused) as refused:
        open_engine(described(**different))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("scale: .nan", "scale: a number"),
        ("scale: -.inf", "scale: a number"),
        ("mean: [0, .nan, 0]", "mean: three grey levels"),
        ("mean: [0, 0, -.inf]", "mean: three grey levels"),
        ("scale: 1e-3", "scale: Expected `float`, got `str`"),  # YAML wants 1.0e-3
    ],
)
def test_numbers_that_are_none_are_refused_in_words(tmp_path: Path, line: str, said: str) -> None:
    lines = [f"{key}: {value}" for key, value in GOOD.items()]
    (tmp_path / "model.yaml").write_text("\n".join([*lines, line]))
    with pytest.raises(ManifestRefused) as refused:
        read_manifest(str(tmp_path / "model.yaml"))
    assert said in str(refused.value)


@pytest.mark.parametrize("at", [0, len(TINY) // 2, len(TINY) - 1])
def test_a_mutated_model_is_refused_by_its_hash(described: Described, at: int) -> None:
    mutated = bytearray(TINY)
    mutated[at] ^= 1
    with pytest.raises(ModelUnavailable, match=r"its SHA-256 differs.*was not used"):
        open_engine(described(bytes(mutated)))
    with pytest.raises(ModelUnavailable, match="its SHA-256 differs"):
        fetch_models(described(bytes(mutated)))


@pytest.mark.parametrize(
    "model",
    [b"", b"not a network", tiny_onnx(MATRIX)[:-40], tiny_onnx(np.zeros((16, 4), np.float32))],
    ids=["empty", "text", "torn", "wrong matrix"],
)
def test_a_file_that_is_no_network_is_refused_in_words(described: Described, model: bytes) -> None:
    with pytest.raises(ManifestRefused, match=r"tiny\.onnx") as refused:
        open_engine(described(model, sha256=hashlib.sha256(model).hexdigest()))
    assert "\n" not in str(refused.value)


def test_a_model_larger_than_any_kiosk_holds_is_not_read_whole(
    described: Described, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "MAX_MODEL_BYTES", len(TINY) - 1)
    with pytest.raises(ManifestRefused, match="no kiosk can hold"):
        open_engine(described())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Expected `object`, got `null`"),
        (b"- 1\n", "Expected `object`, got `array`"),
        (b"\xff\xfe\x00", "model.yaml: "),
        (b"name: [", "model.yaml: "),
        (b"!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        (b"[" * 8_000, "model.yaml: "),
        (b"a: &a [1]\n" + b"b: [" + b"*a," * 1000 + b"]", "model.yaml: "),
        (b"[" * 65_000, "larger than 8 KB"),
    ],
    ids=["empty", "list", "binary", "torn", "object", "deep", "aliases", "long"],
)
def test_a_file_that_is_no_manifest_is_refused_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    for name in ("model.yaml", "model.json"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ManifestRefused) as refused:
            read_manifest(str(tmp_path / name))
        assert name in str(refused.value)
        assert said in str(refused.value) or name == "model.json"
        assert "\n" not in str(refused.value)


def test_an_absent_manifest_or_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestRefused, match=r"engine\.manifest is empty"):
        open_engine(config.Engine(name="onnx"))
    for place in (tmp_path / "absent.yaml", tmp_path, Path("nul\0byte")):
        with pytest.raises(ManifestRefused, match="cannot be read"):
            read_manifest(str(place))


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_whatever_lies_in_the_file_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    for name in ("any.yaml", "any.json"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(content)
        with pytest.raises(ManifestRefused):
            read_manifest(str(path))


def test_a_face_the_network_makes_nothing_of_is_no_encoding(described: Described) -> None:
    black = np.zeros((200, 200, 3), np.uint8)
    face = engine().detect(photo(EVERYBODY[0]))[0]
    with pytest.raises(EncodingFailed, match="try another"):
        open_engine(described()).encode(black, face)


def test_paths_of_the_manifest_start_at_the_settings_folder(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("engine:\n  name: onnx\n  manifest: models/ours.yaml\n")
    assert config.load(tmp_path / "config.yaml").engine.manifest == str(tmp_path / "models" / "ours.yaml")
