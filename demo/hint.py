"""What the demo says of enrolling somebody while it runs: commands that work as they are printed, where they are."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import config
from demo import clip
from demo.newcomers import BASIS
from errors import HadirError

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ROOT / "config.yaml"
FIVE = "five.csv"
"""Five people of the clip with a photo each: the four who are enrolled from the start, and its first stranger."""
NAMED = (("1005", "sunak"), ("1006", "collins"))
"""Whom the example enrols: a stranger of the clip first, then the other."""


def lines(running: config.Config, path: Path, people: Path, *, enrolled: Collection[str] = ()) -> Iterator[str]:
    """Yield how to enrol somebody in the demo of the settings `running`, which are in the file `path`.

    Nobody is suggested whose number is among `enrolled`. The commands are for the folder the demo was started in;
    elsewhere the first of them goes to the project's.
    """
    command = "./hadir enroll" if same_centre(running) else f"./hadir --config {_in_root(path)} enroll"
    there = [] if Path.cwd() == ROOT else [f"  cd {ROOT}"]
    if NAMED[0][0] not in enrolled:
        yield "To enrol five people with one command, now and then publish, or before:"
        yield from there
        there = []
        yield f"  {command} import demo/{FIVE} --basis {BASIS}"
    yield "To enrol somebody while it runs, give them a folder with a photo and publish:"
    yield from there
    for number, who in NAMED:
        person = clip.CAST[who]
        folder = people / f"{number}-{person.name.replace(' ', '_')}"
        if number not in enrolled and not folder.exists():
            yield f"  mkdir {folder.relative_to(ROOT)}"
            yield f"  cp demo/{person.photo} {folder.relative_to(ROOT)}/"
            break
    yield f"  {command} import {people.relative_to(ROOT)} --basis {BASIS}"
    yield f"  {command} publish --office {running.office.id}"


def review(running: config.Config, path: Path) -> str:
    """Return the command that shows what the running demo refused, and opens the pictures of it."""
    command = "./hadir" if same_centre(running) else f"./hadir --config {_in_root(path)}"
    return f"{command} events review --open {_in_root(path.parent / 'review')}"


def same_centre(running: config.Config, path: Path = SETTINGS) -> bool:
    """Return whether commands that read `path` enrol into the running demo and reach its broker."""
    try:
        plain = config.load(path)
    except HadirError:
        return False
    return (plain.centre, plain.office.id, plain.mqtt) == (running.centre, running.office.id, running.mqtt)


def short(path: Path) -> str:
    """Return the path as one would type it in the folder one is in."""
    try:
        return os.fspath(path.relative_to(Path.cwd()))
    except ValueError:
        return os.fspath(path)


def _in_root(path: Path) -> str:
    return os.fspath(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
