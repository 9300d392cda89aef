"""Everything the demo needs before the curtain: models, key, enrolled people, PINs, clip, and a released set."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import config
from demo import clip, newcomers
from enroll import desk
from enroll.bulk import importer
from enroll.release import publish
from errors import HadirError
from sync import keys, peppers
from sync.durable import write_whole
from sync.register import Register, devices, sets
from sync.releases import EncodingSet, ReleaseRefused, is_sealed, open_set
from terminal.faces import Engine, fetch_models, identity_of, models, open_engine
from terminal.liveness import sources
from terminal.liveness.networks import LANDMARKS

HERE = Path(__file__).resolve().parent
PEOPLE = HERE / "people"
LIST = HERE / "people.csv"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What was prepared. `clip` is None for a live camera; `pin` is (number, name, PIN) to try, if there is one."""

    clip: clip.Clip | None
    pin: tuple[str, str, str] | None


def prepare(settings: config.Config, folder: Path, *, with_clip: bool, say: Say) -> Stage:
    """Have everything on disk but the released set; quick where it was there already.

    `folder` is where the clip goes. Raises HadirError with what to do.
    """
    fetch_models(settings.engine)
    _have_keys(settings)
    _have_kiosk_approved(settings)
    engines: list[Engine] = []

    def engine() -> Engine:
        if not engines:
            engines.append(open_engine(settings.engine))
        return engines[0]

    report = importer.import_folder(settings, PEOPLE, basis=newcomers.BASIS)
    for person in report.people:
        for line in newcomers.words_of(person):
            say(line)
    pin = _have_pins(settings)
    if pin is not None:
        _have_administrator(settings, pin[0])
    made = clip.ensure(folder, engine, say, models_in=settings.engine.models) if with_clip else None
    return Stage(clip=made, pin=pin)


def liveness_of(settings: config.Config, say: Say) -> Literal["on", "cues", "off"]:
    """Return how the kiosk can tell a person from a photo here: without the passive models by the relief of a head and
    the edges of a sheet, without landmarks not at all. What is lacking `say` gets a sentence about."""
    try:
        models.ensure(settings.engine.models, (LANDMARKS,))
    except models.ModelUnavailable as error:
        say(f"Liveness is off here, and a photo is taken for a person: {error}.")
        return "off"
    try:
        source = sources.source_of(settings)
        sources.fetch(source)
        sources.read(source)
    except models.ModelUnavailable:
        say("The two passive liveness models cannot be fetched here: who shows the relief of a head is believed.")
        return "cues"
    return "on"


def release_if_changed(settings: config.Config, say: Say) -> Mapping[str, str]:
    """Have the office's people as they are now in its newest release; return number to name of everybody in it."""
    office, engine = settings.office.id, identity_of(settings.engine)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        released = released_people(settings, register)
        wanted = sets.build_set(
            register,
            office=office,
            engine_id=engine.engine_id,
            dimension=engine.dimension,
            at=datetime.now(UTC),
        )
    if released is None or released.people != wanted.people or released.engine_id != wanted.engine_id:
        report = publish.publish(settings, office)
        say(f"Published set {report.version} with {report.people} people.")
    return {person.employee: person.name for person in wanted.people}


def released_people(settings: config.Config, register: Register) -> EncodingSet | None:
    """Return the office's newest release, None where there is none that its key vouches for and the kiosk can open."""
    blob = dict(sets.current_releases(register)).get(settings.office.id)
    if blob is None:
        return None
    try:
        key = keys.load_public(settings.terminal.release_key)
        own = keys.own_key(settings.terminal.key_folder, card=settings.terminal.state)
        if not is_sealed(blob):  # of a demo from before there was a seal
            return None
        return open_set(blob, trusted=key, office=settings.office.id, engine_id=None, newer_than=-1, reader=own)
    except (ReleaseRefused, keys.KeyRefused):
        return None


def _have_keys(settings: config.Config) -> None:
    """Have the centre's keys, whose public halves the kiosk trusts."""
    folder = settings.centre.keys
    if not all((folder / f"{name}.{half}").exists() for name in keys.CENTRE for half in ("key", "pub")):
        keys.new_centre_keys(folder)
    pepper = peppers.path_in(folder, settings.office.id)
    if not pepper.exists():
        peppers.new_pepper(folder, settings.office.id)
    for source, path in (
        (folder / f"{keys.RELEASE}.pub", settings.terminal.release_key),
        (folder / f"{keys.COLLECTOR}.pub", settings.terminal.collector_key),
        (folder / f"{keys.EVIDENCE}.pub", settings.terminal.evidence_key),
        (folder / f"{keys.ENROLMENT}.pub", settings.terminal.enrolment_key),
        (pepper, peppers.path_of(settings)),
    ):
        if path.exists():
            continue
        try:
            write_whole(path, source.read_bytes(), mode=0o600 if source == pepper else 0o644)
        except OSError as error:
            raise keys.KeyRefused(f"{path} cannot be written ({error.strerror})") from error


def _have_kiosk_approved(settings: config.Config) -> None:
    """Have the kiosk's key known to the centre: here, both are in the same hands."""
    device = keys.signer(keys.own_key(settings.terminal.key_folder, card=settings.terminal.state))
    office, terminal = settings.office.id, settings.terminal.id
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        if all(
            (key.office, key.public_key, key.state) != (office, device.public, devices.KeyState.APPROVED)
            for key in devices.device_list(register, terminal)
        ):
            devices.admit(register, terminal=terminal, office=office, public_key=device.public, at=datetime.now(UTC))


def _have_pins(settings: config.Config) -> tuple[str, str, str] | None:
    """Have the PINs of people.csv for those of it who have none; return the first as (number, name, PIN)."""
    present = {person.number: person for person in desk.list_people(settings, settings.office.id)}
    shown: tuple[str, str, str] | None = None
    for number, name, pin in _listed_pins():
        person = present.get(number)
        if person is None or person.withdrawn_at is not None:
            continue
        if not person.has_pin:
            desk.set_pin(settings, number, pin)
        shown = shown or (number, name, pin)
    return shown


def _have_administrator(settings: config.Config, number: str) -> None:
    """Have somebody who can open the kiosk's desk: the person of that number where there is nobody yet."""
    if not any(person.administrator for person in desk.list_people(settings, settings.office.id)):
        desk.set_administrator(settings, number, True)


def _listed_pins() -> list[tuple[str, str, str]]:
    try:
        with LIST.open(encoding="utf-8", newline="") as file:
            return [(row["number"], row["name"], row["pin"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise HadirError(f"{LIST} cannot be read; restore the demo's files with git checkout demo") from error
