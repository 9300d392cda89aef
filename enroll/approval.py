"""Approving what was enrolled on kiosks: the box opened, the face compared with everybody's, and all of it or nothing.

    ./hadir enroll pending | approve | refuse

Whatever is decided, the next set of the office tells its kiosks, which then keep nothing of their own beside it.
"""

import getpass
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

import config
from enroll.faces import KnownFaces
from errors import HadirError
from sync import keys, sealing
from sync.enrolment_box import unboxed
from sync.messages import PadVerdict, SealedEnrolment
from sync.register import Register, approvals, enrolments, people
from sync.register.approvals import KIOSK, Brought
from sync.register.enrolment import TemplatesChanged
from sync.register.enrolments import KioskEnrolment, State
from sync.register.people import Template
from sync.register.people_schema import PersonRefused, cleaned_look
from sync.releases import NORM_TOLERANCE
from terminal.calibration import calibrated
from terminal.faces import Identity, identity_of

AT_ONCE = "at once"
"""Who decided, where the settings have it that enrolments of kiosks need nobody's look."""
_TRIES = 5

_log = logging.getLogger("hadir.enroll.approval")


class _Useless(HadirError):
    """What is in the box can be nobody's enrolment; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of an enrolment. `left` says why it still waits; `warnings` are for the administrator."""

    enrolment: KioskEnrolment
    left: str = ""
    warnings: tuple[str, ...] = ()


def pending(settings: config.Config, office: str | None = None) -> list[KioskEnrolment]:
    """Return what kiosks (of `office`) enrolled and waits for a decision, the earliest first. Raises RegisterError."""
    with _opened(settings) as register:
        return enrolments.list_enrolments(register, office=office, state=State.PENDING)


def approve(settings: config.Config, id_: str, *, by: str | None = None, engine: Identity | None = None) -> Decided:
    """Have the enrolment approved, or refused where it may not be, and return what became of it.

    `by` is who decided, by default who runs this. Raises EnrolmentUnknown, KeyRefused without the centre's `enrolment`
    key, NotCalibrated, ModelUnavailable, RegisterError.
    """
    with _opened(settings) as register:
        with register.read() as connection:
            which = enrolments.enrolment_in(connection, id_)
        return _Approver(settings, register, engine).approve(which, by=by or getpass.getuser())


def approve_all(
    settings: config.Config, *, office: str | None = None, by: str | None = None, engine: Identity | None = None
) -> list[Decided]:
    """Have every enrolment that waits (of `office`) approved or refused, the earliest first, as `approve` does."""
    with _opened(settings) as register:
        return approve_waiting(settings, register, office=office, by=by or getpass.getuser(), engine=engine)


def approve_waiting(
    settings: config.Config, register: Register, *, office: str | None, by: str, engine: Identity | None = None
) -> list[Decided]:
    """Do what `approve_all` does in an open register.

    `by` AT_ONCE leaves waiting what an administrator of the office, as they are now, has not made, and faces of which
    the kiosk could not tell whether their person was there.
    """
    waiting = enrolments.list_enrolments(register, office=office, state=State.PENDING)
    if not waiting:
        return []
    approver = _Approver(settings, register, engine)
    return [approver.approve(each, by=by) for each in waiting]


def refuse(settings: config.Config, id_: str, *, why: str, by: str | None = None) -> KioskEnrolment:
    """Have the enrolment refused, unless it was decided about before, and return it. Raises RegisterError."""
    with _opened(settings) as register:
        return approvals.decide(register, id_, at=datetime.now(UTC), by=by or getpass.getuser(), brought=None, why=why)


@contextmanager
def _opened(settings: config.Config) -> Iterator[Register]:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        yield register


class _Approver:
    """One sitting of whoever approves."""

    def __init__(self, settings: config.Config, register: Register, engine: Identity | None) -> None:
        self._register = register
        self._engine = engine or identity_of(settings.engine)
        self._settings = calibrated(settings, self._engine.engine_id)
        self._faces = KnownFaces(register, lambda: self._engine)
        self._key_file = settings.centre.keys / f"{keys.ENROLMENT}.key"
        self._key: bytes | None = None

    def approve(self, which: KioskEnrolment, *, by: str) -> Decided:
        for _ in range(_TRIES):
            try:
                done = self._approve(which, by=by)
            except TemplatesChanged:
                self._faces.forget()
                continue
            if not done.left:
                _log.info(
                    "enrolment %s of employee %s %s by %s%s",
                    which.id, which.employee, done.enrolment.state, by,
                    f": {done.enrolment.why}" if done.enrolment.why else "",
                )  # fmt: skip
            return done
        return Decided(enrolment=which, left="others enrol faces all the time; try again")

    def _approve(self, which: KioskEnrolment, *, by: str) -> Decided:
        if which.state is not State.PENDING or which.sealed is None:
            return Decided(enrolment=which)
        if which.basis != "no_face" and which.engine_id != self._engine.engine_id:
            return Decided(
                enrolment=which,
                left=f"made with engine {which.engine_id}, and {self._engine.engine_id} is configured here",
            )
        if by == AT_ONCE and not self._administers(which):
            return Decided(enrolment=which, left=f"{which.administrator} is no administrator of {which.office}")
        if by == AT_ONCE and which.pad is PadVerdict.UNDECIDED:
            return Decided(enrolment=which, left="its kiosk could not tell whether the person was there; look first")
        self._key = self._key or keys.load_opening(self._key_file)
        warnings: tuple[str, ...] = ()
        brought: Brought | None = None
        why = ""
        try:
            content = unboxed(which.sealed, self._key)
            brought = self._checked(which, content)
            why, warnings = self._compared(which, brought)
        except sealing.NotOpened as closed:  # perhaps the key is the wrong one, and nothing is lost by waiting
            return Decided(enrolment=which, left=f"its box cannot be opened with {self._key_file.name}: {closed}")
        except (_Useless, PersonRefused) as useless:
            why, brought = str(useless), None
        newest = self._faces.newest if brought is not None and brought.templates else None
        now = approvals.decide(
            self._register,
            which.id,
            at=datetime.now(UTC),
            by=by,
            brought=None if why else brought,
            newest_compared=newest,
            why=why,
        )
        if now.state is State.APPROVED and brought is not None:
            self._note(which, brought)
        return Decided(enrolment=now, warnings=warnings)

    def _note(self, which: KioskEnrolment, brought: Brought) -> None:
        """The next face is compared with these as well."""
        person = people.find_employee(self._register, which.employee)
        for template in brought.templates:
            self._faces.put(which.employee, which.office, template, person.newest_template if person else None)

    def _administers(self, which: KioskEnrolment) -> bool:
        person = people.find_employee(self._register, which.administrator)
        return person is not None and person.administrator and person.office == which.office

    def _checked(self, which: KioskEnrolment, content: SealedEnrolment) -> Brought:
        """Return what is in the box. Raises _Useless, PersonRefused for a look that is none."""
        face = which.basis != "no_face"
        if face is not bool(content.templates) or not (face or content.pin_hash):
            raise _Useless("its box has not what its basis asks for")
        if content.pin_hash is not None and not content.pin_hash.startswith("$argon2id$"):
            raise _Useless("its PIN is not a hash that a kiosk makes")
        looks = [cleaned_look(each.look) for each in content.templates]
        if len(set(looks)) != len(looks):
            raise _Useless("it has two templates of one look")
        for each in content.templates:
            if len(each.vector) != 4 * self._engine.dimension:
                raise _Useless(f"a template has {len(each.vector)} bytes, not {4 * self._engine.dimension}")
            # A comparison with NaN is false.
            if not abs(float(np.linalg.norm(np.frombuffer(each.vector, "<f4"))) - 1) <= NORM_TOLERANCE:
                raise _Useless("a template is not of unit norm, or not finite")
        return Brought(
            templates=[
                Template(
                    engine_id=which.engine_id,
                    vector=each.vector,
                    samples=each.samples,
                    source=KIOSK,
                    look=look,
                    made_at=which.made_at,
                )
                for each, look in zip(content.templates, looks, strict=True)
            ],
            pin_hash=content.pin_hash,
            photo=content.photo,
        )

    def _compared(self, which: KioskEnrolment, brought: Brought) -> tuple[str, tuple[str, ...]]:
        """Return why the face cannot be that person's, or "", and what the administrator should know."""
        warnings: list[str] = []
        for template in brought.templates:
            why, more = self._faces.compare(
                np.frombuffer(template.vector, "<f4").astype(np.float32),
                number=which.employee,
                source=KIOSK,
                look=template.look,
                office=which.office,
                settings=self._settings,
            )
            if why is not None:
                return why, ()
            warnings += more
        return "", tuple(warnings)
