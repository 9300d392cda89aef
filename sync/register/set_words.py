"""Which set each kiosk has said to use, signed with its own key: the proof that an older one is not in use any more."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa

from sync import chain, keys
from sync.messages import MessageRefused
from sync.messages.told import SetWord
from sync.register import Register
from sync.register.devices import KeyState
from sync.register.schema import Id, Instant, device_keys, insert_for, metadata
from sync.register.statuses import HeardStatus

# Each set a kiosk ever said to use, once: the first time it said so.
set_words = sa.Table(
    "set_words",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("terminal", sa.String(40), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("word", sa.String(1000), nullable=False),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    sa.Column("heard_at", Instant, nullable=False),
    sa.UniqueConstraint("office", "terminal", "version", "sha256", name="set_words_key"),
    sqlite_autoincrement=True,
)

_decoder = msgspec.json.Decoder(SetWord)
_log = logging.getLogger("hadir.sync.set_words")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardWord:
    """A kiosk's word as it came: `text` are its exact signed bytes, `public_key` (32 bytes) is what they were checked
    with, and `heard_at` is when the centre had it."""

    word: SetWord
    text: str
    public_key: bytes
    heard_at: datetime


def read_word(text: str, public_key: bytes) -> SetWord:
    """Return the word in `text`, signed with the private half of `public_key`. Raises MessageRefused."""
    body = chain.opened(text.encode(), keys.verifier([public_key]))
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MessageRefused("signed, but no word of a set") from None


def hear_in(connection: sa.Connection, heard: Iterable[HeardStatus]) -> None:
    """Have every new word in these statuses kept, if an approved key of its kiosk signed it, in the caller's
    transaction. What is not so signed is passed over and logged."""
    for each in heard:
        if each.status.set_word is None or _known(connection, each):
            continue
        for public_key in _approved(connection, each.status.office, each.status.terminal):
            try:
                word = read_word(each.status.set_word, public_key)
            except MessageRefused:
                continue
            if (word.office, word.terminal) == (each.status.office, each.status.terminal):
                _keep(connection, word, each, public_key)
                break
        else:
            _log.warning("terminal %s says which set it uses, not signed by an approved key", each.status.terminal)


def words_of(register: Register, office: str) -> list[HeardWord]:
    """Return the words of the office's kiosks in the order they came."""
    wanted = sa.select(set_words).where(set_words.c.office == office).order_by(set_words.c.id)
    with register.read() as connection:
        return [
            HeardWord(
                word=read_word(row.word, row.public_key),
                text=row.word,
                public_key=row.public_key,
                heard_at=row.heard_at,
            )
            for row in connection.execute(wanted)
        ]


def _known(connection: sa.Connection, heard: HeardStatus) -> bool:
    return bool(
        connection.scalar(
            sa.select(
                sa.exists().where(
                    set_words.c.office == heard.status.office,
                    set_words.c.terminal == heard.status.terminal,
                    set_words.c.word == heard.status.set_word,
                )
            )
        )
    )


def _approved(connection: sa.Connection, office: str, terminal: str) -> list[bytes]:
    wanted = sa.select(device_keys.c.public_key).where(
        device_keys.c.office == office,
        device_keys.c.terminal == terminal,
        device_keys.c.state == KeyState.APPROVED.value,
    )
    return list(connection.scalars(wanted))


def _keep(connection: sa.Connection, word: SetWord, heard: HeardStatus, public_key: bytes) -> None:
    connection.execute(
        insert_for(connection, set_words)
        .values(
            office=word.office,
            terminal=word.terminal,
            version=word.version,
            sha256=word.sha256,
            word=heard.status.set_word,
            public_key=public_key,
            heard_at=heard.received_at,
        )
        .on_conflict_do_nothing()
    )
