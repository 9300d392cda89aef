"""What the kiosk keeps of attacks and near misses: a note in its chain, and for a while a sealed picture beside it.

The note names the picture; both go to the centre together (sync/enclosing.py). Belongs to the clerk's thread.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import config
from sync.messages import AttackNote, ClockQuality, PadVerdict
from sync.outbox import Attacked, Outbox
from sync.releases import Person
from terminal import evidence
from terminal.clock import Reading, boot_id
from terminal.evidence import Drawer, Glimpse
from terminal.storage import EVIDENCE
from terminal.visit.signals import NoteAttack

FOLDER = f"{EVIDENCE}/attacks"
RECALLED_S = 3600.0
"""How far back a kiosk that starts looks for attacks: six times as far as they count together."""

_log = logging.getLogger("hadir.terminal.attacks")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAttack:
    """Keep what was `noted`, as `id`. `seen` is what the camera showed; `ref` says what there is of a picture, once
    that was tried."""

    id: str
    noted: NoteAttack
    seen: Glimpse | None = field(default=None, repr=False)
    ref: str | None = None


def ago_s(notes: Sequence[AttackNote], now: Reading, boot: str) -> tuple[float, ...]:
    """Return how many seconds before `now`, in the boot called `boot`, the attacks among `notes` were, those of
    RECALLED_S alone. *Pure.*

    Of this boot by the clock that never jumps. Of an earlier one by the wall clock: one that has gone back since makes
    them just now, so that pulling the plug ends no delay sooner; one that is quite another tells nothing.
    """
    found = []
    for note in notes:
        if note.verdict is not PadVerdict.ATTACK:
            continue
        if note.boot_id == boot:
            passed_s = (now.boottime_ns - note.boottime_ns) / 1e9
        else:
            passed_s = (now.at - note.recorded_at) / timedelta(seconds=1)
        if -RECALLED_S < passed_s < RECALLED_S:
            found.append(max(0.0, passed_s))
    return tuple(found)


class Attacks:
    """The notes and pictures of one kiosk."""

    def __init__(
        self,
        settings: config.Config,
        *,
        people: Callable[[], tuple[int, Mapping[str, Person]]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`people` are those of the newest set, by their numbers; `now` is the time in seconds, as of files."""
        self._most = settings.liveness.pictures_most
        self._days = timedelta(days=settings.liveness.picture_days)
        self._drawer = Drawer(settings, rules=settings.liveness, folder=FOLDER, now=now)
        self._people = people
        self._shown: set[str] = set()

    def remember(self, outbox: Outbox, now: Reading) -> tuple[float, ...]:
        """Return how many seconds ago the last attacks were, by the card. Raises OutboxFailed."""
        notes = outbox.attacks_since(now.at - max(self._days, timedelta(seconds=RECALLED_S)))
        self._shown = {note.evidence_ref or "" for note in notes if note.verdict is PadVerdict.ATTACK}
        return ago_s(notes, now, boot_id())

    def picture(self, asked: KeepAttack) -> str:
        """Return the reference of the picture that is kept, or the reason why none is; one too many is gone."""
        if not self._most:
            return evidence.POLICY
        employee = asked.noted.employee
        ref = self._drawer.keep(asked.seen, self._people()[1].get(employee) if employee is not None else None)
        if asked.noted.verdict is PadVerdict.ATTACK:
            self._shown.add(ref)
        self._drawer.crowd_out(self._most, last=self._shown.__contains__)
        return ref

    def keep(self, outbox: Outbox, asked: KeepAttack, *, clock: ClockQuality, now: Reading) -> AttackNote:
        """Return the link of the chain that it became, committed to the card. Raises OutboxFailed."""
        noted = asked.noted
        said = Attacked(
            id=asked.id,
            employee=noted.employee,
            verdict=noted.verdict,
            cues=noted.cues,
            evidence_ref=asked.ref or evidence.FAILED,
            held=noted.held,
            made_at=noted.at,
        )
        return outbox.note_attack(said, clock=clock, boot_id=boot_id(), boottime_ns=now.boottime_ns, recorded_at=now.at)

    def tidy(self) -> None:
        """Pictures that are too old are gone; once an hour."""
        self._drawer.tidy()
