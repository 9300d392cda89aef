"""Where the gallery in use lies: the set, and beside it the enrolments made here that nobody has decided about yet."""

import logging
import threading
from collections.abc import Mapping

from errors import HadirError
from sync.received_sets import ReleaseDoor
from sync.releases import EncodingSet, Person, ReleaseRefused
from terminal.gallery import Gallery
from terminal.provisional import NewEnrolment, beside, in_use
from terminal.provisional_card import ProvisionalCard

_log = logging.getLogger("hadir.terminal.shelf")


class Shelf:
    """One reference, swapped whole from any thread: whoever reads it has a gallery of one moment."""

    def __init__(self, gallery: Gallery, card: ProvisionalCard | None = None) -> None:
        """`gallery` is in use; with `card`, what was enrolled here before comes to each set that is put."""
        self._set, self._gallery, self._card = gallery, gallery, card
        self._turn = threading.Lock()
        self._decided: frozenset[str] = frozenset()
        self._waiting: tuple[NewEnrolment, ...] = ()
        try:
            self._waiting = card.waiting() if card is not None else ()
        except HadirError as error:
            _log.error("what was enrolled here is not used until the set has it: %s", error)

    def gallery(self) -> Gallery:
        return self._gallery

    def people(self) -> tuple[int, Mapping[str, Person]]:
        """Return version and people of one and the same set."""
        gallery = self._gallery
        return gallery.version, gallery.people

    def take_kept(self, door: ReleaseDoor) -> None:
        """The set kept on the card is in use, unless there is none, or none that is sound, or this one is as new."""
        try:
            blob = door.kept()
            content = door.check(blob, -1) if blob is not None else None
            if content is not None and content.version > self._set.version:
                self.put(content)
        except ReleaseRefused as error:
            _log.error("alarm %s: the set on the card is not used: %s", error.alarm, error)
        except HadirError as error:
            _log.error("the set on the card is not used: %s", error)

    def put(self, content: EncodingSet) -> None:
        """The set is in use, and of what was enrolled here, the part that the centre has not decided about.

        The rest is gone from the card; where that fails it goes with the next set, or the next start with this one.
        Raises ReleaseRefused, and the set before stays.
        """
        with self._turn:
            taken = Gallery.from_set(content)
            self._set, self._decided = taken, frozenset(content.decided)
            over = tuple(each.id for each in self._waiting if each.id in self._decided)
            self._waiting = tuple(each for each in self._waiting if each.id not in self._decided)
            self._lay_out()
        _log.info("gallery version=%d people=%d", content.version, len(content.people))
        if over and self._card is not None:
            _log.info("the centre has decided about %d enrolments made here", len(over))
            try:
                self._card.forget(over)
            except HadirError as error:
                _log.error("%s", error)

    def enrolled(self, new: NewEnrolment) -> None:
        """What was enrolled here a moment ago is in use, beside the set."""
        with self._turn:
            self._waiting = (*self._waiting, new)
            self._lay_out()

    def _lay_out(self) -> None:
        """Have the gallery that the set and what waits make, with the lock held; what cannot be compared is left."""
        taken = gallery = self._set
        more = [
            beside(taken.people[each.employee], each, engine_id=taken.engine_id)
            for each in in_use(taken.people, self._waiting, decided=self._decided, at=taken.created_at)
        ]
        try:
            gallery = taken.having(more)
        except ReleaseRefused:
            for each in more:  # one after the other: nobody else is unknown for that
                try:
                    gallery = gallery.having([each])
                except ReleaseRefused as error:
                    _log.error("what was enrolled here of employee %s is not used: %s", each.employee, error)
        self._gallery = gallery
