"""The sealed picture that goes to the centre with the note of an attack, as long as it lies on the card."""

from pathlib import Path

from sync import chain, sealing
from sync.messages import MAX_MESSAGE_BYTES, AttackNote, MessageRefused

_NOTE = b'"type":"attack"'


def with_picture(payload: bytes, folder: Path) -> bytes:
    """Return the signed entry `payload`, followed by the picture it names if that lies in `folder` and fits.

    Without its picture an entry goes alone: one that was deleted, cut or exchanged holds up nothing.
    """
    if _NOTE not in payload or (ref := _ref_in(payload)) is None:
        return payload
    try:
        with (folder / sealing.name_of(ref)).open("rb") as file:
            box = file.read(chain.MAX_ENCLOSED_BYTES + 1)
    except (OSError, sealing.EvidenceRefused):
        return payload
    if len(box) > chain.MAX_ENCLOSED_BYTES or ref != sealing.ref_of(box):
        return payload
    both = chain.pack([payload, chain.enclose(ref, box)])
    return both if len(both) <= MAX_MESSAGE_BYTES else payload


def _ref_in(payload: bytes) -> str | None:
    try:
        entry, _ = chain.read_entry(payload)
    except MessageRefused:
        return None
    return entry.evidence_ref if isinstance(entry, AttackNote) else None
