"""What happens in the demo, told line by line: from the register, and from the kiosk's log."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import config
from demo import stage
from sync.messages import Direction, PadVerdict
from sync.register import Register, RegisterUnavailable
from sync.register.attacks import Attack, list_attacks
from sync.register.events import RegisteredEvent, events_since, last_id
from sync.register.people import list_people

_BEGAN = re.compile(r"clip begins taken_at=(\S+)")
_SEEN = re.compile(r"hadir\.terminal\.app ready after ")
_UNKNOWN = re.compile(r"visit not recognised")
_SET = re.compile(r"hadir\.terminal\.app gallery version=(\d+) people=(\d+)")
_TROUBLE = re.compile(r" (?:WARNING|ERROR) hadir\.terminal\.(?:vision|display) (.+)")
_RECORDED = re.compile(r"visit recorded .* seq=(\d+)")
_NOTED = re.compile(r"attack noted seq=\d+")


def say(words: str) -> None:
    """Print a line at once, also into a pipe."""
    print(words, flush=True)


class Report:
    """Follows one run. `events` are its punches in the register, `attacks` what was refused, `rounds` the beginnings of
    the clip, `ready_at` when the kiosk said it was ready."""

    def __init__(self, settings: config.Config, *, kiosk_log: Path) -> None:
        """Punches of before now are not this run's. Raises RegisterError."""
        self._settings = settings
        self._zone = settings.office.zone
        self._log_path = kiosk_log
        self._log_read = 0
        self._rest = ""
        self._names: dict[str, str] = {}
        self._troubles: set[str] = set()
        self._register = Register.open(settings.centre.register)
        self._last_id = last_id(self._register)
        self._last_seq: int | None = None
        self._noted = 0
        self.started_at = datetime.now(UTC)
        self.events: list[RegisteredEvent] = []
        self.attacks: dict[str, Attack] = {}
        self.rounds: list[datetime] = []
        self.ready_at: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._register.close()

    @property
    def first_frame_at(self) -> datetime | None:
        """When the kiosk saw its first frame; for a live camera when it was ready."""
        return self.rounds[0] if self.rounds else self.ready_at

    @property
    def delivered(self) -> bool:
        """Whether the register has the last punch that the kiosk's log speaks of, and every attack."""
        punched = self._last_seq is None or any(event.seq >= self._last_seq for event in self.events)
        return punched and len(self.attacks) >= self._noted

    def look(self) -> None:
        """Tell what is new since the last look; a register that cannot be read now is read the next time."""
        self._read_log()
        try:
            new = events_since(self._register, self._last_id)
            refused = list_attacks(self._register, self.started_at, terminal=self._settings.terminal.id)
        except RegisterUnavailable:
            return
        for event in new:
            self._last_id = event.id
            if event.terminal == self._settings.terminal.id and event.occurred_at >= self.started_at:
                self.events.append(event)
                self._tell(event)
        for attack in refused:
            if attack.id not in self.attacks:
                self.attacks[attack.id] = attack
                self._tell_of_attack(attack)

    def released_people(self) -> Mapping[str, str]:
        """Return number to name of everybody in the office's newest release."""
        released = stage.released_people(self._settings, self._register)
        return {} if released is None else {person.employee: person.name for person in released.people}

    def _name_of(self, employee: str) -> str:
        if employee not in self._names:
            self._names = {person.number: person.name for person in list_people(self._register)}
        return self._names.get(employee, "(no name)")

    def _tell_of_attack(self, attack: Attack) -> None:
        whose = (
            "nobody's" if attack.employee is None else f"that of {self._name_of(attack.employee)} ({attack.employee})"
        )
        what = "no person" if attack.verdict is PadVerdict.ATTACK else "did not do what was asked"
        told = f" ({', '.join(attack.cues)})" if attack.cues else ""
        sent_s = (attack.received_at - attack.at).total_seconds()
        shown = "with its picture" if attack.has_picture else "without a picture"
        say(
            f"{self._clock(attack.at)}  refused, {what}{told}: the face was {whose}; "
            f"on the review desk in {sent_s:.2f} s, {shown}"
        )

    def _tell(self, event: RegisteredEvent) -> None:
        name = self._name_of(event.employee)
        seen_s = (event.occurred_at - event.first_seen_at).total_seconds()
        sent_s = (event.received_at - event.occurred_at).total_seconds()
        direction = "in" if event.direction is Direction.IN else "out"
        again = ", again" if event.repeat_of is not None else ""
        say(
            f"{self._clock(event.occurred_at)}  {name} ({event.employee}), {event.method.value}, {direction}{again}: "
            f"{seen_s:.2f} s after first seen, at the centre in {sent_s:.2f} s"
        )

    def _read_log(self) -> None:
        try:
            with self._log_path.open("rb") as file:
                file.seek(self._log_read)
                data = file.read()
        except OSError:
            return
        self._log_read += len(data)
        lines = (self._rest + data.decode("utf-8", errors="replace")).split("\n")
        self._rest = lines.pop()
        for line in lines:
            self._take(line)

    def _take(self, line: str) -> None:
        if found := _BEGAN.search(line):
            self.rounds.append(datetime.fromisoformat(found.group(1)))
        elif found := _RECORDED.search(line):
            self._last_seq = int(found.group(1))
        elif _NOTED.search(line):
            self._noted += 1
        elif found := _SET.search(line):
            say(f"The kiosk knows {found.group(2)} people now (set {found.group(1)}).")
        elif _UNKNOWN.search(line):
            say(f"{self._clock(datetime.now(UTC))}  not recognised: nobody who is enrolled")
        elif (found := _TROUBLE.search(line)) and found.group(1) not in self._troubles:
            self._troubles.add(found.group(1))  # a camera that is away is tried, and told, again and again
            say(f"The kiosk says: {found.group(1)}.")
        elif _SEEN.search(line):
            self.ready_at = self.ready_at or datetime.now(UTC)

    def _clock(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%H:%M:%S}"
