"""Whole chains, and a copy of them to be edited."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.sync.verify.chains import HEADS_KEY, make_card, make_register, spki, write_heads


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with register.sqlite and card/, both whole, and the heads that a second party kept of each."""
    folder = tmp_path_factory.mktemp("whole")
    make_register(f"sqlite:///{folder}/register.sqlite")
    make_card(folder / "card")
    (folder / "heads.pub").write_text(f"-----BEGIN PUBLIC KEY-----\n{spki(HEADS_KEY)}\n-----END PUBLIC KEY-----\n")
    for name in ("register.sqlite", "card/card.sqlite"):
        write_heads(folder, folder / name)
    return folder


@pytest.fixture
def edited(whole: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the register in `tmp_path`/register.sqlite, to be edited."""
    shutil.copy(whole / "register.sqlite", tmp_path / "register.sqlite")
    with closing(sqlite3.connect(tmp_path / "register.sqlite", isolation_level=None)) as connection:
        yield connection
