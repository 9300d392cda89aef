"""What a thief would look for: a name, a PIN's hash, a template, a key, in every form they could lie about in."""

import base64
import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

_WINDOW_BYTES = 24
"""Six values of a template: nobody needs the whole to know that it is there, and chance does not make so many."""


def of_text(text: str) -> list[bytes]:
    """Return how `text` may lie about."""
    raw = text.encode()
    return [*of_bytes(raw), json.dumps(text).encode()[1:-1], raw.decode("latin-1").encode("utf-16-le")]


def of_bytes(raw: bytes) -> list[bytes]:
    """Return `raw` as it is, backwards, in hex and, wherever it starts in it, in base64."""
    encoded = [base64.b64encode(b"\0" * before + raw)[4:-4] for before in range(3)]
    safe = [base64.urlsafe_b64encode(b"\0" * before + raw)[4:-4] for before in range(3)]
    return [raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), *encoded, *safe]


def of_template(vector: bytes) -> list[bytes]:
    """Return how pieces of the float32 little-endian `vector` may lie about, with wider and narrower numbers too."""
    values = np.frombuffer(vector, "<f4")
    forms = [vector, values.astype(">f4").tobytes(), values.astype("<f8").tobytes(), values.astype("<f2").tobytes()]
    found = []
    for form in forms:
        middle = len(form) // 2
        for piece in (form[:_WINDOW_BYTES], form[middle : middle + _WINDOW_BYTES], form[-_WINDOW_BYTES:]):
            found += of_bytes(piece)
    shown = [json.dumps(float(value))[:9].encode() for value in values[:4]]
    packed = b"".join(b"\xca" + struct.pack(">f", value) for value in values[:4])  # MessagePack
    return [*found, *shown, packed]


def hits(folder: Path, traces: Mapping[str, Iterable[bytes]]) -> dict[str, list[str]]:
    """Return, by what was looked for, the files under `folder` that hold any of its traces."""
    held = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = {}
    for what, forms in traces.items():
        listed = list(forms)
        files = sorted(name for name, content in held.items() if any(form in content for form in listed))
        if files:
            found[what] = files
    return found
