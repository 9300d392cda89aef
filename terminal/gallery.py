"""Everybody this kiosk knows, laid out for the search: swapped whole, never edited."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from sync.releases import NORM_TOLERANCE, TORN, EncodingSet, Person, ReleaseRefused
from sync.turns import in_turns, rest

BLOCK_ROWS = 32
"""Measured with 150,000 rows of 128 values: in blocks of 32, six probes at once take as long as reading the templates
does, 3 ms; the same matrix in one piece takes 4 ms for one probe and 16 ms for six, because BLAS first copies it."""
_ROWS_A_PART = 64 * BLOCK_ROWS
_PEOPLE_A_TURN = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery:
    """The templates of an encoding set. Frozen, its arrays too: vision takes another one by taking its reference.

    `blocks` is (count, dimension, BLOCK_ROWS) float32, each column a template of unit norm; the rows of one person lie
    next to each other, and what is left of the last block is zero. `rows` counts templates, `owners` names the employee
    of each. `employees` are those with templates and `starts` the first row of each. `people` also has those who have
    none and punch by PIN alone; templates are not kept there a second time. `created_at` is when the set was made.
    """

    blocks: NDArray[np.float32]
    rows: int
    owners: tuple[str, ...]
    employees: tuple[str, ...]
    starts: NDArray[np.intp]
    people: Mapping[str, Person]
    version: int
    engine_id: str
    created_at: datetime | None = None

    @property
    def matrix(self) -> NDArray[np.float32]:
        """The templates as one matrix, (rows, dimension): put together anew at each call, for who compares them all."""
        dimension = self.blocks.shape[1]
        rows = self.blocks.transpose(0, 2, 1).reshape(len(self.blocks) * BLOCK_ROWS, dimension)
        together = np.ascontiguousarray(rows[: self.rows])
        together.flags.writeable = False
        return together

    @classmethod
    def empty(cls, engine_id: str) -> Self:
        """Return the gallery that knows nobody, version 0."""
        return cls(
            blocks=np.zeros((0, 0, BLOCK_ROWS), np.float32),
            rows=0,
            owners=(),
            employees=(),
            starts=np.zeros(0, np.intp),
            people=MappingProxyType({}),
            version=0,
            engine_id=engine_id,
        )

    @classmethod
    def from_set(cls, content: EncodingSet) -> Self:
        """Return the gallery of `content`. Raises ReleaseRefused (release_torn) where templates cannot be compared."""
        people: dict[str, Person] = {}
        for person in in_turns(content.people, a_turn=_PEOPLE_A_TURN):
            people[person.employee] = Person(
                employee=person.employee,
                name=person.name,
                pin=person.pin,
                resembles=person.resembles,
                administrator=person.administrator,
                photo=person.photo,
                renew=person.renew,
                withdrawn_at=person.withdrawn_at,
            )
        if len(people) != len(content.people):
            raise ReleaseRefused(TORN, "an employee is in the set twice")
        known = [person for person in content.people if person.templates]
        counts = [len(person.templates) for person in known]
        blocks = _blocks_of([template for person in known for template in person.templates], content.dimension)
        starts = np.cumsum([0, *counts[:-1]], dtype=np.intp) if counts else np.zeros(0, np.intp)
        blocks.flags.writeable = starts.flags.writeable = False
        return cls(
            blocks=blocks,
            rows=sum(counts),
            owners=tuple([person.employee for person in known for _ in person.templates]),
            employees=tuple([person.employee for person in known]),
            starts=starts,
            people=MappingProxyType(people),
            version=content.version,
            engine_id=content.engine_id,
            created_at=content.created_at,
        )

    def having(self, more: Sequence[Person]) -> Self:
        """Return this gallery with the templates of `more` beside those their people have here, and their PINs.

        For a few people: the rows are laid out anew. Raises ReleaseRefused where templates cannot be compared.
        """
        if not more:
            return self
        dimension = self.blocks.shape[1]
        end_of = dict(zip(self.employees, [*self.starts[1:].tolist(), self.rows], strict=True))
        known = [person for person in more if person.templates]
        rows = _unit_rows([template for person in known for template in person.templates], dimension)
        owners, places = list(self.owners), []
        for person in sorted(known, key=lambda person: end_of.get(person.employee, self.rows), reverse=True):
            place = end_of.get(person.employee, self.rows)
            owners[place:place] = [person.employee] * len(person.templates)
        for person in known:
            places += [end_of.get(person.employee, self.rows)] * len(person.templates)
        matrix = np.insert(self.matrix, places, rows, axis=0)
        employees = tuple(dict.fromkeys(owners))
        counts = Counter(owners)
        blocks = _in_blocks(matrix)
        starts = np.cumsum([0, *(counts[employee] for employee in employees[:-1])], dtype=np.intp)
        blocks.flags.writeable = starts.flags.writeable = False
        bare = {person.employee: msgspec.structs.replace(person, templates=()) for person in more}
        return replace(
            self,
            blocks=blocks,
            rows=len(owners),
            owners=tuple(owners),
            employees=employees,
            starts=starts if owners else self.starts,
            people=MappingProxyType({**self.people, **bare}),
        )


def check_templates(content: EncodingSet) -> None:
    """Every template is `dimension` finite numbers of norm 1. Raises ReleaseRefused (release_torn)."""
    templates = [template for person in content.people for template in person.templates]
    for first in range(0, len(templates), _ROWS_A_PART):
        _unit_rows(templates[first : first + _ROWS_A_PART], content.dimension)
        rest()


def _blocks_of(templates: list[bytes], dimension: int) -> NDArray[np.float32]:
    """Return `templates` in blocks. Raises ReleaseRefused for one that is no finite unit vector of `dimension`."""
    blocks = np.zeros((-(-len(templates) // BLOCK_ROWS), dimension, BLOCK_ROWS), np.float32)
    for first in range(0, len(templates), _ROWS_A_PART):
        rows = _unit_rows(templates[first : first + _ROWS_A_PART], dimension)
        block, (whole, left) = first // BLOCK_ROWS, divmod(len(rows), BLOCK_ROWS)
        in_blocks = rows[: len(rows) - left].reshape(whole, BLOCK_ROWS, dimension)
        blocks[block : block + whole] = in_blocks.transpose(0, 2, 1)
        if left:
            blocks[block + whole, :, :left] = rows[len(rows) - left :].T
        rest()
    return blocks


def _in_blocks(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `rows` in blocks."""
    count, dimension = rows.shape
    blocks = -(-count // BLOCK_ROWS)
    padded = np.zeros((blocks * BLOCK_ROWS, dimension), np.float32)
    padded[:count] = rows
    return np.ascontiguousarray(padded.reshape(blocks, BLOCK_ROWS, dimension).transpose(0, 2, 1))


def _unit_rows(templates: list[bytes], dimension: int) -> NDArray[np.float32]:
    """Return `templates` as rows, their norms set right to the last bit. Raises ReleaseRefused."""
    if any(len(template) != 4 * dimension for template in templates):
        raise ReleaseRefused(TORN, f"a template in the set is not {dimension} values long")
    rows = np.frombuffer(b"".join(templates), "<f4").reshape(-1, dimension)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (np.abs(norms - 1) <= NORM_TOLERANCE).all():  # also false for NaN and infinity
        raise ReleaseRefused(TORN, "a template in the set is not of unit norm, or not finite")
    return np.asarray(rows / norms, np.float32)
