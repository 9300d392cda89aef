"""The enrolment desk: people come into the register, get a PIN and are listed."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import config
from enroll import kept
from enroll.basis import basis_for
from enroll.capture import Progress, capture_samples
from enroll.faces import KnownFaces
from enroll.samples import PhotoReport, Study, fingerprint, study_photos, study_vectors
from sync import peppers
from sync.register import Register, consents, enrolment, people
from sync.register.consents import Basis, Consent
from sync.register.enrolment import TemplatesChanged
from sync.register.people import Employee, Template
from sync.register.people_schema import PersonRefused, checked_number, cleaned_look, cleaned_name
from terminal.calibration import calibrated
from terminal.camera import Camera
from terminal.faces import Engine, identity_of, open_engine
from terminal.pin import PinRefused, acceptable, hash_pin

PHOTOS = "photos"
CAMERA = "camera"
FEW = "are better"
"""How it ends what is said of somebody with few pictures."""

_TRIES = 5

_log = logging.getLogger("hadir.enroll.desk")


class Done(StrEnum):
    """What became of a person."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReport:
    """What became of one person and each of their pictures. `where` is the folder or row they came from, or empty.

    `why` is set for REFUSED only. `samples` counts the pictures in the template made now.
    """

    number: str
    name: str
    done: Done
    samples: int = 0
    photos: tuple[PhotoReport, ...] = ()
    warnings: tuple[str, ...] = ()
    why: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A person to enrol. `name` None keeps the one in the register; `made_from` is `samples.fingerprint`'s; `look` is
    what they wear in the pictures, as `people_schema.cleaned_look` has it. `basis` is on what their face is kept, by
    the text of `text_version` (today's) at `desk` (this one); `given_at` is set where it was given at a moment of its
    own, as on a kiosk. A face without any is refused unless the register has one (enroll/basis.py). `looks` are further
    looks with what their pictures gave; `photo` says whether kiosks may keep pictures of them, if it is to be said."""

    number: str
    name: str | None
    office: str
    study: Study | None = None
    source: str = PHOTOS
    look: str = ""
    made_from: str | None = None
    pin: str | None = None
    again: bool = False
    move: bool = False
    basis: Basis | None = None
    text_version: str | None = None
    given_at: datetime | None = None
    desk: str | None = None
    looks: tuple[tuple[str, Study], ...] = ()
    photo: bool | None = None

    @property
    def face(self) -> bool:
        """Whether it is about the person's face, not only about their name, office or PIN."""
        return self.study is not None or self.made_from is not None


def add_person(
    settings: config.Config,
    number: str,
    name: str | None = None,
    *,
    photos: Sequence[Path] | None = None,
    camera: Camera | None = None,
    samples: int | None = None,
    pin: str | None = None,
    look: str = "",
    office: str | None = None,
    again: bool = False,
    move: bool = False,
    basis: Basis | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    engine: Engine | None = None,
) -> PersonReport:
    """Have the person in the register: with a template from photo files or from the camera, a PIN, or both.

    `samples` pictures are taken with the camera (default: config enroll.samples); `report` hears how it goes. With
    `look`, as glasses, the template stands beside the person's others. `basis` is on what their face is kept. Somebody
    whose face is another number's, whose pictures cannot be used, or whose face has no basis is reported as REFUSED,
    with nothing changed.
    Raises RegisterError, ModelUnavailable, CaptureFailed, CameraLost.
    """
    with open_desk(settings, engine=engine) as desk:
        wish = Wish(
            number=number,
            name=name,
            office=office or settings.office.id,
            look=cleaned_look(look),
            pin=pin,
            again=again,
            move=move,
            basis=basis,
            given_at=None if basis is None else datetime.now(UTC),
        )
        if (why := desk.refusal(wish, face=bool(photos) or camera is not None)) is not None:
            return PersonReport(number=number, name=name or "", done=Done.REFUSED, why=why)
        if photos:
            made_from = fingerprint(photos, desk.engine.engine_id, desk.settings)
            wish = replace(wish, study=study_photos(photos, desk.engine, desk.settings), made_from=made_from)
        elif camera is not None:
            wanted = samples or settings.enroll.samples
            vectors = capture_samples(camera, desk.engine, desk.settings, wanted=wanted, report=report)
            taken = [(f"picture {place}", vector, "") for place, vector in enumerate(vectors, 1)]
            wish = replace(wish, study=study_vectors(taken, desk.settings), source=CAMERA)
        return desk.enrol(wish)


def set_pin(settings: config.Config, number: str, pin: str) -> Employee:
    """Have `pin` as the person's PIN, and return the person.

    Raises PinRefused for a poor PIN, KeyRefused where the person's office has no pepper yet, RegisterError.
    """
    acceptable(pin, employee=checked_number(number))
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        person = people.find_employee(register, number)
        hashed = _hashed(settings, person.office if person else settings.office.id, number, pin)
        return enrolment.set_pin(register, number, hashed, at=datetime.now(UTC))


def list_people(settings: config.Config, office: str | None = None) -> list[Employee]:
    """Return everybody in the register (of `office`), withdrawn ones too, by number. Raises RegisterError."""
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return people.list_people(register, office)


def set_administrator(settings: config.Config, number: str, administrator: bool) -> tuple[Employee, bool]:
    """Have the person an administrator of their office's kiosks, or not; return them, and whether that is new.

    Raises PersonRefused, RegisterError.
    """
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        person, changed = enrolment.set_administrator(register, checked_number(number), administrator)
    if changed:
        what = "now" if administrator else "no longer"
        _log.info("employee %s is %s an administrator of %s", person.number, what, person.office)
    return person, changed


@contextmanager
def open_desk(settings: config.Config, *, engine: Engine | None = None, dry_run: bool = False) -> Iterator["Desk"]:
    """Yield a desk at the open register. Without `engine` the configured one is loaded when it is first needed."""
    url = settings.centre.register
    with tempfile.TemporaryDirectory(prefix="hadir-dry-run-") as scratch:
        if dry_run and url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
            url = f"sqlite:///{scratch}/register.sqlite"  # a dry run leaves no register behind
        with Register.open(url, settings.centre.keys) as register:
            yield Desk(settings, register, engine, dry_run=dry_run)


class Desk:
    """One sitting at the enrolment desk. With `dry_run` it gives the same answers and writes nothing."""

    def __init__(
        self, settings: config.Config, register: Register, engine: Engine | None, *, dry_run: bool = False
    ) -> None:
        self._given = settings
        self._register = register
        self._engine = engine
        self._dry_run = dry_run
        self._calibrated: config.Config | None = None
        self._faces = KnownFaces(register, lambda: self.engine)

    @property
    def engine(self) -> Engine:
        """The engine, loaded now if it was not. Raises ModelUnavailable."""
        if self._engine is None:
            self._engine = open_engine(self._given.engine)
        return self._engine

    @property
    def settings(self) -> config.Config:
        """The settings, with the scores the engine's calibration asks for. Raises NotCalibrated, ModelUnavailable."""
        if self._calibrated is None:
            engine_id = self._engine.engine_id if self._engine else identity_of(self._given.engine).engine_id
            self._calibrated = calibrated(self._given, engine_id)
        return self._calibrated

    def refusal(self, wish: Wish, *, face: bool = False) -> str | None:
        """Return why the person cannot be enrolled whatever their pictures show (`face`: they have some), or None."""
        try:
            self._present(wish)
            if face or wish.face:
                self._basis(wish)
            if wish.pin is not None:
                acceptable(wish.pin, employee=wish.number)
        except (PersonRefused, PinRefused) as refused:
            return str(refused)
        return None

    def has(self, wish: Wish) -> bool:
        """Return whether the register holds just what is wished, by `made_from`: there is nothing to do."""
        present = self._present(wish)
        if present is None or present.withdrawn_at is not None or wish.pin is not None:
            return False
        if present.office != wish.office or (wish.name is not None and cleaned_name(wish.name) != present.name):
            return False
        if wish.made_from is None:
            return True
        return self.has_template(wish) and consents.basis_of(self._register, wish.number) is not None

    def made_from(self, number: str, source: str, look: str = "") -> str | None:
        """Return what the person's template of that source and look was made from, None without one."""
        kept = self._faces.template(number, source, look)
        return None if kept is None else kept.made_from

    def has_template(self, wish: Wish) -> bool:
        """Return whether the person's template of this source was made from the same pictures by the same rules."""
        kept = self._faces.template(wish.number, wish.source, wish.look)
        return kept is not None and kept.made_from is not None and kept.made_from == wish.made_from

    def enrol(self, wish: Wish) -> PersonReport:
        """Have the person enrolled as wished, all of it or nothing, and return what became of it.

        Where another desk enrols a face meanwhile, it is compared with as well.
        """
        why = ""
        for _ in range(_TRIES):
            try:
                return self._enrol(wish)
            except TemplatesChanged as changed:
                self._faces.forget()
                why = str(changed)
        return PersonReport(number=wish.number, name=wish.name or "", done=Done.REFUSED, why=why)

    def keep_samples(self, wish: Wish) -> bool:
        """Return whether the pictures of the wish's study are kept now, sealed, for a later engine.

        They are of somebody who agreed to it, and of whom pictures may be kept; on any other basis none are. Raises
        SamplesFailed, KeyRefused.
        """
        photos = () if wish.study is None else tuple(photo.sample for photo in wish.study.photos if photo.sample)
        if self._dry_run or not photos or not self._may_keep(wish.number):
            return False
        kept.keep(self._given, kept.Samples(employee=wish.number, source=wish.source, look=wish.look, photos=photos))
        if self._may_keep(wish.number):
            return True
        kept.delete(self._given, wish.number)  # they were withdrawn at that very moment
        return False

    def _may_keep(self, number: str) -> bool:
        held, present = consents.basis_of(self._register, number), people.find_employee(self._register, number)
        agreed = held is not None and held.basis is Basis.CONSENT
        return agreed and present is not None and present.photo and present.withdrawn_at is None

    def _enrol(self, wish: Wish) -> PersonReport:
        photos = wish.study.photos if wish.study else ()
        refused = PersonReport(number=wish.number, name=wish.name or "", done=Done.REFUSED, photos=photos)
        if (why := self.refusal(wish)) is not None:
            return replace(refused, why=why)
        present = self._present(wish)
        warnings = _over(present)
        templates: list[Template] = []
        for look, study in (*(((wish.look, wish.study),) if wish.study is not None else ()), *wish.looks):
            if study.template is None:
                return replace(refused, why=study.why)
            why, warned = self._faces.compare(
                study.template,
                number=wish.number,
                source=wish.source,
                look=look,
                office=wish.office,
                settings=self.settings,
            )
            if why is not None:
                return replace(refused, why=why, warnings=warned)
            usual = study is wish.study
            warnings += (*warned, *(_few(study.samples, self._given.enroll.samples) if usual else ()))
            templates.append(self._template(wish, study, look))
        try:
            self._write(wish, templates)
        except PersonRefused as gone:  # they left, or took their agreement back, in the meantime
            return replace(refused, why=str(gone))
        returned = present is not None and present.withdrawn_at is not None
        done = Done.ADDED if present is None or returned else Done.CHANGED
        name = cleaned_name(wish.name) if wish.name is not None else present.name if present else ""
        samples = wish.study.samples if wish.study else 0
        return PersonReport(number=wish.number, name=name, done=done, samples=samples, photos=photos, warnings=warnings)

    def _present(self, wish: Wish) -> Employee | None:
        return enrolment.check_employee(
            self._register, number=wish.number, name=wish.name, office=wish.office, move=wish.move, again=wish.again
        )

    def _basis(self, wish: Wish) -> Consent | None:
        return basis_for(
            self._given,
            self._register,
            wish.number,
            said=wish.basis,
            text_version=wish.text_version,
            given_at=wish.given_at,
            desk=wish.desk,
            again=wish.again,
        )

    def _template(self, wish: Wish, study: Study, look: str) -> Template:
        assert study.template is not None  # noqa: S101 - enrol has refused it before
        return Template(
            engine_id=self.engine.engine_id,
            vector=study.template.astype("<f4").tobytes(),
            samples=study.samples,
            source=wish.source,
            look=look,
            made_at=datetime.now(UTC),
            made_from=wish.made_from,
        )

    def _write(self, wish: Wish, templates: Sequence[Template]) -> None:
        newest: int | None = None
        if not self._dry_run:
            written = enrolment.upsert_employee(
                self._register,
                number=wish.number,
                name=wish.name,
                office=wish.office,
                at=datetime.now(UTC),
                looks=templates,
                photo=wish.photo,
                pin_hash=None if wish.pin is None else _hashed(self._given, wish.office, wish.number, wish.pin),
                move=wish.move,
                again=wish.again,
                newest_compared=self._faces.newest if templates else None,
                consent=self._basis(wish) if wish.face or wish.basis is not None else None,
            )
            newest = written.newest_template
            _log.debug("employee %s was enrolled", wish.number)
        for template in templates or (None,):
            self._faces.put(wish.number, wish.office, template, newest)


def _hashed(settings: config.Config, office: str, number: str, pin: str) -> str:
    return hash_pin(number, pin, pepper=peppers.newest_of(settings.centre.keys, office))


def _over(present: Employee | None) -> tuple[str, ...]:
    if present is None or present.valid_until is None or present.valid_until > datetime.now(UTC):
        return ()
    return (
        f"the last day of {present.number} was before today, so they are in no set; the office's list brings them "
        "back (./hadir enroll roster)",
    )


def _few(samples: int, wanted: int) -> tuple[str, ...]:
    if samples >= wanted:
        return ()
    return (f"{samples} sample{'s' if samples > 1 else ''}; {wanted} {FEW}",)
