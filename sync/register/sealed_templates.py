"""Templates lie in the register sealed, each with its person's key (sync/template_keys.py) and as what it is."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from sync import sealing
from sync.register import Register, RegisterError
from sync.register.people_schema import clear_log, templates

_log = logging.getLogger("hadir.sync.register")


class TemplatesSealed(RegisterError):
    """Templates cannot be opened, for the keys of their people are not there; the text says what to do."""


def sealed_vector(register: Register, *, employee: str, engine_id: str, source: str, look: str, vector: bytes) -> bytes:
    """Return `vector` sealed with the person's key, which is made if they have none. Raises TemplateKeysFailed."""
    about = _about(employee, engine_id, source, look)
    return sealing.seal_with(register.template_keys.made_for(employee), vector, about=about)


def opener(register: Register) -> Callable[[Any], bytes]:
    """Return what opens the vector of a row of `templates` by the keys as they are now.

    It raises TemplatesSealed for a row whose key is not there, TemplateKeysFailed where none can be read.
    """
    known = register.template_keys.known()

    def opened(row: Any) -> bytes:
        if not row.sealed:
            return bytes(row.vector)
        try:
            return sealing.open_with(
                known[row.employee],
                bytes(row.vector),
                about=_about(row.employee, row.engine_id, row.source, row.look),
            )
        except (KeyError, sealing.NotOpened) as error:
            raise TemplatesSealed(
                f"the template of employee {row.employee} cannot be opened with the keys in "
                f"{register.template_keys.path}; put the newest copy of that file back, or run "
                "./hadir register drop-unreadable and enrol again whom it names"
            ) from error

    return opened


OPENED = (
    templates.c.employee,
    templates.c.engine_id,
    templates.c.source,
    templates.c.look,
    templates.c.vector,
    templates.c.sealed,
)
"""The columns that what `opener` returns needs."""


def seal_older(register: Register) -> int:
    """Have no template in clear in the register, nor in its log; return how many there were. Raises RegisterError.

    They are from before templates were sealed. PostgreSQL keeps what was written over until it is vacuumed, which is
    done here too.
    """
    clear = sa.select(*OPENED, templates.c.id).where(templates.c.sealed.is_(False))
    with register.read() as connection:
        if connection.execute(clear.limit(1)).first() is None:
            return 0
    with register.write() as connection:
        rows = connection.execute(clear).all()
        for row in rows:
            vector = sealed_vector(
                register,
                employee=row.employee,
                engine_id=row.engine_id,
                source=row.source,
                look=row.look,
                vector=bytes(row.vector),
            )
            connection.execute(sa.update(templates).where(templates.c.id == row.id).values(vector=vector, sealed=True))
    try:
        register.rewrite(templates.name)
    except RegisterError as error:  # others use the table, say: they are sealed all the same
        _log.warning("old templates lie in the database's files until VACUUM (FULL) templates is run there: %s", error)
    clear_log(register)
    return len(rows)


def drop_unreadable(register: Register) -> list[str]:
    """Have no template in the register that cannot be opened; return the numbers of whose there were, in order."""
    with register.write() as connection:
        known: Mapping[str, bytes] = register.template_keys.known()
        lost = sorted(
            {
                row.employee
                for row in connection.execute(sa.select(*OPENED).where(templates.c.sealed.is_(True)))
                if not _opens(known.get(row.employee), row)
            }
        )
        for number in lost:
            connection.execute(sa.delete(templates).where(templates.c.employee == number))
    return lost


def _opens(key: bytes | None, row: Any) -> bool:
    if key is None:
        return False
    try:
        sealing.open_with(key, bytes(row.vector), about=_about(row.employee, row.engine_id, row.source, row.look))
    except sealing.NotOpened:
        return False
    return True


def _about(employee: str, engine_id: str, source: str, look: str) -> bytes:
    return "\0".join(("hadir template 1", employee, engine_id, source, look)).encode()
