"""What centre and terminals tell each other beside the chain: how far it is there, and how a terminal is."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from sync.messages.topics import terminal_topic
from sync.messages.values import (
    ClockQuality,
    Hex16,
    Hex32,
    Hex64,
    Identifier,
    Instant,
    Message,
    Natural,
    Sequence,
    Text,
)

MOST_EARLIER = 20
MOST_IN_ACK = 120
"""Three lists of so many (seq, digits), each seq as long as it can be, fit into one message."""


class Ack(Message, tag="ack", frozen=True, kw_only=True):
    """The collector has committed every entry of (terminal, epoch) up to `upto`, and each in `extra`.

    It has them with the bytes whose SHA-256 it names: in hexadecimal for `upto` (empty for 0), its first 16 digits for
    each (seq, digits) of `extra`. A card that has other bytes there is a copy or was put back, and must not take this
    as said of its own. `refused` are entries that came under a place that others had: they lie in quarantine.
    `missing` are ranges, first and last seq, that were acknowledged and are not there any more (a register put back
    from its backup): they are to be sent again.
    """

    office: Identifier
    terminal: Identifier
    epoch: Hex32
    upto: Natural
    upto_hash: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    extra: Annotated[tuple[tuple[Sequence, Hex16], ...], Meta(max_length=MOST_IN_ACK)] = ()
    refused: Annotated[tuple[tuple[Sequence, Hex16], ...], Meta(max_length=MOST_IN_ACK)] = ()
    missing: Annotated[tuple[tuple[Sequence, Sequence], ...], Meta(max_length=MOST_IN_ACK)] = ()

    @property
    def topic(self) -> str:
        return terminal_topic(self.office, self.terminal, "ack")


class Presence(StrEnum):
    """Whether the terminal is connected; `offline` is what its last will says."""

    ONLINE = "online"
    OFFLINE = "offline"


class SetWord(Message, tag="set_word", frozen=True, kw_only=True):
    """A terminal's word that it uses this encoding set, by the SHA-256 of its file, and none before it any more.

    It goes into the terminal's status as a signed message (sync/chain.py), said at `at`, when `seq` was the last entry
    of its chain in `epoch`.
    """

    office: Identifier
    terminal: Identifier
    version: Natural
    sha256: Hex64
    epoch: Hex32
    seq: Natural
    at: Instant


class TerminalStatus(Message, tag="status", frozen=True, kw_only=True):
    """What a terminal says of itself; retained, with a last will on the same topic.

    `outbox_depth` counts entries the collector has not acknowledged. Of its present `epoch` the card keeps entries from
    `oldest_seq` on, and up to `acknowledged_to` all are acknowledged; `earlier` says the same (epoch, oldest_seq,
    acknowledged_to) of those before it that still lie on the card, the newest first. `device_key` is the raw
    public Ed25519 key the entries are signed with. `alarms` are short codes such as `release_forged`, never a name.
    `set_word` is a signed SetWord. Fields that are unknown are absent.
    """

    office: Identifier
    terminal: Identifier
    presence: Presence
    at: Instant
    outbox_depth: Natural | None = None
    last_seq: Natural | None = None
    epoch: Hex32 | None = None
    oldest_seq: Natural | None = None
    acknowledged_to: Natural | None = None
    earlier: Annotated[tuple[tuple[Hex32, Natural, Natural], ...], Meta(max_length=MOST_EARLIER)] = ()
    device_key: Hex64 | None = None
    boot_id: Hex32 | None = None
    gallery_version: Natural | None = None
    gallery_people: Natural | None = None
    engine_id: Text | None = None
    camera: Annotated[str, Meta(pattern="^(ok|lost|starting)$")] | None = None
    clock: ClockQuality | None = None
    disk_free_mb: Natural | None = None
    temperature_c: float | None = None
    uptime_s: Natural | None = None
    software: Text | None = None
    alarms: Annotated[tuple[Text, ...], Meta(max_length=50)] = ()
    set_word: Annotated[str, Meta(max_length=1000)] | None = None

    @property
    def topic(self) -> str:
        return terminal_topic(self.office, self.terminal, "status")
