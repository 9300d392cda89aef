"""Pictures of enrolled faces, kept for a later engine: with consent only, sealed to the centre's key, gone with it.

Off unless `enroll.keep_samples` says otherwise: templates are then all that is kept. Of each photo used there is a crop
around the face, sealed with the public half of the key `enrolment`; who has the disk or a backup of it has nothing
without the private half. A person's are in a folder of their own in centre.samples, deleted when their face is
withdrawn.
"""

import hashlib
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

import config
from errors import HadirError
from sync import sealing
from sync.durable import flush_folder, write_whole
from sync.keys import ENROLMENT, load_opening, load_sealing
from sync.register.people_schema import checked_number

_SUFFIX = ".samples"
_MAX_BYTES = 64 * 2**20

_log = logging.getLogger("hadir.enroll.kept")


class SamplesFailed(HadirError):
    """Kept pictures cannot be written, read or deleted; the text says where and what to do."""


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures of one person in one look from one source: JPEGs of what is around the face."""

    employee: str
    source: str
    look: str
    photos: tuple[bytes, ...]


def keep(settings: config.Config, samples: Samples) -> None:
    """Have these pictures kept, in place of those of the same source and look. Raises SamplesFailed, KeyRefused."""
    key = load_sealing(settings.centre.keys / f"{ENROLMENT}.pub")
    path = _folder(settings, samples.employee) / _name(samples.source, samples.look)
    try:
        write_whole(path, sealing.seal_for(key, msgspec.msgpack.encode(samples)))
    except OSError as error:
        raise SamplesFailed(f"{path} cannot be written ({error.strerror}); see centre.samples") from error


def check(settings: config.Config) -> None:
    """Return where pictures can be sealed: the key is there. Raises KeyRefused."""
    load_sealing(settings.centre.keys / f"{ENROLMENT}.pub")


def has(settings: config.Config, number: str) -> bool:
    """Return whether pictures of the person are kept."""
    return any(_files(settings, number))


def opened(settings: config.Config, number: str) -> list[Samples]:
    """Return the pictures that are kept of the person, opened with the private key. Raises SamplesFailed, KeyRefused.

    A file that was swapped with another person's is refused.
    """
    found = []
    files = _files(settings, number)
    key = load_opening(settings.centre.keys / f"{ENROLMENT}.key") if files else b""
    for path in files:
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise SamplesFailed(f"{path} is too large to be kept pictures; delete it")
            samples = msgspec.msgpack.decode(sealing.open_for(key, path.read_bytes()), type=Samples)
        except (OSError, msgspec.DecodeError, sealing.NotOpened) as error:
            raise SamplesFailed(f"{path} cannot be opened with the centre's key; delete it if it is damaged") from error
        if samples.employee != number or path.name != _name(samples.source, samples.look):
            raise SamplesFailed(f"{path} holds somebody else's pictures: it was moved; delete it")
        found.append(samples)
    return found


def delete(settings: config.Config, number: str) -> int:
    """Have no picture of the person kept any more, and return how many files that were. Raises SamplesFailed."""
    files, folder = _files(settings, number), _folder(settings, number)
    try:
        if folder.exists():
            shutil.rmtree(folder)
            flush_folder(folder.parent)
    except OSError as error:
        raise SamplesFailed(f"{folder} cannot be deleted ({error.strerror}); delete it yourself") from error
    if files:
        _log.info("the kept pictures of employee %s were deleted", number)
    return len(files)


def _folder(settings: config.Config, number: str) -> Path:
    return settings.centre.samples / checked_number(number)


def _files(settings: config.Config, number: str) -> Sequence[Path]:
    return sorted(_folder(settings, number).glob(f"*{_SUFFIX}"))


def _name(source: str, look: str) -> str:
    return hashlib.sha256(f"{source}\n{look}".encode()).hexdigest()[:24] + _SUFFIX
