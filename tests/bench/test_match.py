"""The match bench: a table, one JSON line with the promised keys, and the answers of plain numpy."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import match
from sync import keys
from terminal.gallery import Gallery

PROJECT = Path(__file__).resolve().parents[2]
PROMISED = {"rows", "match_ms", "batch_ms", "numpy_ms", "floor_ms", "load_s", "ratio_numpy", "ratio_floor"}


def test_every_size_has_the_promised_figures_and_numpys_answers(capsys: pytest.CaptureFixture[str]) -> None:
    match.run(sizes=(10_000, 100), as_json=True)
    *table, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert [size["rows"] for size in figures["sizes"]] == [100, 10_000]
    for size in figures["sizes"]:
        assert size.keys() >= PROMISED
        assert all(size[key] > 0 for key in PROMISED)
        assert size["same_answers"] == f"{match.ROUNDS}/{match.ROUNDS}"
    largest = figures["sizes"][-1]
    assert (figures["rows"], figures["ratio_numpy"]) == (10_000, largest["ratio_numpy"])
    assert largest["people"] == 3_334
    assert largest["matrix_mb"] == pytest.approx(10_016 * match.DIMENSION * 4 / 1e6, abs=0.1)
    assert largest["ratio_numpy"] > 1, "slower than plain numpy"
    assert any("10,000" in line for line in table)


def test_the_faces_are_the_same_every_time_and_a_persons_are_alike() -> None:
    one, two = match.faces(301), match.faces(301)
    np.testing.assert_array_equal(one, two)
    assert one.shape == (301, match.DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)
    scores = one @ one.T
    people = np.arange(301) // match.TEMPLATES
    own = (people[:, None] == people[None, :]) & ~np.eye(301, dtype=bool)
    assert scores[own].mean() == pytest.approx(0.7, abs=0.03)
    assert abs(scores[people[:, None] != people[None, :]].mean()) < 0.02


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_what_is_loaded_from_the_card_is_what_was_released(rows: int) -> None:
    key = keys.PrivateKey.generate()
    templates = match.faces(rows)
    loaded = match.load(match.release(templates, key), key)
    assert isinstance(loaded.gallery, Gallery)
    np.testing.assert_allclose(loaded.gallery.matrix, templates, atol=1e-6)
    assert len(loaded.gallery.employees) == -(-rows // match.TEMPLATES)
    assert loaded.load_s > 0


def test_smaller_storage_scores_the_same_within_what_it_loses() -> None:
    key = keys.PrivateKey.generate()
    templates = match.faces(500)
    blocks = match.load(match.release(templates, key), key).gallery.blocks
    exact = templates @ templates[7]
    half = match._unpacked(templates[7], blocks.astype(np.float16), 1).reshape(-1)[:500]
    small = match._unpacked(templates[7], np.rint(blocks * 127).astype(np.int8), 1 / 127).reshape(-1)[:500]
    np.testing.assert_allclose(half, exact, atol=1e-3)
    np.testing.assert_allclose(small, exact, atol=0.05)


@pytest.mark.slow
def test_the_command_answers_nonsense_in_a_sentence() -> None:
    said = subprocess.run(
        [sys.executable, "hadir.py", "bench", "match", "--rows", "0"], cwd=PROJECT, capture_output=True, text=True
    )
    assert said.returncode == 2
    assert "Traceback" not in said.stderr
    assert "--rows" in said.stderr
