"""A home for demos: settings with free ports, its own state, the project's model files."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import config
from demo import clip
from terminal.faces import open_engine


@pytest.fixture(scope="session")
def home(project: Path, tmp_path_factory: pytest.TempPathFactory) -> config.Config:
    """Settings of a machine on which nothing ran yet; one for all tests, as the clip takes its time."""
    folder = tmp_path_factory.mktemp("home")
    settings = config.load(project / "config.yaml")
    return config.replace(
        settings,
        terminal={
            "state": str(folder / "terminal"),
            "release_key": str(folder / "centre" / "keys" / "release.pub"),
            "collector_key": str(folder / "centre" / "keys" / "collector.pub"),
            "evidence_key": str(folder / "centre" / "keys" / "evidence.pub"),
            "enrolment_key": str(folder / "centre" / "keys" / "enrolment.pub"),
        },
        centre={
            "register": f"sqlite:///{folder / 'centre' / 'register.sqlite'}",
            "keys": str(folder / "centre" / "keys"),
            "releases": str(folder / "centre" / "releases"),
            "heads": str(folder / "centre" / "heads"),
        },
        mqtt={"port": _free_port()},
        console={"port": _free_port()},
    )


@pytest.fixture(scope="session")
def made_clip(home: config.Config, walk_up_clip: clip.Clip) -> clip.Clip:
    """The clip, where a demo in `home` looks for it."""
    folder = home.terminal.state.parent / "demo"
    shutil.copytree(walk_up_clip.path.parent, folder)
    return clip.ensure(folder, lambda: open_engine(home.engine), lambda _: None)


@pytest.fixture
def said() -> tuple[list[str], Callable[[str], None]]:
    """A list and the function that fills it."""
    words: list[str] = []
    return words, words.append


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
