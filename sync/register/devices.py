"""The keys kiosks sign with: offered by them, approved or revoked by the centre's people.

Nothing a kiosk signs is taken before its key is approved, and nothing new after it is revoked; what was taken before
stays, and stays checkable, so a key is never deleted. Each function is one transaction and raises RegisterUnavailable.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from sync import keys, sealing
from sync.register import Register, RegisterError
from sync.register.schema import device_keys, insert_for

MOST_OFFERS = 20
"""Of one terminal: whoever can write its status must not be able to fill the register."""


class DeviceRefused(RegisterError):
    """There is no such key, or there are several; the text says what to do."""


class KeyState(StrEnum):
    """What the centre's people said of a key."""

    OFFERED = "offered"
    APPROVED = "approved"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """A kiosk's public key, 32 bytes, and what was said of it."""

    terminal: str
    key_id: str
    office: str
    public_key: bytes
    state: KeyState
    offered_at: datetime
    decided_at: datetime | None


def device_list(register: Register, terminal: str | None = None) -> list[DeviceKey]:
    """Return every key ever offered, of one terminal or of all, by office, terminal and time."""
    wanted = sa.select(device_keys).order_by(device_keys.c.office, device_keys.c.terminal, device_keys.c.offered_at)
    if terminal is not None:
        wanted = wanted.where(device_keys.c.terminal == terminal)
    with register.read() as connection:
        return [DeviceKey(**{**row._mapping, "state": KeyState(row.state)}) for row in connection.execute(wanted)]


def offer_in(connection: sa.Connection, *, terminal: str, office: str, public_key: bytes, at: datetime) -> None:
    """Have the key known as offered, unless it is known already, inside the caller's transaction."""
    here = device_keys.c.terminal == terminal
    if (connection.scalar(sa.select(sa.func.count()).select_from(device_keys).where(here)) or 0) >= MOST_OFFERS:
        return
    connection.execute(
        insert_for(connection, device_keys)
        .values(
            terminal=terminal,
            key_id=keys.id_of_raw(public_key),
            office=office,
            public_key=public_key,
            state=KeyState.OFFERED.value,
            offered_at=at,
        )
        .on_conflict_do_nothing()
    )


def approve(register: Register, terminal: str, key_id: str | None = None, *, at: datetime) -> DeviceKey:
    """Have what the kiosk signs with that key taken from now on; without an id, with the only one it offered.

    Raises DeviceRefused where there is none, or several to choose from.
    """
    return _decide(register, terminal, key_id, KeyState.APPROVED, from_states=(KeyState.OFFERED,), at=at)


def admit(register: Register, *, terminal: str, office: str, public_key: bytes, at: datetime) -> DeviceKey:
    """Have the key approved without an offer: both machines are in the same hands, as in the demo."""
    with register.write() as connection:
        offer_in(connection, terminal=terminal, office=office, public_key=public_key, at=at)
    return approve(register, terminal, keys.id_of_raw(public_key), at=at)


def revoke(register: Register, terminal: str, key_id: str | None = None, *, at: datetime) -> DeviceKey:
    """Have nothing new taken that is signed with that key; without an id, with the only one approved."""
    return _decide(register, terminal, key_id, KeyState.REVOKED, from_states=(KeyState.APPROVED,), at=at)


def _decide(
    register: Register,
    terminal: str,
    key_id: str | None,
    state: KeyState,
    *,
    from_states: tuple[KeyState, ...],
    at: datetime,
) -> DeviceKey:
    known = device_list(register, terminal)
    found = [key for key in known if key.state is not state and (key_id or key.key_id) == key.key_id]
    if key_id is None:
        found = [key for key in found if key.state in from_states]
    if not known:
        raise DeviceRefused(f"no kiosk called {terminal} has been heard of; start it, or see terminal.id")
    if len(found) != 1:
        choice = ", ".join(f"{key.key_id} ({key.state})" for key in known)
        raise DeviceRefused(f"say which key of {terminal} is meant: {choice}")
    if state is KeyState.APPROVED:
        _check_sealing(found[0])
    with register.write() as connection:
        connection.execute(
            sa.update(device_keys)
            .where(
                device_keys.c.office == found[0].office,
                device_keys.c.terminal == terminal,
                device_keys.c.key_id == found[0].key_id,
            )
            .values(state=state.value, decided_at=at)
        )
    return dataclasses.replace(found[0], state=state, decided_at=at)


def _check_sealing(key: DeviceKey) -> None:
    """Raises DeviceRefused for 32 bytes that are no point of the curve: they sign nothing, and no set of the office
    could be sealed as long as they were approved."""
    try:
        sealing.sealing_form(key.public_key)
    except keys.KeyRefused as error:
        raise DeviceRefused(
            f"what {key.terminal} offered as {key.key_id} is no public key; look at that kiosk, or revoke it"
        ) from error
