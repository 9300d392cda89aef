"""The gallery: an encoding set as one matrix, whole or refused."""

import numpy as np
import pytest

from sync.releases import EncodingSet, Person, ReleaseRefused
from terminal.gallery import Gallery
from tests.terminal.stage import DIMENSION, ENGINE_ID, SEVEN, looks


def content(*people: Person, dimension: int = DIMENSION) -> EncodingSet:
    return EncodingSet(
        office="demo", version=9, engine_id=ENGINE_ID, dimension=dimension, created_at=SEVEN, people=people
    )


def person(employee: str, *vectors: np.ndarray, name: str = "x") -> Person:
    return Person(employee=employee, name=name, templates=tuple(v.astype("<f4").tobytes() for v in vectors))


def test_every_row_has_its_owner_and_nobody_without_templates_has_one() -> None:
    gallery = Gallery.from_set(content(person("a", looks(1), looks(2)), person("pin-only"), person("b", looks(3))))
    assert gallery.matrix.shape == (3, DIMENSION)
    assert gallery.matrix.dtype == np.float32
    assert gallery.matrix.flags.c_contiguous
    assert gallery.owners == ("a", "a", "b")
    assert gallery.employees == ("a", "b")
    assert gallery.starts.tolist() == [0, 2]
    assert set(gallery.people) == {"a", "b", "pin-only"}
    assert (gallery.version, gallery.engine_id) == (9, ENGINE_ID)
    np.testing.assert_allclose(gallery.matrix[2], looks(3), atol=1e-6)


def test_a_set_without_people_makes_an_empty_gallery() -> None:
    gallery = Gallery.from_set(content())
    assert gallery.employees == ()
    assert gallery.matrix.shape == (0, DIMENSION)


def test_nobody_edits_a_gallery() -> None:
    gallery = Gallery.from_set(content(person("a", looks(1))))
    with pytest.raises(ValueError, match="read-only"):
        gallery.matrix[0, 0] = 1
    with pytest.raises(TypeError):
        gallery.people["b"] = person("b")  # type: ignore[index]
    with pytest.raises(AttributeError):
        gallery.version = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "vector",
    [looks(1) * 0.9, looks(1) * 1.1, np.zeros(DIMENSION), looks(1) * np.nan, looks(1) * np.inf],
    ids=["short", "long", "zero", "nan", "infinite"],
)
def test_a_template_that_is_no_finite_unit_vector_is_refused(vector: np.ndarray) -> None:
    with pytest.raises(ReleaseRefused, match="unit norm") as refused:
        Gallery.from_set(content(person("a", looks(2)), person("b", vector)))
    assert refused.value.alarm == "release_torn"


@pytest.mark.parametrize("length", [DIMENSION - 1, DIMENSION + 1, 1])
def test_a_template_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ReleaseRefused, match=f"{DIMENSION} values") as refused:
        Gallery.from_set(content(person("a", np.ones(length) / np.sqrt(length))))
    assert refused.value.alarm == "release_torn"


def test_one_number_for_two_people_is_refused() -> None:
    with pytest.raises(ReleaseRefused, match="twice"):
        Gallery.from_set(content(person("a", looks(1)), person("a", looks(2))))


def test_the_empty_gallery_is_of_an_engine_and_version_0() -> None:
    gallery = Gallery.empty(ENGINE_ID)
    assert (gallery.version, gallery.engine_id, gallery.employees, len(gallery.people)) == (0, ENGINE_ID, (), 0)
