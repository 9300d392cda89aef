"""How many photographs a second an import takes, alone and with a worker for each core, and how fast it passes over
those it has.

The photographs are made from the demo's portraits: cut, lit, turned and saved otherwise each time, in the sizes of a
scan, a portrait and two phones. So there are few faces among them, under many numbers: what would refuse a face under a
second number is switched off here, and everything else is done as in an import.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

import config
from bench.footage import BenchRefused
from enroll.bulk.importer import ImportReport, import_folder
from enroll.bulk.studies import default_workers
from enroll.desk import Done
from sync import keys
from sync.register.consents import Basis

PHOTOS = 1_000
PHOTOS_EACH = 3
SIDES_PX = (800, 1200, 2000, 4000)
"""The longer sides of the photographs, in turn."""
ALONE = 120
"""How many of the photographs one worker is timed with."""
SEED = 2026
DEMO = Path(__file__).resolve().parents[2] / "demo"


def run(settings: config.Config, *, photos: int = PHOTOS, workers: int | None = None, as_json: bool = False) -> None:
    """A table was printed, and with `as_json` one JSON object as the last line. Raises as `measure` does."""
    found = measure(
        settings,
        photos=photos,
        workers=workers or default_workers(),
        say=lambda what: print(what, file=sys.stderr, flush=True),
    )
    table = Table("import", "photos a second", title=f"{found['photos']} photographs of {found['people']} people")
    table.add_row(f"{found['workers']} workers", f"{found['photos_per_s']:.1f}")
    table.add_row("one worker", f"{found['one_worker_photos_per_s']:.1f}")
    table.add_row("the same again", f"{found['again_photos_per_s']:.1f}")
    table.caption = f"{found['cpu_ms_a_photo']:.0f} ms of processor time a photograph, whatever else runs"
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    print(
        f"{found['seconds']:.0f} s for all; {found['used']} photographs used, {found['refused']} not; "
        f"1,000 would take {1000 / found['photos_per_s']:.0f} s on this machine as busy as it is."
    )
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")


def measure(settings: config.Config, *, photos: int, workers: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures; `faster` is what `workers` do beside one. Raises BenchRefused, ModelUnavailable.

    One worker is timed between two halves of the others' import, so that a busy machine slows both.
    """
    with tempfile.TemporaryDirectory(prefix="hadir-bench-enrol-") as scratch:
        here = Path(scratch)
        own = _settings(settings, here)
        folders = [here / name for name in ("first", "alone", "second")]
        counts = [photos // 2, min(ALONE, photos), photos - photos // 2]
        say(f"making {sum(counts)} photographs ...")
        rng = np.random.default_rng(SEED)
        for start, (folder, count) in enumerate(zip(folders, counts, strict=True), 1):
            make_photos(folder, count, rng, first=start * 100_000)
        say("importing ...")
        took, used_s, reports = [], [], []
        for folder, many in zip(folders, (workers, 1, workers), strict=True):
            began, own_s = time.perf_counter(), time.process_time()
            reports.append(import_folder(own, folder, basis=Basis.CONSENT, workers=many))
            took.append(time.perf_counter() - began)
            used_s.append(time.process_time() - own_s)
        say("the same again ...")
        began = time.perf_counter()
        again = import_folder(own, folders[0], basis=Basis.CONSENT, workers=workers)
        again_s = time.perf_counter() - began
    _check(reports, again)
    whole = took[0] + took[2]
    return {
        "seed": SEED,
        "photos": photos,
        "people": len(reports[0].people) + len(reports[2].people),
        "used": reports[0].photos_used + reports[2].photos_used,
        "refused": reports[0].photos_refused + reports[2].photos_refused,
        "workers": workers,
        "seconds": round(whole, 2),
        "photos_per_s": round(photos / whole, 2),
        "one_worker_photos_per_s": round(counts[1] / took[1], 2),
        "faster": round((photos / whole) / (counts[1] / took[1]), 3),
        "cpu_ms_a_photo": round(1000 * (used_s[0] + used_s[2]) / photos, 1),
        "one_worker_cpu_ms_a_photo": round(1000 * used_s[1] / counts[1], 1),
        "again_photos_per_s": round(counts[0] / again_s, 2),
    }


def make_photos(folder: Path, count: int, rng: np.random.Generator, *, first: int = 1) -> None:
    """Have `count` photographs in `folder`, three a person, numbers from `first` on. Raises BenchRefused."""
    sources = list(_portraits())
    for place in range(count):
        person = place // PHOTOS_EACH
        own = folder / f"{first + person}-Pegawai"
        own.mkdir(parents=True, exist_ok=True)
        side = SIDES_PX[place % len(SIDES_PX)]
        picture = _changed(sources[person % len(sources)], side, rng)
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(80, 95))])
        if not done:
            raise BenchRefused("a photograph could not be made; is the disk full?")
        (own / f"{place}.jpg").write_bytes(data.tobytes())


def _portraits() -> Iterator[np.ndarray]:
    for path in sorted([*DEMO.glob("people/*/*.jpg"), *DEMO.glob("strangers/*.jpg")]):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise BenchRefused(f"{path} cannot be read")
        yield picture


def _changed(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return the portrait a little turned, moved, lit and larger, as another photograph of the day would be."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-6, 6)), scale)
    size = (round(width * scale), round(height * scale))
    middle = np.array(size) / 2 - np.array((width, height)) / 2
    turn[:, 2] += middle + rng.uniform(-0.03, 0.03, 2) * np.array(size)
    turned = cv2.warpAffine(picture, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.convertScaleAbs(turned, alpha=float(rng.uniform(0.85, 1.1)), beta=float(rng.uniform(-8, 8))))


def _settings(settings: config.Config, scratch: Path) -> config.Config:
    keys.new_key(scratch / "keys")
    return config.replace(
        settings,
        centre={
            "register": f"sqlite:///{scratch / 'register.sqlite'}",
            "keys": str(scratch / "keys"),
            "releases": str(scratch / "releases"),
        },
        enroll={"duplicate_score": 1},
    )


def _check(reports: list[ImportReport], again: ImportReport) -> None:
    """Raise BenchRefused where something else was measured than people coming in, and then being there."""
    refused = [person for report in reports for person in report.people if person.done is Done.REFUSED]
    if refused:
        raise BenchRefused(f"{len(refused)} people were refused, the first because {refused[0].why}")
    if again.count(Done.UNCHANGED) != len(again.people):
        raise BenchRefused("the second import changed somebody")
