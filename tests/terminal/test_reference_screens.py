"""The screens look as they did when somebody looked at them last; small differences of letters are none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import hadir
from tests.terminal.make_pictures import FOLDER, pictures
from tests.terminal.make_reference_screens import COLUMNS, FILE, TILE, tile_of, tiles

# Mean difference of grey, 0 to 255, over blocks of 8 by 8: another FreeType moves edges of letters, and no blocks.
BLOCK = 8
MOST = 12.0


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest mean difference of any block of two tiles."""
    apart = np.abs(one.astype(np.int16) - other).mean(axis=2)
    blocks = apart.reshape(TILE[1] // BLOCK, BLOCK, TILE[0] // BLOCK, BLOCK).mean(axis=(1, 3))
    return float(blocks.max())


@pytest.mark.slow
def test_every_screen_looks_as_when_it_was_last_looked_at() -> None:
    kept = cv2.imread(str(FILE))
    assert kept is not None
    wrong = {}
    count = 0
    for index, (name, picture) in enumerate(tiles()):
        count += 1
        found = difference(picture, tile_of(np.asarray(kept), index))
        if found > MOST:
            wrong[name] = round(found)
    assert wrong == {}, "if they were meant to change: python -m tests.terminal.make_reference_screens"
    assert kept.shape[0] == -(-count // COLUMNS) * TILE[1]


@pytest.mark.slow
def test_the_pictures_of_the_documents_are_of_these_screens() -> None:
    shown = {path.stem for path in FOLDER.glob("*.jpg")}
    made = dict(pictures())
    assert shown == set(made), "python -m tests.terminal.make_pictures"
    for name, picture in made.items():
        kept = cv2.imread(str(FOLDER / f"{name}.jpg"))
        assert kept is not None
        one, other = (np.asarray(cv2.resize(each, TILE, None, 0, 0, cv2.INTER_AREA)) for each in (picture, kept))
        assert difference(one, other) <= MOST, name


def test_a_button_that_is_gone_or_a_word_that_is_another_is_seen() -> None:
    tile = np.full((TILE[1], TILE[0], 3), 60, np.uint8)
    other = tile.copy()
    other[40:48, 40:56] = 120
    assert difference(tile, other) > MOST
    speckled = tile.copy()
    speckled[::8, ::8] = 200
    assert difference(tile, speckled) <= MOST, "a pixel here and there is no change"


def test_the_command_writes_screens_in_three_languages_and_two_sizes(tmp_path: Path) -> None:
    words = ["terminal", "screenshots", str(tmp_path / "screens"), "--only", "recorded-0", "--only", "idle-message"]
    said = CliRunner().invoke(hadir.main, words)
    assert (said.exit_code, said.output) == (0, f"18 pictures in {tmp_path / 'screens'}\n")
    names = {path.name for path in (tmp_path / "screens").iterdir()}
    assert {name.rpartition(".")[2] for name in names} == {"png"}
    assert {(name.split("-")[0], name.split("-")[1]) for name in names} == {
        (size, code) for size in ("800x480", "1280x720") for code in ("id", "en", "jv")
    }
    upright = CliRunner().invoke(hadir.main, [*words[:3], "--upright", "--only", "idle-message"])
    assert upright.output.startswith("12 pictures")


def test_a_screen_that_is_none_and_a_folder_that_cannot_be_are_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for words in ([str(tmp_path), "--only", "nothing"], [str(tmp_path / "file" / "x")]):
        said = CliRunner().invoke(hadir.main, ["terminal", "screenshots", *words])
        assert said.exit_code == 1, said.output
        assert said.output.startswith("Error: ")
