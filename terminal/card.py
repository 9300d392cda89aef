"""The card in this kiosk's hands: claimed and opened, or waited for with a screen that says so.

A kiosk that cannot record must not stand there black: people have to know that the paper list is today's way. What is
wrong with the settings still ends it at once, with one sentence.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import config
from sync import keys, notify
from sync.outbox import Outbox, OutboxFailed
from sync.outbox.newest import newest_entries
from terminal import clock, storage, store
from terminal.display import Closed, Display
from terminal.preferences import kept_language
from terminal.screens import card_down
from terminal.screens.catalogue import language
from terminal.screens.look import Context
from terminal.visit.states import Now

_TRY_EVERY_S = 5.0
_LOOK_EVERY_S = 0.2

_log = logging.getLogger("hadir.terminal.card")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The card in this process's hands. `known` is what it tells of the time, `alarms` are those that stand on it.

    `device` is the kiosk's own key, which `signer` signs with: it opens the sets sealed for it, and what is sealed on
    the card.

    Each thread that uses it opens it for itself. `close` gives it back, and may be called once.
    """

    device: keys.PrivateKey
    signer: keys.Signer
    known: clock.Remembered
    alarms: tuple[str, ...]
    close: Callable[[], None]


def take(settings: config.Config) -> Card:
    """Return the card, which no other kiosk can take now.

    Raises CardFailing for what may pass by itself or by somebody's hand, another HadirError for what will not.
    """
    folder = settings.terminal.state
    with ExitStack() as held:
        held.enter_context(store.claim(folder))
        with suppress(OSError):  # a card that is full cannot even be opened
            storage.make_room(folder, quota_mb=settings.terminal.storage_mb)
        with closing(store.open_card(folder)) as connection:
            try:
                device = store.own_key(connection, folder, secrets=settings.terminal.key_folder)
                signer = keys.signer(device)
                Outbox(connection, office=settings.office.id, terminal=settings.terminal.id, signer=signer)
                known = clock.remembered(newest_entries(connection), clock.boot_id())
            except OutboxFailed as error:
                if isinstance(error.__cause__, sqlite3.Error):
                    raise store.CardFailing(str(error)) from error
                raise
            alarms = store.alarms(connection)
        return Card(device=device, signer=signer, known=known, alarms=alarms, close=held.pop_all().close)


def wait_for(settings: config.Config, *, display: Display, stop: threading.Event) -> Card | None:
    """Return the card when it can be used, saying on the screen that it cannot; None if stopped or closed first.

    Raises what `take` raises, but not CardFailing.
    """
    notify.tell("READY=1")
    said, tried_s = "", -_TRY_EVERY_S
    while not stop.is_set() and not any(isinstance(event, Closed) for event in display.events()):
        if time.monotonic() >= tried_s + _TRY_EVERY_S:
            try:
                return take(settings)
            except store.CardFailing as error:
                if str(error) != said:
                    _log.error("nothing can be recorded: %s", error)
                said, tried_s = str(error), time.monotonic()
            notify.tell("WATCHDOG=1")
        width_px, height_px = display.size
        context = Context(
            width_px=width_px,
            height_px=height_px,
            measure=display.measure,
            now=Now(at=datetime.now(UTC), monotonic_s=time.monotonic()),
            zone=settings.office.zone,
            say=language(kept_language(settings.terminal.state, settings.display.language)),
            office=settings.office.name,
        )
        display.show(card_down(context))
        stop.wait(_LOOK_EVERY_S)
    return None
