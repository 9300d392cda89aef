"""The gallery: an encoding set as one matrix, whole or refused."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sync import keys, releases
from sync.received_sets import ReceivedSets, ReleaseDoor
from sync.releases import EncodingSet, Person, ReleaseRefused
from terminal.gallery import _ROWS_A_PART, BLOCK_ROWS, Gallery, check_templates
from terminal.looking import Looker
from terminal.shelf import Shelf
from terminal.sighting import Sighting
from tests.terminal.stage import DIMENSION, ENGINE_ID, SEVEN, Actor, StageEngine, frame, looks, settings


def content(*people: Person, dimension: int = DIMENSION, version: int = 9) -> EncodingSet:
    return EncodingSet(
        office="demo", version=version, engine_id=ENGINE_ID, dimension=dimension, created_at=SEVEN, people=people
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
    np.testing.assert_allclose(gallery.matrix, [looks(1), looks(2), looks(3)], atol=1e-6)
    assert all(known.templates == () for known in gallery.people.values()), "templates are kept once"


def test_an_administrator_is_one_in_the_gallery() -> None:
    chief = Person(employee="a", name="x", pin="hash", administrator=True)
    gallery = Gallery.from_set(content(chief, person("b", looks(1))))
    assert gallery.people["a"] == chief
    assert not gallery.people["b"].administrator


@pytest.mark.parametrize("rows", [1, BLOCK_ROWS, BLOCK_ROWS + 1, _ROWS_A_PART, _ROWS_A_PART + BLOCK_ROWS + 5])
def test_blocks_hold_every_row_and_nothing_else(rows: int) -> None:
    gallery = Gallery.from_set(content(*(person(str(number), looks(number)) for number in range(rows))))
    assert gallery.rows == rows
    assert gallery.blocks.shape == (-(-rows // BLOCK_ROWS), DIMENSION, BLOCK_ROWS)
    np.testing.assert_allclose(gallery.matrix, [looks(number) for number in range(rows)], atol=1e-6)
    assert not gallery.blocks[-1, :, rows - (len(gallery.blocks) - 1) * BLOCK_ROWS :].any()


def test_a_set_without_people_makes_an_empty_gallery() -> None:
    gallery = Gallery.from_set(content())
    assert gallery.employees == ()
    assert gallery.matrix.shape == (0, DIMENSION)


def test_nobody_edits_a_gallery() -> None:
    gallery = Gallery.from_set(content(person("a", looks(1))))
    for frozen in (gallery.blocks, gallery.matrix, gallery.starts):
        with pytest.raises(ValueError, match="read-only"):
            frozen[0] = 1
        assert not frozen.flags.writeable
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


def test_two_templates_that_make_up_for_each_others_length_are_refused() -> None:
    short, long = (np.ones(length) / np.sqrt(length) for length in (DIMENSION - 1, DIMENSION + 1))
    with pytest.raises(ReleaseRefused, match=f"{DIMENSION} values"):
        Gallery.from_set(content(person("a", short), person("b", long)))


@pytest.mark.parametrize("check", [check_templates, releases.check_templates], ids=["the kiosk", "the centre"])
@pytest.mark.parametrize("place", [0, _ROWS_A_PART - 1, _ROWS_A_PART, _ROWS_A_PART + 300])
def test_kiosk_and_centre_find_the_one_unsound_template(check: Callable[[EncodingSet], None], place: int) -> None:
    people = [person(str(number), looks(1)) for number in range(_ROWS_A_PART + 301)]
    check(content(*people))
    for vector in (looks(1) * 1.01, looks(1) * np.nan, looks(1)[:-1]):
        people[place] = person(str(place), vector)
        with pytest.raises(ReleaseRefused) as refused:
            check(content(*people))
        assert refused.value.alarm == "release_torn"


def test_one_number_for_two_people_is_refused() -> None:
    with pytest.raises(ReleaseRefused, match="twice"):
        Gallery.from_set(content(person("a", looks(1)), person("a", looks(2))))


def test_the_empty_gallery_is_of_an_engine_and_version_0() -> None:
    gallery = Gallery.empty(ENGINE_ID)
    assert (gallery.version, gallery.engine_id, gallery.employees, len(gallery.people)) == (0, ENGINE_ID, (), 0)


# --- swapped while somebody stands there -----------------------------------------------------------------------------


def test_sets_taken_while_frames_are_looked_at_miss_none(tmp_path: Path) -> None:
    """The uplink's way on one thread: opened, kept, made a gallery, put on the shelf. Vision's on another: it looks."""
    key = keys.PrivateKey.generate()
    others = tuple(person(str(number), looks(number)) for number in range(100, 700))
    # In sets of odd version person 1 is known as "odd", in the others as "even".
    names = {0: "even", 1: "odd"}
    blobs = [
        releases.seal_set(
            content(*others, person(names[version % 2], looks(1)), version=version), key, [keys.raw(key.public_key())]
        ).blob
        for version in range(1, 13)
    ]
    door = ReleaseDoor(
        check=lambda blob, newer_than: releases.open_set(
            blob,
            trusted=key.public_key(),
            office="demo",
            engine_id=ENGINE_ID,
            newer_than=newer_than,
            reader=key,
            check_templates=check_templates,
        ),
        keep=lambda blob: releases.keep_set(tmp_path, blob),
        kept=lambda: releases.kept_set(tmp_path),
    )
    shelf = Shelf(Gallery.empty(ENGINE_ID))
    sets = ReceivedSets(door, shelf.put)
    visit_frames = 45
    frames = len(blobs) * visit_frames
    script = [[Actor(who=1)] if number % visit_frames < 16 else [] for number in range(frames)]
    looker = Looker(StageEngine(script), settings())
    seen: list[Sighting] = []
    taken = threading.Semaphore(0)

    def look() -> None:
        for number in range(frames):
            if number % visit_frames == 0:  # one set more is in use before each visit, and the next on its way
                assert taken.acquire(timeout=30)
            seen.append(looker.look(frame(number), shelf.gallery()))

    eyes = threading.Thread(target=look)
    eyes.start()
    for blob in blobs:
        assert sets.take(blob) is not None
        taken.release()
    eyes.join(60)
    assert not eyes.is_alive()
    assert [sighting.taken_at for sighting in seen] == [frame(number).taken_at for number in range(frames)]
    versions = [sighting.gallery_version for sighting in seen]
    assert versions == sorted(versions)
    assert versions[-1] == 12
    named = 0
    for before, sighting in itertools.pairwise(seen):
        found = sighting.served.identification if sighting.served else None
        if found is not None and found.employee is not None and not (before.served and before.served.identification):
            named += 1
            assert found.employee == names[sighting.gallery_version % 2], "a gallery is one whole set"
            assert found.gallery_size == 601
    assert named == len(blobs)


def test_a_set_that_is_refused_leaves_the_gallery_in_use() -> None:
    shelf = Shelf(Gallery.from_set(content(person("a", looks(1)))))
    before = shelf.gallery()
    with pytest.raises(ReleaseRefused):
        shelf.put(content(person("a", looks(1)), person("b", looks(1) * np.nan), version=10))
    assert shelf.gallery() is before
