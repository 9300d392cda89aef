"""What each terminal last said of itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sync.messages import MessageRefused, Presence, TerminalStatus, decode
from sync.register import Register
from sync.register.schema import insert_for, statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardStatus:
    """A status as it came. `retained` when it lay at the broker already, so that it may be old."""

    status: TerminalStatus
    payload: bytes
    retained: bool
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalState:
    """A terminal as the centre knows it.

    `heard_at` is when it last spoke, by the centre's clock (by the terminal's, where the word was found lying at the
    broker). An ONLINE that is several `uplink.status_every_s` old is not to be believed: its broker may have died.
    """

    office: str
    terminal: str
    heard_at: datetime
    status: TerminalStatus

    @property
    def online(self) -> bool:
        return self.status.presence is Presence.ONLINE


def all_statuses(register: Register) -> list[TerminalState]:
    """Return the latest word of every terminal ever heard of, by office and terminal. Raises RegisterUnavailable."""
    wanted = sa.select(statuses).order_by(statuses.c.office, statuses.c.terminal)
    with register.read() as connection:
        rows = list(connection.execute(wanted))
    states = []
    for row in rows:
        try:
            status = decode(TerminalStatus, row.payload)
        except MessageRefused:
            continue  # written by a newer collector; it will be replaced within seconds
        states.append(TerminalState(office=row.office, terminal=row.terminal, heard_at=row.heard_at, status=status))
    return states


def put_in(connection: sa.Connection, heard: Iterable[HeardStatus]) -> None:
    """Have the last of `heard` for each terminal as its latest word, inside the caller's transaction."""
    for each in heard:
        here = sa.and_(statuses.c.office == each.status.office, statuses.c.terminal == each.status.terminal)
        heard_at = each.received_at
        if each.retained:
            known = connection.execute(sa.select(statuses.c.payload, statuses.c.heard_at).where(here)).one_or_none()
            if known is not None and known.payload == each.payload:
                continue  # heard before, and nothing was said since
            heard_at = min(each.status.at, each.received_at)
            if known is not None:
                heard_at = max(heard_at, known.heard_at)  # a last will is as old as the kiosk's start
        values = {
            "presence": each.status.presence.value,
            "heard_at": heard_at,
            "payload": each.payload,
        }
        connection.execute(
            insert_for(connection, statuses)
            .values(office=each.status.office, terminal=each.status.terminal, **values)
            .on_conflict_do_update(index_elements=["office", "terminal"], set_=values)
        )
