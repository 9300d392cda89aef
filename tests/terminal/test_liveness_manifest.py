"""F3: passive models of one's own: what their description says is done, and one that lies is refused in words."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import config
from terminal.faces import Box
from terminal.faces.manifest import ManifestRefused
from terminal.faces.models import ModelUnavailable
from terminal.liveness import sources
from terminal.liveness.manifest import read_manifest
from terminal.liveness.networks import Passive, PassiveModel
from tests.terminal.tiny_onnx import tiny_onnx

PROJECT = Path(__file__).resolve().parents[2]
MATRIX = np.random.default_rng(11).normal(size=(3, 3)).astype(np.float32)
TINY = tiny_onnx(MATRIX, input_px=48)
GOOD: dict[str, object] = {
    "name": "tiny",
    "file": "tiny.onnx",
    "sha256": hashlib.sha256(TINY).hexdigest(),
    "licence": "CC0-1.0",
    "input_px": 48,
}
_FACE = Box(x=100, y=100, width=50, height=60)


def described(folder: Path, *models: dict[str, object]) -> str:
    """Return the path of a description of these models, each of GOOD with what is different."""
    path = folder / "ours.json"
    path.write_text(json.dumps({"models": [{**GOOD, **model} for model in models]}))
    return str(path)


def of(folder: Path, **different: object) -> PassiveModel:
    (model,) = read_manifest(described(folder, different))
    return model


def coloured() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = np.empty((300, 300, 3), np.uint8)
    picture[:] = (200, 90, 30)  # red, green, blue
    return picture


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_f3_order_mean_scale_outputs_and_threshold_are_those_of_the_description(tmp_path: Path, colour: str) -> None:
    mean, scale = (127.5, 100.0, 10.0), 0.0078125
    channels = np.array([200, 90, 30] if colour == "rgb" else [30, 90, 200], np.float32)
    out = MATRIX @ ((channels - mean) * scale)
    for outputs, wanted in (
        ({}, out[0] - out[1]),
        ({"real": 2, "spoof": [0, 1], "threshold": 0.25}, out[2] - max(out[0], out[1]) - 0.25),
        ({"real": 1, "spoof": [], "threshold": -1.5}, out[1] + 1.5),
    ):
        model = of(tmp_path, colour=colour, mean=mean, scale=scale, **outputs)
        said = Passive([(model, TINY)]).logits(coloured(), _FACE)
        assert said == {"tiny": pytest.approx(float(wanted), abs=1e-4)}


def test_f3_the_crop_is_as_large_as_the_description_says(tmp_path: Path) -> None:
    """A white face of 60 pixels in a black picture: the wider the crop, the less of it is white."""
    picture = np.zeros((300, 300, 3), np.uint8)
    picture[100:160, 95:155] = 255
    tight, wide = (
        Passive([(of(tmp_path, crop=crop, real=0, spoof=[]), tiny_onnx(np.ones((1, 3), np.float32), input_px=48))])
        for crop in (1.0, 2.0)
    )
    assert tight.logits(picture, _FACE)["tiny"] == pytest.approx(3, abs=0.1)
    assert wide.logits(picture, _FACE)["tiny"] == pytest.approx(3 / 4, abs=0.1)


def test_f3_models_that_differ_in_treatment_do_not_share_a_picture(tmp_path: Path) -> None:
    path = described(
        tmp_path, {"name": "plain", "real": 0, "spoof": []}, {"name": "half", "scale": 0.5 / 255, "spoof": []}
    )
    said = Passive([(model, TINY) for model in read_manifest(path)]).logits(coloured(), _FACE)
    assert said["half"] == pytest.approx(said["plain"] / 2, abs=1e-5)


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"file": "../tiny.onnx"}, r"models\[0\]\.file: "),
        ({"sha256": "ab"}, r"models\[0\]\.sha256: "),
        ({"licence": ""}, r"models\[0\]\.licence: "),
        ({"input_px": 8}, r"models\[0\]\.input_px: "),
        ({"crop": 9}, r"models\[0\]\.crop: "),
        ({"colour": "grey"}, r"models\[0\]\.colour: "),
        ({"mean": [1, 2]}, r"models\[0\]\.mean: "),
        ({"mean": [1, 2, 300]}, r"tiny: mean: three grey levels of 0 to 255 are wanted"),
        ({"scale": 0}, r"tiny: scale: a number of 0\.000001 to 1000 is wanted"),
        ({"real": 1}, r"tiny: output 1 cannot speak both"),
        ({"spoof": [-1]}, r"models\[0\]\.spoof"),
        ({"treshold": 1}, r"unknown field `treshold`"),
    ],
)
def test_f3_a_wrong_description_is_named_in_one_sentence(
    tmp_path: Path, different: dict[str, object], words: str
) -> None:
    with pytest.raises(ManifestRefused, match=words) as refused:
        of(tmp_path, **different)
    assert str(refused.value).startswith(f"liveness.manifest {tmp_path}/ours.json: ")
    assert "\n" not in str(refused.value)


def test_f3_no_model_five_models_and_one_name_twice_are_refused(tmp_path: Path) -> None:
    for models, words in (([], "length"), ([{"name": f"m{n}"} for n in range(5)], "length"), ([{}, {}], "same name")):
        with pytest.raises(ManifestRefused, match=words):
            read_manifest(described(tmp_path, *models))


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_f3_whatever_lies_in_the_file_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    for name in ("skin.yaml", "skin.json"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(content)
        with pytest.raises(ManifestRefused):
            read_manifest(str(path))


def test_f3_the_models_lie_beside_their_description_and_have_its_hashes(tmp_path: Path) -> None:
    here = config.replace(config.Config(), liveness={"manifest": described(tmp_path, {}), "models": "/nowhere"})
    source = sources.source_of(here)
    assert (source.folder, source.fetches) == (tmp_path, False)
    with pytest.raises(ModelUnavailable, match=r"tiny\.onnx is not there; put the right file there"):
        sources.read(source)
    (tmp_path / "tiny.onnx").write_bytes(TINY + b"\0")
    with pytest.raises(ModelUnavailable, match="SHA-256 differs"):
        sources.read(source)
    (tmp_path / "tiny.onnx").write_bytes(TINY)
    assert [content for _, content in sources.read(source)] == [TINY]


def test_f3_a_network_that_does_not_answer_as_described_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="gives 3 values"):
        Passive([(of(tmp_path, real=0, spoof=[7]), TINY)])
    for garbage in (b"", b"no network", TINY[: len(TINY) // 2]):
        with pytest.raises(ModelUnavailable, match="is no network that OpenCV"):
            Passive([(of(tmp_path), garbage)])


def test_f3_the_example_in_the_documentation_is_a_description(tmp_path: Path) -> None:
    text = (PROJECT / "docs/liveness.md").read_text()
    (example,) = re.findall(r"^```yaml\n(models:[^\n]*\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    path = tmp_path / "ours.yaml"
    path.write_text(re.sub(r"sha256: [0-9a-f]+\.\.\.", f"sha256: {'0a3f' * 16}", example))
    assert [(model.name, model.real, model.spoof, model.input_px) for model in read_manifest(str(path))] == [
        ("our-skin", 1, (0, 2), 80)
    ]
