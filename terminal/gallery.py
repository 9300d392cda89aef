"""Everybody this kiosk knows, as one matrix: swapped whole, never edited."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sync.releases import TORN, EncodingSet, Person, ReleaseRefused

_NORM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery:
    """The templates of an encoding set. Frozen, its arrays too: vision takes another one by taking its reference.

    `matrix` is (rows, dimension) float32 of unit norm, the rows of one person next to each other; `owners` names the
    employee of each row. `employees` are those with templates and `starts` the first row of each. `people` also has
    those who have none and punch by PIN alone.
    """

    matrix: NDArray[np.float32]
    owners: tuple[str, ...]
    employees: tuple[str, ...]
    starts: NDArray[np.intp]
    people: Mapping[str, Person]
    version: int
    engine_id: str

    @classmethod
    def empty(cls, engine_id: str) -> Self:
        """Return the gallery that knows nobody, version 0."""
        return cls(
            matrix=np.zeros((0, 0), np.float32),
            owners=(),
            employees=(),
            starts=np.zeros(0, np.intp),
            people=MappingProxyType({}),
            version=0,
            engine_id=engine_id,
        )

    @classmethod
    def from_set(cls, content: EncodingSet) -> Self:
        """Return the gallery of `content`. Raises ReleaseRefused (release_torn) for templates that cannot be compared.

        150,000 templates of 128 values take 0.2 s.
        """
        known = [person for person in content.people if person.templates]
        counts = [len(person.templates) for person in known]
        joined = b"".join(template for person in known for template in person.templates)
        if len(joined) != sum(counts) * content.dimension * 4:
            raise ReleaseRefused(TORN, f"a template in the set is not {content.dimension} values long")
        matrix = np.frombuffer(joined, "<f4").reshape(-1, content.dimension).astype(np.float32)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not (np.abs(norms - 1) <= _NORM_TOLERANCE).all():  # also false for NaN and infinity
            raise ReleaseRefused(TORN, "a template in the set is not of unit norm, or not finite")
        matrix /= norms
        starts = np.cumsum([0, *counts[:-1]], dtype=np.intp) if counts else np.zeros(0, np.intp)
        matrix.flags.writeable = starts.flags.writeable = False
        people = {person.employee: person for person in content.people}
        if len(people) != len(content.people):
            raise ReleaseRefused(TORN, "an employee is in the set twice")
        return cls(
            matrix=matrix,
            owners=tuple(person.employee for person, count in zip(known, counts, strict=True) for _ in range(count)),
            employees=tuple(person.employee for person in known),
            starts=starts,
            people=MappingProxyType(people),
            version=content.version,
            engine_id=content.engine_id,
        )
