"""The proof of a withdrawal: a signed file, and the same on a page to print. No value of a face is in either.

The file is a signed message as sync/chain.py has it, signed with the key of the heads, whose public half others hold
already; the words of the kiosks in it are signed with the kiosks' own keys. Anybody can check it:

    $ sed -n 1p proof.json | tr -d '\\n' > body
    $ sed -n 2p proof.json | base64 -d > signature
    $ openssl pkeyutl -verify -rawin -pubin -inkey heads.pub -sigfile signature -in body
    Signature Verified Successfully
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

import config
from enroll.privacy.withdrawal import Progress
from errors import HadirError
from sync import chain, keys
from sync.durable import write_whole
from sync.messages import EmployeeNumber, Hex64, Identifier, Instant, Message, MessageRefused, Natural
from sync.register.set_words import read_word

_MOST_BYTES = 16_000_000


class ProofRefused(HadirError):
    """The file is no proof that can be relied on, or none can be written; the text says why."""


class ProvenSet(msgspec.Struct, frozen=True, kw_only=True):
    """The first set of the office that was opened and is without the face."""

    office: Identifier
    version: Natural
    sha256: Hex64
    released_at: Instant


class ProvenKiosk(msgspec.Struct, frozen=True, kw_only=True):
    """A kiosk's signed word (a SetWord) that it uses that set or a later one, and its public key in hexadecimal."""

    office: Identifier
    terminal: Identifier
    word: Annotated[str, Meta(max_length=1000)]
    public_key: Hex64
    heard_at: Instant


class OutstandingKiosk(msgspec.Struct, frozen=True, kw_only=True):
    """A kiosk that has not said so yet, and when it last spoke."""

    office: Identifier
    terminal: Identifier
    last_heard: Instant | None = None


class Proof(Message, tag="withdrawal", frozen=True, kw_only=True):
    """What the centre says at `made_at` of a withdrawal. `unpublished` are offices whose newest set has the face."""

    employee: EmployeeNumber
    withdrawn_at: Instant
    made_at: Instant
    leaves: bool
    templates_deleted: Natural
    templates_left: Natural
    key_destroyed: bool
    complete: bool
    sets: tuple[ProvenSet, ...]
    unpublished: tuple[Identifier, ...]
    kiosks: tuple[ProvenKiosk, ...]
    outstanding: tuple[OutstandingKiosk, ...]


_decoder = msgspec.json.Decoder(Proof)


def proof_of(progress: Progress, *, made_at: datetime) -> Proof:
    """Return what can be said of the withdrawal at `made_at`."""
    done = progress.withdrawal
    return Proof(
        employee=done.employee,
        withdrawn_at=done.at,
        made_at=made_at,
        leaves=done.leaves,
        templates_deleted=done.templates,
        templates_left=progress.employee.templates,
        key_destroyed=done.key_destroyed,
        complete=progress.complete,
        sets=tuple(
            ProvenSet(office=each.office, version=each.version, sha256=each.sha256, released_at=each.released_at)
            for each in done.sets
            if each.version is not None and each.sha256 is not None and each.released_at is not None
        ),
        unpublished=progress.unpublished,
        kiosks=tuple(
            ProvenKiosk(
                office=kiosk.office,
                terminal=kiosk.terminal,
                word=kiosk.word.text,
                public_key=kiosk.word.public_key.hex(),
                heard_at=kiosk.word.heard_at,
            )
            for kiosk in progress.kiosks
            if kiosk.word is not None
        ),
        outstanding=tuple(
            OutstandingKiosk(office=kiosk.office, terminal=kiosk.terminal, last_heard=kiosk.last_heard)
            for kiosk in progress.outstanding
        ),
    )


def write_proof(settings: config.Config, progress: Progress, path: Path) -> tuple[Path, Path]:
    """Have the signed proof in `path` and the page to print beside it (.txt); return both. Raises KeyRefused,
    ProofRefused."""
    signer = keys.signer(keys.load_private(settings.centre.keys / f"{keys.HEADS}.key"))
    proof = proof_of(progress, made_at=datetime.now(UTC))
    page = path.with_suffix(".txt") if path.suffix != ".txt" else path.with_name(path.name + ".txt")
    try:
        write_whole(path, chain.seal(msgspec.json.encode(proof), signer.sign) + b"\n", mode=0o644)
        write_whole(page, page_of(proof, path.name).encode(), mode=0o644)
    except OSError as error:
        raise ProofRefused(f"{path}: the proof cannot be written ({error.strerror}); give another file") from error
    return path, page


def read_proof(path: Path, public: keys.PublicKey) -> Proof:
    """Return the proof in `path`: signed with the private half of `public`, and each kiosk's word in it with its own.

    A proof that says it is complete and is not is refused as well. Raises ProofRefused.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise ProofRefused(f"{path}: the proof cannot be read ({error.strerror})") from error
    try:
        proof = _decoder.decode(chain.opened(content.rstrip(b"\r\n"), keys.verifier([keys.raw(public)])))
    except MessageRefused:
        raise ProofRefused(f"{path}: not signed with the heads key; name its public half with --heads-key") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProofRefused(f"{path}: signed, but no proof of a withdrawal; update this machine") from None
    versions = {each.office: each.version for each in proof.sets}
    for kiosk in proof.kiosks:
        try:
            word = read_word(kiosk.word, bytes.fromhex(kiosk.public_key))
        except MessageRefused:
            raise ProofRefused(f"{path}: the word of {kiosk.terminal} is not signed with its key") from None
        if (word.office, word.terminal) != (kiosk.office, kiosk.terminal) or word.version < versions[kiosk.office]:
            raise ProofRefused(f"{path}: the word of {kiosk.terminal} is not of a set without the face")
    if proof.complete and (proof.outstanding or proof.unpublished or proof.templates_left):
        raise ProofRefused(f"{path}: it says that it is complete, and is not")
    return proof


def page_of(proof: Proof, file: str) -> str:
    """Return the proof as one printable page; `file` is where it is signed."""
    lines = [
        "PROOF OF A WITHDRAWAL",
        "",
        f"Employee number:      {proof.employee}",
        f"Withdrawn:            {proof.withdrawn_at:%Y-%m-%d %H:%M:%S} UTC, "
        + ("with PIN: they have left" if proof.leaves else "the face alone; the person stays, by number and PIN"),
        f"Templates deleted:    {proof.templates_deleted}",
        f"Their key destroyed:  {'yes' if proof.key_destroyed else 'there was none'}",
        f"Templates left:       {proof.templates_left}",
        "",
        "Sets without the face:",
        *(
            f"  {each.office} version {each.version}, {each.released_at:%Y-%m-%d %H:%M:%S} UTC\n    sha256 "
            + each.sha256
            for each in proof.sets
        ),
        *(f"  {office}: none published yet" for office in proof.unpublished),
        "",
        "Kiosks that have said, signed with their own key, that they use such a set:",
        *(_kiosk_line(kiosk) for kiosk in proof.kiosks),
        *(["  none"] if not proof.kiosks else []),
        "",
        "Kiosks that have not said so yet:",
        *(
            f"  {kiosk.terminal} at {kiosk.office}, last heard "
            + (f"{kiosk.last_heard:%Y-%m-%d %H:%M:%S} UTC" if kiosk.last_heard else "never")
            for kiosk in proof.outstanding
        ),
        *(["  none"] if not proof.outstanding else []),
        "",
        f"COMPLETE: {'YES' if proof.complete else 'NO'}, as of {proof.made_at:%Y-%m-%d %H:%M:%S} UTC.",
        f"Signed in {file}; check it with: ./hadir enroll verify-proof {file}",
        "",
    ]
    return "\n".join(lines)


def _kiosk_line(kiosk: ProvenKiosk) -> str:
    word = read_word(kiosk.word, bytes.fromhex(kiosk.public_key))
    return (
        f"  {kiosk.terminal} at {kiosk.office}: version {word.version}, {word.at:%Y-%m-%d %H:%M:%S} UTC, "
        f"after entry {word.seq} of {word.epoch[:8]}"
    )
