"""`hadir enroll wizard`: the enrolment desk with a window of its own, before a webcam."""

import logging
import signal
import threading
from collections.abc import Callable

import click

import config

Settings = Callable[[], config.Config]


@click.command("wizard")
@click.option("--camera", help="usb:0 | picamera | file:CLIP | folder:PICTURES; default: that of the settings.")
@click.option("--office", help="Whose people; default: office.id of the settings.")
@click.pass_obj
def wizard(settings: Settings, /, camera: str | None, office: str | None) -> None:
    """Enrol people before this machine's camera, step by step on the screen, after an administrator has signed in."""
    from enroll.sitting import webcam

    here = settings()
    if office is not None and office != here.office.id:
        here = config.replace(here, office={"id": office, "name": office})
    if camera is not None:
        try:
            here = config.replace(here, camera={"source": camera})
        except config.ConfigError as error:
            raise click.UsageError(
                f"--camera {camera!r} is unknown; give usb:0, picamera, file:CLIP or folder:PICTURES"
            ) from error
    logging.getLogger("hadir").setLevel(here.log.level.upper())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    webcam.run(here, stop=stop)
