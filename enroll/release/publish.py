"""Publishing: an office's people become a set, sealed for its approved kiosks, signed, and laid on its retained topic.

The centre keeps it as the kiosks get it, and beside it, with the keys of the templates, what opens it: the next one is
compared with it.
"""

import fcntl
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import config
from enroll.approval import AT_ONCE, approve_waiting
from enroll.release.health import recent_scores, with_renewals
from enroll.release.lookalikes import with_lookalikes
from enroll.release.readers import Readers, readers_of
from errors import HadirError
from sync import peppers
from sync.durable import make_folder, sweep, write_whole
from sync.keys import PRIVATE_NAME, KeyRefused, PrivateKey, load_private
from sync.messages import gallery_topic
from sync.mqtt import Connected, Disconnected, Link, LinkFailed, Sent
from sync.register import Register, consents, sets
from sync.releases import EncodingSet, Person, ReleaseRefused, open_set, seal_set
from terminal.calibration import policy_for
from terminal.faces import Identity, identity_of
from terminal.matching import Policy
from terminal.pin import pepper_id_of

BROKER_WAIT_S = 5.0
"""How long the broker is given. What it does not take now, the collector brings when it connects."""
_TURN_WAIT_S = 60.0
_TRIES = 10

_log = logging.getLogger("hadir.enroll.publish")


class PublishRefused(HadirError):
    """Nothing was published; the text says what to do first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How many people a set has that the one before had not, has otherwise (name, face or PIN), or has no more."""

    new: int
    changed: int
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """What was published. `people` are all in the set, `faces` those with a template, `bytes` the size of the file.

    `changes` compares it with the version before, where there is one that this key signed; else everybody is new.
    `reached_broker` tells whether the broker took it; where not, `problem` says why, and the set goes out when the
    collector connects. `left_behind` are files of earlier sets that could not be removed: they may hold people who have
    been withdrawn since. `lookalikes` counts the pairs of people that the kiosks are told to be careful with.
    `plain_pins` are PINs in the set that were made before there was a pepper; `foreign_pins` are not in it, for they
    were made with a pepper that the office's kiosks do not have. `to_renew` are those whom the kiosks ask to enrol
    again. `no_basis` are people whose faces are left out because nothing says on what basis they are kept.
    `readers` counts the kiosks it is sealed for; those `waiting` offered a key nobody approved, and cannot open it.
    """

    office: str
    version: int
    people: int
    changes: Changes
    faces: int
    bytes: int
    file: Path
    reached_broker: bool
    problem: str | None = None
    left_behind: tuple[Path, ...] = ()
    lookalikes: int = 0
    plain_pins: int = 0
    foreign_pins: int = 0
    to_renew: int = 0
    no_basis: int = 0
    readers: int = 0
    waiting: tuple[str, ...] = ()


def publish(
    settings: config.Config,
    office: str,
    *,
    force: bool = False,
    engine: Identity | None = None,
    broker_wait_s: float = BROKER_WAIT_S,
) -> PublishReport:
    """Have the people of `office` as its newest signed set, in the register and in centre.releases; tell the broker.

    Two at once get distinct rising versions and reach the topic in that order. A set without people, which would empty
    every kiosk of the office, needs `force`, and so does one that no kiosk could open. In it are the templates of
    `engine`, by default of the configured one. Raises PublishRefused, NoReaders, KeyRefused, TemplateKeysFailed,
    RegisterError, ReleaseRefused, ModelUnavailable, NotCalibrated, GalleryTooLarge.
    """
    engine = engine or identity_of(settings.engine)
    policy = policy_for(engine.engine_id, settings.match)
    key = load_private(settings.centre.keys / PRIVATE_NAME)
    with Register.open(settings.centre.register, settings.centre.keys) as register, _alone(settings.centre.releases):
        if settings.centre.approve == "at_once":
            approve_waiting(settings, register, office=office, by=AT_ONCE, engine=engine)
        made = _release(register, settings.centre, office, key, force, engine, policy)
        content, pairs, changes, blob, file = made.content, made.pairs, made.changes, made.blob, made.file
        left_behind = _remove_older(settings.centre.releases, content)
        _log.info(
            "released version %d of %s with %d people, %d pairs of look-alikes",
            content.version,
            office,
            len(content.people),
            pairs,
        )
        problem = _tell_broker(settings.mqtt, office, blob, broker_wait_s)
    return PublishReport(
        office=office,
        version=content.version,
        people=len(content.people),
        changes=changes,
        faces=sum(1 for person in content.people if person.templates),
        bytes=len(blob),
        file=file,
        reached_broker=problem is None,
        problem=problem,
        left_behind=left_behind,
        lookalikes=pairs,
        plain_pins=sum(1 for person in content.people if person.pin is not None and pepper_id_of(person.pin) is None),
        foreign_pins=made.foreign_pins,
        no_basis=made.no_basis,
        to_renew=sum(person.renew for person in content.people),
        readers=len(made.readers.approved),
        waiting=made.readers.waiting,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    content: EncodingSet
    pairs: int
    changes: Changes
    blob: bytes
    file: Path
    foreign_pins: int
    no_basis: int
    readers: Readers


def _release(
    register: Register,
    centre: config.Centre,
    office: str,
    key: PrivateKey,
    force: bool,
    engine: Identity,
    policy: Policy,
) -> _Made:
    folder = centre.releases
    for _ in range(_TRIES):
        try:
            newer_than = max(_versions_in(folder, office), default=0)
        except OSError as error:
            raise PublishRefused(f"{folder} cannot be read ({error.strerror}); see centre.releases") from error
        content = sets.build_set(
            register,
            office=office,
            engine_id=engine.engine_id,
            dimension=engine.dimension,
            at=datetime.now(UTC),
            newer_than=newer_than,
        )
        if not force and not any(person.templates or person.pin is not None for person in content.people):
            raise PublishRefused(
                f"office {office} has nobody with a face or a PIN; enrol people first, "
                "or publish with --force to empty its kiosks"
            )
        readers = readers_of(register, office, force=force)
        content, no_basis = without_baseless(content, consents.with_basis(register, office))
        if no_basis and not force and not any(person.templates for person in content.people):
            raise PublishRefused(
                f"nothing says on what basis the {no_basis} faces of {office} are kept: record it (./hadir enroll "
                "basis --all --basis consent|public_duty), or publish with --force to have none on its kiosks"
            )
        content, foreign_pins = without_foreign_pins(content, peppers.path_in(centre.keys, office))
        content, pairs = with_lookalikes(content, policy)
        content = with_renewals(content, recent_scores(register, office, engine), policy)
        changes = changes_between(newest_set(register, office, key), content)
        sealed = seal_set(content, key, readers.approved)
        file = folder / f"{office}-{content.version}.hset"
        try:
            write_whole(file, sealed.blob)
            sets.record_release(register, content, sealed.blob)
            register.template_keys.keep_set_key(office, content.version, sealed.key)
        except sets.VersionTaken:  # another machine with the same register was faster
            continue
        except OSError as error:
            raise PublishRefused(f"{file} cannot be written ({error.strerror}); see centre.releases") from error
        return _Made(
            content=content,
            pairs=len(pairs),
            changes=changes,
            blob=sealed.blob,
            file=file,
            foreign_pins=foreign_pins,
            no_basis=no_basis,
            readers=readers,
        )
    raise PublishRefused(f"others publish for {office} all the time; try again")


def without_baseless(content: EncodingSet, with_basis: Set[str]) -> tuple[EncodingSet, int]:
    """Return `content` without the faces of those who are not in `with_basis`, and how many people that were."""
    people = tuple(
        person
        if person.employee in with_basis or not person.templates
        else msgspec.structs.replace(person, templates=())
        for person in content.people
    )
    lost = sum(before.templates != after.templates for before, after in zip(content.people, people, strict=True))
    return msgspec.structs.replace(content, people=people), lost


def without_foreign_pins(content: EncodingSet, pepper_file: Path) -> tuple[EncodingSet, int]:
    """Return `content` without the PINs that no pepper in the file goes with, and how many those were.

    They are of people who came from another office: its kiosks could check none of them. Where the file cannot be read
    all stay, for the kiosks may have theirs.
    """
    needed = {pepper_id_of(person.pin) for person in content.people if person.pin is not None} - {None}
    try:
        foreign = needed - peppers.load_peppers(pepper_file).keys() if needed else set()
    except KeyRefused as error:
        _log.warning("whether the kiosks can check every PIN cannot be told: %s", error)
        return content, 0
    people = tuple(
        msgspec.structs.replace(person, pin=None)
        if person.pin is not None and pepper_id_of(person.pin) in foreign
        else person
        for person in content.people
    )
    lost = sum(before.pin != after.pin for before, after in zip(content.people, people, strict=True))
    return msgspec.structs.replace(content, people=people), lost


def changes_between(before: EncodingSet | None, after: EncodingSet) -> Changes:
    """Return what is different in `after`; another engine's templates are different ones. Whom somebody resembles, and
    that they should renew their face, is nothing of theirs that changed."""
    had = {person.employee: _own(person) for person in before.people} if before else {}
    has = {person.employee: _own(person) for person in after.people}
    return Changes(
        new=sum(number not in had for number in has),
        changed=sum(number in had and had[number] != person for number, person in has.items()),
        gone=sum(number not in has for number in had),
    )


def _own(person: Person) -> Person:
    return msgspec.structs.replace(person, resembles=(), renew=False)


def newest_set(register: Register, office: str, key: PrivateKey) -> EncodingSet | None:
    """Return what is in the office's newest set, None where there is none that can be opened with what is kept here."""
    kept = sets.current_release(register, office)
    if kept is None:
        return None
    try:
        reader = register.template_keys.set_key(office, sets.list_releases(register, office)[0].version)
        return open_set(kept[1], trusted=key.public_key(), office=office, engine_id=None, newer_than=-1, reader=reader)
    except ReleaseRefused:  # signed by the key before this one, say: nothing to compare with
        return None


def _tell_broker(settings: config.Mqtt, office: str, blob: bytes, wait_s: float) -> str | None:
    """Have the set on the office's retained topic and return None, or return why it is not there."""
    deadline = time.monotonic() + wait_s
    try:
        link = Link(settings, client_id=f"hadir-publish-{secrets.token_hex(8)}", session_expiry_s=0)
    except LinkFailed as error:
        return str(error)
    link.start()
    mid: int | None = None
    problem = f"no answer from the broker at {settings.host}:{settings.port}"
    try:
        while (left := deadline - time.monotonic()) > 0:
            match link.next(left):
                case Connected():
                    mid = link.publish(gallery_topic(office), blob, retain=True)
                case Disconnected(reason=reason):
                    problem = reason
                case Sent(mid=sent, ok=ok, reason=reason) if sent == mid:
                    return None if ok else f"the broker refused the set: {reason}"
    except LinkFailed as error:
        problem = str(error)
    finally:
        link.stop()
    return problem


def _versions_in(folder: Path, office: str) -> list[int]:
    """Return the versions whose files lie here: after the register came back from a backup they are ahead of it."""
    pattern = re.compile(rf"{re.escape(office)}-([0-9]{{1,18}})\.hset")
    return [int(found.group(1)) for path in folder.iterdir() if (found := pattern.fullmatch(path.name))]


def _remove_older(folder: Path, content: EncodingSet) -> tuple[Path, ...]:
    """Remove the files of earlier versions, which hold people who have been withdrawn since; return which stay."""
    stay = []
    for version in _versions_in(folder, content.office):
        if version < content.version:
            file = folder / f"{content.office}-{version}.hset"
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                _log.error("%s cannot be removed (%s)", file, error.strerror)
                stay.append(file)
    return tuple(stay)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process of this machine publish at a time, so that the newest version is the last on the topic."""
    try:
        make_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise PublishRefused(f"{folder} cannot be used ({error.strerror}); see centre.releases") from error
    try:
        deadline = time.monotonic() + _TURN_WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise PublishRefused("another publish is still under way; try again when it has ended") from error
                time.sleep(0.05)
        sweep(folder)
        yield
    finally:
        os.close(descriptor)
