"""The demo's settings, made from the user's: everything on this machine alone, the clip as camera, a screen or none."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import config

DEMO_OFFICE = "demo"
REPEAT_WINDOW_S = 20
"""Shorter than a round of the clip, so that everybody who comes again is recorded again."""
STATUS_EVERY_S = 3
STORAGE_MB = 500
"""What the demo's card may fill: how full a laptop's disk is, is no alarm of a kiosk's."""


def derived(
    settings: config.Config, folder: Path, *, camera: str | None, windowed: bool
) -> tuple[config.Config, str | None]:
    """Return the demo's settings, and a sentence where the user's own office is left alone.

    The user's places are the demo's where their office is the demo's; any other office keeps its register, card and
    keys to itself and the demo has its own in `folder`. Raises ConfigError for a `camera` that cannot be.
    """
    word = None
    sections: dict[str, dict[str, Any]] = {
        "mqtt": {
            "host": "127.0.0.1",
            "username": "",
            "password": "",
            "tls_ca": "",
            "tls_certificate": "",
            "tls_key": "",
        },
        "uplink": {"status_every_s": min(settings.uplink.status_every_s, STATUS_EVERY_S)},
        "display": {"driver": settings.display.driver, "picture_file": ""},
        "terminal": {"storage_mb": settings.terminal.storage_mb or STORAGE_MB},
    }
    if settings.office.id != DEMO_OFFICE or not settings.centre.register.startswith("sqlite:///"):
        word = f"Office {settings.office.id} is left alone: the demo has an office, a register and a card of its own."
        sections["office"] = {"id": DEMO_OFFICE, "name": config.Office().name}
        keys = folder / "centre" / "keys"
        sections["centre"] = {
            "register": f"sqlite:///{folder / 'centre' / 'register.sqlite'}",
            "keys": os.fspath(keys),
            "heads": os.fspath(folder / "centre" / "heads"),
            "releases": os.fspath(folder / "centre" / "releases"),
        }
        sections["terminal"] |= {
            "state": os.fspath(folder / "terminal"),
            "release_key": os.fspath(keys / "release.pub"),
            "collector_key": os.fspath(keys / "collector.pub"),
            "evidence_key": os.fspath(keys / "evidence.pub"),
            "enrolment_key": os.fspath(keys / "enrolment.pub"),
            "pepper": "",
            "secrets": "",
        }
    if not windowed:
        sections["display"] = {"driver": "dummy", "picture_file": os.fspath(folder / "screen.jpg")}
    if camera is not None:
        kind, _, place = camera.partition(":")
        anchored = f"{kind}:{Path(place).absolute()}" if kind in ("file", "folder") and place else camera
        try:
            config.replace(settings, camera={"source": anchored})
        except config.ConfigError as error:
            raise config.ConfigError(
                f"--camera {camera!r} is unknown; give usb:0, picamera, file:CLIP or folder:PICTURES"
            ) from error
        sections["camera"] = {"source": anchored, "loop": True}
    else:
        sections["visit"] = {"repeat_window_s": min(settings.visit.repeat_window_s, REPEAT_WINDOW_S)}
    return config.replace(settings, **sections), word


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a display server of this machine's user answers."""
    wayland = environment.get("WAYLAND_DISPLAY", "")
    if wayland:
        runtime = environment.get("XDG_RUNTIME_DIR", "")
        if _answers(socket.AF_UNIX, os.path.join(runtime, wayland)):  # noqa: PTH118 - may be absolute itself
            return True
    host, colon, rest = environment.get("DISPLAY", "").rpartition(":")
    number = rest.partition(".")[0]
    if not colon or not number.isdigit():
        return False
    if host in ("", "unix"):
        place = f"/tmp/.X11-unix/X{number}"  # noqa: S108 - where X servers listen
        return _answers(socket.AF_UNIX, place) or _answers(socket.AF_UNIX, f"\0{place}")
    return _answers(socket.AF_INET, (host, 6000 + int(number)))


def _answers(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
