"""F3: the passive models come from where the settings say, whole and as published, or not at all."""

import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import config
from terminal.faces.models import ModelUnavailable
from terminal.liveness import download as room
from terminal.liveness import sources
from terminal.liveness.download import download, https_opener
from terminal.liveness.networks import PASSIVE, ModelAbsent, ModelAltered, PassiveModel
from terminal.liveness.sources import Download, Source, source_of
from tests.terminal.https_mirror import Mirror, mirror

BYTES = {f"{name}.onnx": np.random.default_rng(seed).bytes(300_000) for seed, name in enumerate(("one", "two"))}
MODELS = tuple(
    PassiveModel(
        name=file.partition(".")[0],
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        address=f"https://published.example/{file}",
    )
    for file, content in BYTES.items()
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    with mirror(tmp_path_factory.mktemp("mirror")) as state:
        yield state


@pytest.fixture
def web(server: Mirror) -> Iterator[Mirror]:
    """The server as it is at first: it has both models, and does what it should."""
    server.files = {f"/hadir/{file}": content for file, content in BYTES.items()}
    server.sends_to, server.stalls, server.asked = {}, set(), []
    server.ended.clear()
    yield server
    server.ended.set()


def source(web: Mirror, folder: Path) -> Source:
    return Source(models=MODELS, folder=folder, fetches=True, mirror=f"{web.address}/hadir/")


def trusting(web: Mirror) -> Download:
    opener = https_opener(web.trusting())
    return lambda address, most: download(address, most_bytes=most, opener=opener)


def never(address: str, most_bytes: int) -> bytes:
    raise AssertionError(f"{address} may not be asked for here")


def test_f3_absent_models_are_fetched_once_checked_and_kept(web: Mirror, tmp_path: Path) -> None:
    wanted = source(web, tmp_path / "new" / "models")
    with pytest.raises(ModelAbsent, match=r"one\.onnx is not there"):
        sources.read(wanted)
    sources.fetch(wanted, through=trusting(web))
    assert [content for _, content in sources.read(wanted)] == list(BYTES.values())
    assert sorted(path.name for path in wanted.folder.iterdir()) == sorted(BYTES)
    assert web.asked == ["/hadir/one.onnx", "/hadir/two.onnx"]
    sources.fetch(wanted, through=never)


def test_f3_what_a_network_gives_instead_is_not_kept(web: Mirror, tmp_path: Path) -> None:
    """Other bytes, half of them, more of them without an end, a page of somebody's, nothing."""
    right = BYTES["one.onnx"]
    wanted = source(web, tmp_path)
    for wrong in (bytes([right[0] ^ 1]) + right[1:], right[:150_000], right * 40, b"<html>pay here</html>", b""):
        web.files["/hadir/one.onnx"] = wrong
        with pytest.raises(ModelUnavailable, match=r"does not give the published one\.onnx") as refused:
            sources.fetch(wanted, through=trusting(web))
        assert "\n" not in str(refused.value)
        assert list(tmp_path.iterdir()) == []
    got = trusting(web)(f"{web.address}/hadir/two.onnx", 1000)
    assert len(got) == 1001, "no more is read than tells that it is too much"


def test_f3_a_server_that_nobody_vouches_for_is_told_nothing(web: Mirror, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        sources.fetch(source(web, tmp_path))
    assert (web.asked, list(tmp_path.iterdir())) == ([], [])
    with pytest.raises(ModelUnavailable, match="unknown url type"):
        download(f"{web.address}/hadir/one.onnx".replace("https", "http"), most_bytes=10)
    with pytest.raises(ModelUnavailable, match="unknown url type"):
        download(f"file://{Path(__file__)}", most_bytes=10)


def test_f3_a_server_may_send_elsewhere_over_https_alone(web: Mirror, tmp_path: Path) -> None:
    web.sends_to = {"/there": f"{web.address}/hadir/one.onnx", "/round": "/round"}
    web.sends_to["/out"] = web.address.replace("https", "http") + "/hadir/one.onnx"
    web.sends_to["/in"] = "file:///etc/hostname"
    assert trusting(web)(f"{web.address}/there", 300_000) == BYTES["one.onnx"]
    for path, words in (("/out", "not over https"), ("/in", "302"), ("/round", "302")):
        web.asked.clear()
        with pytest.raises(ModelUnavailable, match=words):
            trusting(web)(f"{web.address}{path}", 300_000)
        assert len(web.asked) <= 4
    with pytest.raises(ModelUnavailable, match=r"\(the server answered 404\)") as refused:
        trusting(web)(f"{web.address}/none", 10)
    assert "\x1b" not in str(refused.value)


def test_f3_a_server_that_says_nothing_more_is_given_up_within_moments(
    web: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ANSWER_WITHIN_S", 0.2)
    web.stalls = {"/hadir/one.onnx"}
    began_s = time.monotonic()
    with pytest.raises(ModelUnavailable, match="could not be fetched"):
        trusting(web)(f"{web.address}/hadir/one.onnx", 300_000)
    assert time.monotonic() - began_s < 10, "twenty would be the server's own"
    stop = threading.Event()
    stop.set()
    with pytest.raises(ModelUnavailable, match="given up half-way"):
        download(
            f"{web.address}/hadir/two.onnx",
            most_bytes=300_000,
            opener=https_opener(web.trusting()),
            ended=stop.is_set,
        )


def test_f3_an_altered_model_is_named_and_set_aside_for_the_published_one(
    web: Mirror, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "one.onnx").write_bytes(b"altered")
    (tmp_path / "two.onnx").write_bytes(BYTES["two.onnx"])
    wanted = source(web, tmp_path)
    with pytest.raises(ModelAltered, match=r"one\.onnx is not the file it should be .* was not used"):
        sources.read(wanted)
    web.files.clear()
    with pytest.raises(ModelUnavailable, match=r"404.*; see to the network, or give liveness"):
        sources.fetch(wanted, through=trusting(web))
    assert (tmp_path / "one.onnx").read_bytes() == b"altered", "nothing better came"
    web.files["/hadir/one.onnx"] = BYTES["one.onnx"]
    with caplog.at_level(logging.WARNING):
        sources.fetch(wanted, through=trusting(web))
    assert (tmp_path / "one.onnx.altered").read_bytes() == b"altered"
    assert "one.onnx was not the published file" in caplog.text
    assert len(sources.read(wanted)) == 2


def test_f3_a_folder_of_ones_own_is_read_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "one.onnx").write_bytes(b"altered")
    wanted = Source(models=MODELS, folder=tmp_path)
    sources.fetch(wanted, through=never)
    with pytest.raises(ModelAltered):
        sources.read(wanted)
    assert [path.name for path in tmp_path.iterdir()] == ["one.onnx"]


def test_f3_a_folder_that_cannot_be_written_is_named(web: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelUnavailable, match=r"could not be written|cannot be read"):
        sources.fetch(source(web, tmp_path / "file" / "models"), through=trusting(web))


def test_f3_the_settings_say_where_the_models_come_from(tmp_path: Path) -> None:
    plain = config.replace(config.Config(), engine={"models": str(tmp_path)})
    found = source_of(plain)
    assert (found.models, found.folder, found.fetches) == (PASSIVE, tmp_path, True)
    for model in PASSIVE:
        assert found.address(model) == model.address
        assert model.address.startswith("https://raw.githubusercontent.com/")
        assert "2b9830bb0eccafddcf0abcedf5c6ad506f0a1142" in model.address
    mirrored = source_of(config.replace(plain, liveness={"models": "https://mirror.example/hadir"}))
    assert mirrored.address(PASSIVE[0]) == "https://mirror.example/hadir/antispoof_9820.onnx"
    own = source_of(config.replace(plain, liveness={"models": str(tmp_path / "own")}))
    assert (own.folder, own.fetches, own.address(PASSIVE[0])) == (tmp_path / "own", False, "")
    assert own == replace(own, models=PASSIVE)
