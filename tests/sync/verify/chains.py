"""Chains of kiosks in a register and on a card, the heads that a second party keeps, and the command that verifies."""

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner

import hadir
from sync import chain, keys
from sync.heads import Heads, WrittenHead
from sync.keyring import Keyring, written
from sync.outbox import Outbox
from sync.register import Register, devices
from sync.register.arrivals import add_events, arrival
from sync.verify import Report, verify
from sync.verify_sources import open_source
from tests.sync import made_chains
from tests.sync.samples import SEVEN, SIGNER, open_card
from tests.sync.tampering import Place, opened

CHAINS = {("lobby-1", "1" * 32): 40, ("lobby-1", "2" * 32): 15, ("lobby-2", "3" * 32): 30}
GAP = ("lobby-3", "4" * 32)
HEADS_KEY = keys.PrivateKey.from_private_bytes(b"\5" * 32)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What the command said."""

    code: int
    words: str
    found: dict[str, Any]

    @property
    def first_bad(self) -> Place | None:
        bad = self.found["bad"]
        return Place(bad[0]["terminal"], bad[0]["epoch"], bad[0]["seq"]) if bad else None


def run(where: Path | str, *more: object) -> Ran:
    ran = CliRunner().invoke(hadir.main, ["verify-chain", str(where), "--json", *map(str, more)])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    lines = ran.output.splitlines()
    return Ran(code=ran.exit_code, words=ran.output, found=json.loads(lines[-1]) if ran.exit_code < 2 else {})


def look(where: Path | str, ring: Keyring | None = None) -> Report:
    with open_source(str(where), ring) as source:
        return verify(source)


def make_register(url: str) -> None:
    """Have a register with whole chains and one with a gap, written as the collector writes it, in batches."""
    with Register.open(url) as register:
        for terminal in ("lobby-1", "lobby-2", "lobby-3"):
            devices.admit(register, terminal=terminal, office="demo", public_key=SIGNER.public, at=SEVEN)
        for (terminal, epoch), count in {**CHAINS, GAP: 20}.items():
            payloads = [payload for _, payload in made_chains.made(terminal, epoch, count)]
            if (terminal, epoch) == GAP:
                del payloads[10:12]
            for start in range(0, len(payloads), 12):
                at = SEVEN + timedelta(hours=2, seconds=start)
                add_events(register, [arrival(payload, at) for payload in payloads[start : start + 12]])


def make_card(folder: Path) -> None:
    """Have a card with two epochs, the first of which has forgotten its beginning."""
    folder.mkdir()
    made_chains.card(folder, 30)
    with closing(open_card(folder)) as connection:
        connection.execute("UPDATE outbox SET acknowledged_us = 1 WHERE seq <= 12")
        connection.execute("UPDATE outbox_epochs SET closed = 1")
    with closing(open_card(folder)) as connection:
        outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        assert outbox.forget_acknowledged(SEVEN) == 12
    made_chains.card(folder, 25)
    (folder / "device.pub").write_text(
        f"-----BEGIN PUBLIC KEY-----\n{spki_raw(SIGNER.public)}\n-----END PUBLIC KEY-----\n"
    )


def spki(key: keys.PrivateKey) -> str:
    return spki_raw(keys.raw(key.public_key()))


def spki_raw(raw: bytes) -> str:

    return written(raw)


WITNESSED = (5, 14, 15, 23, 100)


def write_heads(folder: Path, path: Path) -> None:
    """Have heads files as a second party may have kept them while the chains grew: at some seqs, and of the end."""
    with opened(path) as store:
        places = store.places()
        for number, most in enumerate(WITNESSED):
            found: dict[tuple[str, str], Place] = {}
            for place in places:
                if place.seq <= most:
                    found[place[:2]] = place
            heads = tuple(
                WrittenHead(
                    office="demo",
                    terminal=place.terminal,
                    epoch=place.epoch,
                    upto=place.seq,
                    upto_hash=chain.digest(store.payload(place)).hex(),
                    at=SEVEN,
                )
                for place in found.values()
            )
            body = msgspec.json.encode(Heads(made_at=SEVEN, heads=heads))
            (folder / f"{path.stem}-heads-{number}.json").write_bytes(chain.seal(body, HEADS_KEY.sign) + b"\n")


def heads_of(folder: Path, stem: str) -> list[object]:
    return [word for file in sorted(folder.glob(f"{stem}-heads-*")) for word in ("--heads", file)]


def bad_of(tmp_path: Path) -> list[tuple[str, int, str]]:
    return [(bad.terminal, bad.seq, bad.why) for bad in look(tmp_path / "register.sqlite").bad]
