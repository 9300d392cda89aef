"""What can go wrong with the central database, in the register's own words; sync/register/__init__.py hands them on."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from errors import HadirError

_NO_RIGHT = "42501"


class RegisterError(HadirError):
    """The central database refused; the text says what to do."""


class RegisterUnavailable(RegisterError):
    """The central database cannot be read or written now (away, locked, full); the same call may work later."""


class RegisterNewer(RegisterError):
    """The central database was made by a newer Hadir and is left untouched."""


class RegisterReplaced(RegisterError):
    """The register's file is not the one that was opened: what is written now would be lost."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLAlchemy's errors into the register's; the statement and its values, which hold names, stay behind."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError) as error:
        raise RegisterUnavailable(
            f"the register cannot be used now ({_first_line(error)}); see that its disk has space and its server runs"
        ) from error
    except sa.exc.DBAPIError as error:
        raise RegisterError(f"the register refused ({_first_line(error)}); {_advice(error)}") from error
    except sa.exc.TimeoutError as error:
        raise RegisterUnavailable("the register has no free connection; try again") from error
    except sa.exc.SQLAlchemyError as error:
        raise RegisterError(f"the register refused: {type(error).__name__}") from error


def _first_line(error: sa.exc.DBAPIError) -> str:
    """Return what the database says without its details, in which PostgreSQL repeats values."""
    return str(error.orig).partition("\n")[0]


def _advice(error: sa.exc.DBAPIError) -> str:
    if getattr(error.orig, "sqlstate", None) == _NO_RIGHT:
        return "make the user in centre.register the owner of its database: ALTER DATABASE ... OWNER TO ..."
    return "restore it from its backup"
