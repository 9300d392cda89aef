"""The face beside a PIN: the same person's, another's, or none."""

from dataclasses import replace

import numpy as np
import pytest

import config
from sync.messages import Method, PadVerdict
from terminal.beside import Beside
from terminal.companion import FACE_UNLIKE, Companion, companion_of, templates_of
from terminal.gallery import Gallery
from terminal.matching import Policy
from tests.terminal.made import served, sighting
from tests.terminal.stage import gallery_in_order, like, looks

POLICY = Policy(threshold=0.5, margin=0.05, fpir=0.001)


def test_the_persons_own_face_makes_it_face_and_pin() -> None:
    gallery = gallery_in_order([(str(n), [looks(n), looks(100 + n)]) for n in range(1, 70)])
    for n in (1, 17, 33, 69):
        beside = companion_of(like(100 + n, 0.8, other=7), str(n), gallery, POLICY)
        assert (beside.method, beside.review) == (Method.FACE_AND_PIN, ())
        assert beside.score == pytest.approx(0.8, abs=1e-3)


def test_another_face_is_said_and_stops_nobody() -> None:
    gallery = gallery_in_order([("1001", [looks(1)]), ("1002", [looks(2)])])
    beside = companion_of(looks(2), "1001", gallery, POLICY)
    assert (beside.method, beside.review) == (Method.PIN, (FACE_UNLIKE,))


@pytest.mark.parametrize("employee", ["1001", "nobody"])
def test_without_a_face_or_a_template_nothing_is_said(employee: str) -> None:
    gallery = gallery_in_order([("1001", [looks(1)])])
    assert companion_of(None, "1001", gallery, POLICY) == Companion()
    assert companion_of(looks(1), "1002", gallery, POLICY) == Companion()
    assert companion_of(looks(1)[:10], "1001", gallery, POLICY) == Companion()
    assert templates_of(employee, Gallery.empty("x")) is None


def test_g4_of_a_thousand_pairs_of_strangers_nearly_all_are_flagged() -> None:
    """Vectors here; what the engine does with faces is its FMR at the threshold, 1 in 1000 (docs/accuracy.md)."""
    rng = np.random.default_rng(4)
    print("seed 4")
    gallery = gallery_in_order([(str(n), [looks(n)]) for n in range(1, 51)])
    flagged = sum(
        companion_of(looks(int(rng.integers(1000, 9000))), str(rng.integers(1, 51)), gallery, POLICY).review
        == (FACE_UNLIKE,)
        for _ in range(1000)
    )
    assert flagged >= 950


def test_a_face_that_left_a_while_ago_is_not_that_of_whoever_types() -> None:
    now_s = [100.0]
    gallery = gallery_in_order([("1001", [looks(1)])])
    settings = config.replace(config.Config(), match={"threshold": 0.5, "margin": 0.05}).match
    beside = Beside(settings, gallery=lambda: gallery, now_s=lambda: now_s[0])
    assert beside.companion("1001") == Companion(), "nobody was there yet"
    beside.saw(replace(sighting(replace(served(1), probe=looks(1))), engine_id=gallery.engine_id))
    assert beside.companion("1001").method is Method.FACE_AND_PIN
    photo = replace(served(1, pad=PadVerdict.ATTACK), probe=looks(1))
    beside.saw(replace(sighting(photo), engine_id=gallery.engine_id))
    found = beside.companion("1001")
    assert (found.method, found.pad) == (Method.PIN, PadVerdict.ATTACK), "a picture held up beside a PIN adds no face"
    assert found.score == pytest.approx(1.0)
    now_s[0] += 3.1
    assert beside.companion("1001") == Companion()
