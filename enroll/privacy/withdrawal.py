"""Somebody's face is withdrawn: deleted at the centre, gone from the sets, and every kiosk asked to say so, signed.

The person goes on with their PIN, or leaves altogether. What is noted at the centre is not taken on trust: a set counts
as one without the face only once it was opened and looked at, and a kiosk as done only by a word signed with its own
key (sync/register/set_words.py).
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import config
from enroll import kept
from enroll.release.publish import PublishReport, newest_set, publish
from enroll.release.readers import NoReaders
from errors import HadirError
from sync.keys import PRIVATE_NAME, PrivateKey, load_private
from sync.register import Register, enrolment, people, sets, withdrawals
from sync.register.devices import KeyState, device_list
from sync.register.people import Employee
from sync.register.people_schema import PersonRefused, checked_number
from sync.register.set_words import HeardWord, words_of
from sync.register.statuses import all_statuses
from sync.register.withdrawals import SetWithout, Withdrawal
from terminal.faces import Identity

_POLL_S = 0.2

_log = logging.getLogger("hadir.enroll.withdrawal")


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskWord:
    """An approved kiosk of an office whose set held the face. `word` says that it uses a set without, None until it
    does; `last_heard` is when it last spoke at all."""

    office: str
    terminal: str
    word: HeardWord | None
    last_heard: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a withdrawal is. `employee` is what is left of the person in the register."""

    employee: Employee
    withdrawal: Withdrawal
    kiosks: tuple[KioskWord, ...]

    @property
    def unpublished(self) -> tuple[str, ...]:
        """The offices whose newest set has the face, or cannot be opened to see that it has not."""
        return tuple(each.office for each in self.withdrawal.sets if each.version is None)

    @property
    def outstanding(self) -> tuple[KioskWord, ...]:
        return tuple(kiosk for kiosk in self.kiosks if kiosk.word is None)

    @property
    def complete(self) -> bool:
        """Whether no template is at the centre, none in a newest set, and every kiosk has said so."""
        return not (self.employee.templates or self.unpublished or self.outstanding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A withdrawal as it is now; `published` are the sets made for it, `problems` why an office has none."""

    progress: Progress
    published: tuple[PublishReport, ...]
    problems: tuple[str, ...]


def withdraw(
    settings: config.Config,
    number: str,
    *,
    leaves: bool = False,
    publish_sets: bool = True,
    wait_s: float = 0.0,
    engine: Identity | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Done:
    """Have no face of the person at the centre, nor in the sets of any office, and return how far the kiosks are.

    With `leaves` their PIN goes too, and they are nobody's employee any more; else they go on with it. `wait_s` is how
    long the kiosks' words are awaited. Kept pictures of them are deleted, too. What was broken off goes on when it is
    called again. Raises PersonRefused, RegisterError, KeyRefused, TemplateKeysFailed.
    """
    number = checked_number(number)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        key = load_private(settings.centre.keys / PRIVATE_NAME)
        # A set that cannot be opened may have the face as well.
        holding = [office for office in _released(register) if _holds(register, office, key, number) is not False]
        left = _forgotten(register, number, leaves=leaves, goes_on=bool(holding))
        noted = withdrawals.withdrawals_of(register, number)
        if not noted:
            raise PersonRefused(f"employee {number} was withdrawn before withdrawals were noted; publish {left.office}")
        withdrawals.note_offices(register, noted[0].id, holding)
    _log.info("employee %s was withdrawn from %d offices' sets", number, len(holding))
    published: list[PublishReport] = []
    problems: list[str] = []
    try:
        kept.delete(settings, number)
    except HadirError as error:
        problems.append(str(error))
    if publish_sets:
        for office in progress_of(settings, number).unpublished:
            try:
                published.append(_published(settings, office, engine))
            except HadirError as error:
                problems.append(f"{office} has no new set: {error}")
    deadline = monotonic() + wait_s
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        progress = _progress(register, settings, number)
        while not progress.complete and not progress.unpublished and monotonic() < deadline:
            time.sleep(_POLL_S)  # another process takes the kiosks' words, and nobody can announce them here
            progress = _progress(register, settings, number)
    return Done(progress=progress, published=tuple(published), problems=tuple(problems))


def _published(settings: config.Config, office: str, engine: Identity | None) -> PublishReport:
    """Have the office's new set published, also one for nobody: the one with the face must not stay its newest."""
    try:
        return publish(settings, office, force=_is_empty(settings, office), engine=engine)
    except NoReaders:
        return publish(settings, office, force=True, engine=engine)


def _forgotten(register: Register, number: str, *, leaves: bool, goes_on: bool) -> Employee:
    """Have the face (more, with `leaves`) gone from the register; it may be already where a withdrawal `goes_on`."""
    if leaves:
        return enrolment.withdraw(register, number, at=datetime.now(UTC))
    try:
        return enrolment.withdraw_face(register, number, at=datetime.now(UTC))
    except PersonRefused:
        employee = people.find_employee(register, number)
        if employee is None or employee.templates or not goes_on or not withdrawals.withdrawals_of(register, number):
            raise
        return employee


def progress_of(settings: config.Config, number: str) -> Progress:
    """Return how far the person's newest withdrawal is. Raises PersonRefused where there was none, RegisterError."""
    number = checked_number(number)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return _progress(register, settings, number)


def _progress(register: Register, settings: config.Config, number: str) -> Progress:
    employee = people.find_employee(register, number)
    noted = withdrawals.withdrawals_of(register, number)
    if employee is None or not noted:
        raise PersonRefused(f"nothing was withdrawn of an employee {number}")
    if any(each.version is None for each in noted[0].sets):
        _look_at_sets(register, noted[0], load_private(settings.centre.keys / PRIVATE_NAME))
        noted = withdrawals.withdrawals_of(register, number)
    return Progress(employee=employee, withdrawal=noted[0], kiosks=tuple(_kiosks(register, noted[0].sets)))


def _look_at_sets(register: Register, withdrawal: Withdrawal, key: PrivateKey) -> None:
    """Have it noted of which offices the newest set was opened and is without the face."""
    for each in withdrawal.sets:
        if each.version is not None:
            continue
        newest = next(iter(sets.list_releases(register, each.office)), None)
        if newest is None or newest.created_at < withdrawal.at:
            continue
        if _holds(register, each.office, key, withdrawal.employee) is False:
            withdrawals.note_set(
                register,
                withdrawal.id,
                each.office,
                version=newest.version,
                sha256=newest.sha256,
                released_at=newest.created_at,
            )


def _holds(register: Register, office: str, key: PrivateKey, number: str) -> bool | None:
    """Return whether a face of the person is in the office's newest set, None where it cannot be opened."""
    content = newest_set(register, office, key)
    if content is None:
        return None
    return any(person.employee == number and person.templates for person in content.people)


def _kiosks(register: Register, without: Sequence[SetWithout]) -> list[KioskWord]:
    heard = {(state.office, state.terminal): state.heard_at for state in all_statuses(register)}
    approved = sorted({(key.office, key.terminal) for key in device_list(register) if key.state is KeyState.APPROVED})
    found = []
    for each in without:
        said: dict[str, HeardWord] = {}
        for word in words_of(register, each.office):
            if each.version is not None and word.word.version >= each.version:
                said.setdefault(word.word.terminal, word)
        found += [
            KioskWord(
                office=office, terminal=terminal, word=said.get(terminal), last_heard=heard.get((office, terminal))
            )
            for office, terminal in approved
            if office == each.office
        ]
    return found


def _released(register: Register) -> list[str]:
    return sorted(sets.current_digests(register))


def _is_empty(settings: config.Config, office: str) -> bool:
    """Return whether nobody is left at the office whom a set could name: then its kiosks are to be emptied."""
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return not any(
            person.withdrawn_at is None and (person.templates or person.has_pin)
            for person in people.list_people(register, office)
        )
