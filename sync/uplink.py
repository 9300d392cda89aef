"""The kiosk's thread to the centre: punches out, acknowledgements and encoding sets in, its own status now and then.

    uplink = Uplink(settings, open_card=..., signer=..., acks=..., condition=..., releases=..., on_release=...)
    thread = threading.Thread(target=uplink.run, args=(stop,))

`open_card` gives this thread its own connection to the card. `signer` is the kiosk's own key, `acks` the door
acknowledgements come in by, which lets none in that the collector did not sign (sync/collector_key.py). `condition` is
called about once a second and at every wake, and must be quick; what it returns goes into the status. `releases` is the
door encoding sets come in by, as `received_sets.release_door` makes it; `on_release` gets each accepted one, already
kept on the card. `pictures` is the folder of sealed pictures, from which one goes along with the note that names it.
Whoever records a punch, or sees the camera or the gallery change, calls `wake()` afterwards: the row is on its way
within milliseconds, and nothing polls.

A row is marked acknowledged by the collector's signed word only. The broker's PUBACK frees nothing: with the collector
away, mosquitto's defaults said "Success" 5,000 times and delivered 1,000.

Whoever punches now goes first: what was recorded since this connection began leaves at once, and what waited before
follows oldest first, as many rows in one message as fit.
"""

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import assert_never

import config
from errors import HadirError
from sync import chain
from sync.collector_key import CollectorKeyMissing
from sync.enclosing import with_picture
from sync.keys import Signer
from sync.messages import MAX_MESSAGE_BYTES, Ack, MessageRefused, encode, gallery_topic, terminal_topic
from sync.messages.told import SetWord
from sync.mqtt import Connected, Disconnected, Event, Link, LinkDown, Received, Sent, Will
from sync.outbox import AckRefused, EpochUnknown, Outbox, OutboxFailed, PendingEvent, Place
from sync.own_status import LOOK_EVERY_S, Condition, OwnStatus
from sync.received_sets import ReceivedSets, ReleaseDoor
from sync.releases import MAX_SET_BYTES, EncodingSet, ReleaseRefused
from sync.window import Window

_FORGET_EVERY_S = 3600.0
_GOODBYE_S = 1.0
_REST_S = 1.0  # after a failure, so that none can spin
_EVENTS_A_TURN = 200
_RESERVED = 2  # messages of ours that are no punches: the status, a subscription
_PARCEL_BYTES = 12_000
_ROWS_A_PARCEL = 20
_CLONED = "identity_cloned"

_log = logging.getLogger("hadir.sync.uplink")


class Uplink:
    """The thread body. One thread calls `run` (or `open`, `turn`..., `close`); any thread may call `wake`."""

    def __init__(
        self,
        settings: config.Config,
        *,
        open_card: Callable[[], sqlite3.Connection],
        signer: Signer,
        acks: Callable[[bytes], Ack],
        condition: Callable[[], Condition],
        releases: ReleaseDoor,
        on_release: Callable[[EncodingSet], None],
        pictures: Path | None = None,
        link: Link | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        """Have an uplink that is not running yet. Raises LinkFailed when the settings' certificates cannot be used."""
        self._office, self._terminal = settings.office.id, settings.terminal.id
        self._settings = settings.uplink
        self._open_card, self._condition = open_card, condition
        self._signer, self._acks, self._pictures = signer, acks, pictures
        self._sets = ReceivedSets(releases, on_release)
        self._monotonic, self._now = monotonic, now
        self._window = Window(
            size=max(1, settings.mqtt.in_flight - _RESERVED),
            resend_after_s=settings.uplink.resend_after_s,
            rng=rng or random.Random(),  # noqa: S311 - spreads load, guards nothing
        )
        self._status = OwnStatus(
            office=self._office,
            terminal=self._terminal,
            device_key=signer.public.hex(),
            every_s=settings.uplink.status_every_s,
            set_word=self._set_word,
            monotonic=monotonic,
            now=now,
        )
        will = self._status.offline()
        self._link = link or Link(
            settings.mqtt,
            client_id=self._terminal,
            will=Will(topic=will.topic, payload=encode(will)),
            max_received_bytes=MAX_SET_BYTES + MAX_MESSAGE_BYTES,
        )
        self._ack_topic = terminal_topic(self._office, self._terminal, "ack")
        self._gallery_topic = gallery_topic(self._office)
        self._status_topic = terminal_topic(self._office, self._terminal, "status")
        self._connection: sqlite3.Connection | None = None
        self._outbox: Outbox | None = None
        self._live_from = Place(0, 0)
        self._connected_at = 0.0
        self._said: str | None = None
        self._word: tuple[tuple[int, str], str] | None = None
        self._forget_due = 0.0

    def wake(self) -> None:
        """Have the uplink look for new punches and changes at once; any thread may call it."""
        self._link.wake()

    def run(self, stop: threading.Event) -> None:
        """Carry punches until `stop` is set, through every failure of card, broker and centre; returns within 2 s."""
        said = ""
        while not stop.is_set():
            try:
                self.open()
                break
            except HadirError as error:
                if str(error) != said:
                    _log.error("the uplink waits for the card: %s", error)
                said = str(error)
                stop.wait(_REST_S)
        try:
            while not stop.is_set():
                try:
                    self.turn(LOOK_EVERY_S)
                except Exception as error:  # noqa: BLE001 - one message must not end the way to the centre
                    self._status.alarm("uplink_failing", f"{type(error).__name__} while carrying messages")
                    stop.wait(_REST_S)
        finally:
            self.close()

    def open(self) -> None:
        """Open the card, remember which encoding set is kept there, and begin connecting. Raises HadirError."""
        connection = self._open_card()
        try:
            self._outbox = Outbox(
                connection, office=self._office, terminal=self._terminal, signer=self._signer, now=self._now
            )
            try:
                self._sets.remember()
            except ReleaseRefused as error:
                self._status.alarm(error.alarm, f"the set on the card: {error}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._link.start()

    def close(self) -> None:
        """Say goodbye if there is somebody to say it to, and close link and card. Needs a second at most."""
        if self._connection is None:
            return
        with suppress(HadirError):
            self._say_goodbye()
        self._link.stop()
        self._connection.close()
        self._connection = self._outbox = None

    def turn(self, longest_s: float) -> None:
        """Wait for something to do, `longest_s` at most, and do it; a failing card becomes an alarm."""
        event = self._link.next(self._patience(longest_s))
        if event is None:
            self._status.look()  # woken: something may have changed
        for left in reversed(range(_EVENTS_A_TURN)):
            if event is None:
                break
            with self._card_alarm():
                self._handle(event)
            event = self._link.next(0) if left else None  # what is taken from the link must be handled
        if self._link.connected:
            with suppress(LinkDown), self._card_alarm():
                self._send_punches()
            with suppress(LinkDown):
                self._status.tell(self._link, self._condition, self._outbox_now())
        with self._card_alarm():
            self._forget()

    def _outbox_now(self) -> Outbox:
        assert self._outbox is not None, "open() first"  # noqa: S101 - a mistake of the caller, not of the input
        return self._outbox

    @contextmanager
    def _card_alarm(self) -> Iterator[None]:
        try:
            yield
        except OutboxFailed as error:
            self._status.alarm("card_failing", str(error))

    def _patience(self, longest_s: float) -> float:
        """Return how long to wait: until a row or the status is due, `longest_s` at most."""
        if not self._link.connected:
            return longest_s
        dues = [self._window.next_due(), self._status.next_due()]
        now = self._monotonic()
        return min([longest_s, *(max(0.0, due - now) for due in dues if due is not None)])

    def _handle(self, event: Event) -> None:
        match event:
            case Connected():
                _log.info("connected to the broker")
                self._said = None
                self._connected_at = self._monotonic()
                self._window.size = max(1, self._link.in_flight - _RESERVED)
                if not event.session_present:
                    self._window.forgotten(self._connected_at)
                self._status.begin_again()
                with suppress(LinkDown):
                    self._link.subscribe(self._ack_topic, self._gallery_topic, self._status_topic)
                self._live_from = self._outbox_now().last_place()
            case Disconnected():
                if event.reason != self._said:
                    _log.warning("no way to the centre, punches wait on the card: %s", event.reason)
                self._said = event.reason
                if event.taken_over:
                    self._status.alarm(_CLONED, event.reason)
            case Sent():
                self._take_answer(event)
            case Received(topic=self._ack_topic):
                self._take_ack(event.payload)
            case Received(topic=self._gallery_topic):
                self._take_release(event.payload)
            case Received(topic=self._status_topic):
                if self._status.is_anothers(event.payload):
                    self._link.contested()
                    self._status.alarm(_CLONED, "another machine speaks under this terminal's name; revoke one of them")
            case Received():
                _log.warning("a message on a topic nobody asked for was passed over")
            case _:
                assert_never(event)

    def _take_answer(self, answer: Sent) -> None:
        was_punch = self._window.answered(answer.mid)
        self._status.answered(answer.mid)
        if not answer.ok:
            self._status.alarm(
                "broker_refuses", f"the broker refused a message ({answer.reason}); see its access rules"
            )
        elif was_punch:
            self._status.end_alarms("broker_refuses")

    def _take_ack(self, payload: bytes) -> None:
        outbox, now = self._outbox_now(), self._monotonic()
        if not payload:
            return  # what lay there was cleared
        try:
            ack = self._acks(payload)
            marked = outbox.acknowledge(ack)
        except CollectorKeyMissing as error:
            self._status.alarm("collector_key_unavailable", str(error))
            return
        except EpochUnknown:
            # For an earlier card of this kiosk: it marks nothing, but says that the collector is there.
            self._window.acknowledged(0, 0, (), now)
            return
        except (MessageRefused, AckRefused) as error:
            self._status.alarm("ack_refused", str(error))
            return
        self._status.end_alarms("collector_key_unavailable")
        if marked.forked:
            self._status.alarm(
                "card_forked", "the centre has other punches under this card's numbers; a new epoch was begun"
            )
        self._window.gone([Place(marked.number, seq) for seq in marked.refused])
        self._window.acknowledged(marked.number, marked.upto, marked.extra, now)
        if marked.reopened:
            _log.warning("the centre has lost %d punches it had; they are sent again", marked.reopened)
        if marked.changed:
            _log.debug("the centre has %d more punches, up to %d", marked.changed, marked.upto)

    def _take_release(self, blob: bytes) -> None:
        try:
            content = self._sets.take(blob)
        except ReleaseRefused as error:
            self._status.alarm(error.alarm, str(error))
            return
        if content is not None:
            self._status.end_alarms("release_")
            self._status.hurry()
            _log.info("encoding set %d with %d people is in use", content.version, len(content.people))

    def _set_word(self, outbox: Outbox) -> str | None:
        """Return our signed word of the set in use, made when it was put to use. Raises OutboxFailed."""
        used = self._sets.in_use
        if used is None:
            return None
        if self._word is None or self._word[0] != used:
            word = SetWord(
                office=self._office,
                terminal=self._terminal,
                version=used[0],
                sha256=used[1],
                epoch=outbox.epoch,
                seq=outbox.last_seq(),
                at=self._now(),
            )
            self._word = used, chain.seal(encode(word), self._signer.sign).decode()
        return self._word[1]

    def _send_punches(self) -> None:
        outbox, now = self._outbox_now(), self._monotonic()
        for places in self._window.due(now):
            rows = outbox.payloads(places)
            self._window.gone(set(places) - {row.place for row in rows})
            whole = self._enclosing(rows)
            fits = sum(len(row.payload) + 1 for row in whole) <= MAX_MESSAGE_BYTES
            self._publish(whole if fits else rows, now)
        self._send_some(self._live_places(outbox), now, live=True)
        self._send_some(self._waiting_places(outbox), now, live=False)
        silent = self._window.unanswered_since()
        if silent is not None and now - max(silent, self._connected_at) > 2 * self._settings.resend_after_s:
            self._link.reconnect("the broker stopped answering")

    def _live_places(self, outbox: Outbox) -> list[Place]:
        under_way = self._window.places()
        wanted = self._window.room(live=True) * _ROWS_A_PARCEL
        found = outbox.places(after=self._live_from, limit=wanted + len(under_way)) if wanted else []
        return [place for place in found if place not in under_way][:wanted]

    def _waiting_places(self, outbox: Outbox) -> list[Place]:
        under_way = self._window.places()
        wanted = self._window.room(live=False) * _ROWS_A_PARCEL
        found = outbox.places(limit=wanted + len(under_way)) if wanted else []
        return [place for place in found if place <= self._live_from and place not in under_way][:wanted]

    def _send_some(self, places: list[Place], now: float, *, live: bool) -> None:
        parcel: list[PendingEvent] = []
        for row in self._enclosing(self._outbox_now().payloads(places)):
            held = sum(len(other.payload) + 1 for other in parcel)
            if parcel and (len(parcel) == _ROWS_A_PARCEL or held + len(row.payload) > _PARCEL_BYTES):
                if not self._window.room(live=live):
                    return
                self._publish(parcel, now)
                parcel = []
            parcel.append(row)
        if parcel and self._window.room(live=live):
            self._publish(parcel, now)

    def _enclosing(self, rows: list[PendingEvent]) -> list[PendingEvent]:
        """Return the rows, each with the sealed picture it names: with one, a row fills a message alone."""
        if (folder := self._pictures) is None:
            return rows
        return [PendingEvent(place=row.place, payload=with_picture(row.payload, folder)) for row in rows]

    def _publish(self, rows: list[PendingEvent], now: float) -> None:
        if not rows:
            return
        topic = terminal_topic(self._office, self._terminal, "event")
        mid = self._link.publish(topic, chain.pack(row.payload for row in rows))
        self._window.sent([row.place for row in rows], mid, now)

    def _forget(self) -> None:
        now = self._monotonic()
        if now >= self._forget_due:
            self._forget_due = now + _FORGET_EVERY_S
            self._outbox_now().forget_acknowledged(self._now() - timedelta(days=self._settings.keep_acknowledged_days))

    def _say_goodbye(self) -> None:
        """Have the status say offline, as the last will would have."""
        if not self._link.connected:
            return
        goodbye = self._status.offline()
        mid = self._link.publish(goodbye.topic, encode(goodbye), retain=True)
        deadline = time.monotonic() + _GOODBYE_S
        while (left := deadline - time.monotonic()) > 0:
            event = self._link.next(left)
            if isinstance(event, Disconnected) or (isinstance(event, Sent) and event.mid == mid):
                return
