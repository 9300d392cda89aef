"""What finding one person among very many costs: against plain numpy, and against reading the templates at all.

People who do not exist, three templates each, are released as a sealed set, kept as a card keeps it, and loaded the way
the kiosk loads them. Everything that is compared runs in turns in one process, with one BLAS thread as on the kiosk.
"""

import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from sync import keys
from sync.releases import CURRENT_NAME, EncodingSet, Person, keep_set, kept_set, open_set, seal_set
from terminal.gallery import BLOCK_ROWS, Gallery, check_templates
from terminal.search import nearest_to

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 150_000)
DIMENSION = 128
TEMPLATES = 3
BATCH = 6
"""Probes at once: the mean of a track and its five best frames, as terminal/agreement.py asks."""
ROUNDS = 15
LOADS = 3
SEED = 2026
_PIN_HASH = "$argon2id$v=19$m=65536,t=3,p=4$" + "A" * 66
_PART_BLOCKS = 16
_TICK_S = 0.001

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A gallery from the card: `load_s` from the file to a gallery that can be searched, read from the disk itself.

    `stall_ms` is the longest that a thread which wakes every millisecond was kept waiting meanwhile, `idle_stall_ms`
    the same over as long a time in which nothing was loaded. `set_mb` is the size of the file.
    """

    gallery: Gallery
    load_s: float
    stall_ms: float
    idle_stall_ms: float
    set_mb: float


def run(*, sizes: Sequence[int] = SIZES, as_json: bool = False) -> None:
    """A table was printed, and with `as_json` one JSON object as the last line."""
    figures = measure(sizes)
    console = Console() if sys.stdout.isatty() else Console(width=140)
    console.print(_table(figures))
    last = figures["sizes"][-1]
    console.print(
        f"medians of {ROUNDS} rounds; 'batch' is {BATCH} probes at once; peak {figures['peak_rss_mb']:.0f} MB\n"
        f"the fastest of these rounds with {last['rows']:,} rows: match {last['match_min_ms']} ms, "
        f"batch {last['batch_min_ms']} ms, floor {last['floor_min_ms']} ms"
    )
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")


def measure(sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Return the figures: `sizes` has them for each number of rows, the rest is of the whole run or of the largest."""
    measured = [_measured(rows) for rows in sorted(sizes)]
    largest = measured[-1]
    return {
        "sizes": measured,
        "rows": largest["rows"],
        "ratio_numpy": largest["ratio_numpy"],
        "ratio_floor": largest["ratio_floor"],
        "batch_probes": BATCH,
        "dimension": DIMENSION,
        "blas_threads": int(os.environ.get("OPENBLAS_NUM_THREADS", "0")),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def faces(rows: int) -> NDArray[np.float32]:
    """Return `rows` unit vectors, three in a row of one person, the same every time.

    Two of a person score about 0.7, as two looks of somebody do; two people score about 0, with chance around it.
    """
    dice = np.random.default_rng(SEED)
    people = dice.standard_normal((-(-rows // TEMPLATES), DIMENSION), np.float32)
    looks = np.repeat(people, TEMPLATES, axis=0)[:rows] + 0.65 * dice.standard_normal((rows, DIMENSION), np.float32)
    return np.asarray(looks / np.linalg.norm(looks, axis=1, keepdims=True), np.float32)


def release(templates: NDArray[np.float32], key: keys.PrivateKey) -> bytes:
    """Return `templates` as a set sealed for a kiosk of the same `key`, three to a person, everybody with a PIN."""
    people = tuple(
        Person(
            employee=f"{first:08}",
            name="Pegawai Yang Tidak Ada",
            templates=tuple(row.astype("<f4").tobytes() for row in templates[first : first + TEMPLATES]),
            pin=_PIN_HASH,
        )
        for first in range(0, len(templates), TEMPLATES)
    )
    content = EncodingSet(
        office="bench",
        version=1,
        engine_id="bench",
        dimension=templates.shape[1],
        created_at=datetime.now(UTC),
        people=people,
    )
    return seal_set(content, key, [keys.raw(key.public_key())]).blob


def load(blob: bytes, key: keys.PrivateKey) -> Loaded:
    """Return the gallery in `blob`, after it was kept on a card and loaded from there some times."""
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name:
        folder = Path(name)
        keep_set(folder, blob)
        took, waits, idle = [], [], []
        for _ in range(LOADS):
            _forget_pages(folder / CURRENT_NAME)
            began = time.perf_counter()
            with _Ticking() as ticking:
                gallery = _from_card(folder, key)
                took.append(time.perf_counter() - began)
            waits.append(ticking.longest_s)
            with _Ticking() as ticking:
                time.sleep(took[-1])
            idle.append(ticking.longest_s)
    return Loaded(
        gallery=gallery,
        load_s=float(np.median(took)),
        stall_ms=1000 * float(np.median(waits)),
        idle_stall_ms=1000 * float(np.median(idle)),
        set_mb=len(blob) / 1e6,
    )


def _from_card(folder: Path, key: keys.PrivateKey) -> Gallery:
    blob = kept_set(folder)
    assert blob is not None  # noqa: S101 - it was kept a moment ago
    return Gallery.from_set(
        open_set(
            blob,
            trusted=key.public_key(),
            office="bench",
            engine_id="bench",
            newer_than=0,
            reader=key,
            check_templates=check_templates,
        )
    )


def _forget_pages(path: Path) -> None:
    """Have the file on the disk alone, as after a start."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class _Ticking:
    """A thread that wakes every millisecond while the context lasts; `longest_s` is how late it came once."""

    def __enter__(self) -> Self:
        self.longest_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _tick(self) -> None:
        last = time.perf_counter()
        while not self._stop.is_set():
            time.sleep(_TICK_S)
            now = time.perf_counter()
            self.longest_s = max(self.longest_s, now - last - _TICK_S)
            last = now


def _measured(rows: int) -> dict[str, Any]:
    key = keys.PrivateKey.generate()
    templates = faces(rows)
    loaded = load(release(templates, key), key)
    gallery = loaded.gallery
    dice = np.random.default_rng(SEED + 1)
    chosen = dice.integers(rows, size=ROUNDS)
    wide = templates.astype(np.float64)
    flat = gallery.blocks.reshape(-1)
    half = gallery.blocks.astype(np.float16)
    small = np.rint(gallery.blocks * 127).astype(np.int8)
    spent: dict[str, list[float]] = {}
    same, lost = 0, {"half_error": 0.0, "int8_error": 0.0}
    for row in chosen:
        probes = templates[row] + 0.06 * dice.standard_normal((BATCH, DIMENSION), np.float32)
        probes /= np.linalg.norm(probes, axis=1, keepdims=True)
        probe = probes[0]
        _timed(spent, "floor_ms", lambda: flat @ flat)
        found = _timed(spent, "match_ms", partial(nearest_to, probes[:1], gallery))
        _timed(spent, "batch_ms", partial(nearest_to, probes, gallery))
        distances = _timed(spent, "numpy_ms", partial(_distances, wide, probe.astype(np.float64)))
        exact = wide @ probe
        for name, blocks, scale in (("half", half, 1.0), ("int8", small, 1 / 127)):
            scores = _timed(spent, f"{name}_ms", partial(_unpacked, probe, blocks, scale)).reshape(-1)[:rows]
            lost[f"{name}_error"] = max(lost[f"{name}_error"], float(np.abs(scores - exact).max()))
        same += found[0].employee == gallery.owners[int(np.argmin(distances))]
    medians = {name: round(float(np.median(times)), 3) for name, times in spent.items()}
    return {
        "rows": rows,
        "people": len(gallery.employees),
        **medians,
        # On a machine that has other work to do, what the work itself takes.
        **{f"{name}_min_ms": round(min(spent[f"{name}_ms"]), 3) for name in ("match", "batch", "floor")},
        **{name: round(error, 6) for name, error in lost.items()},
        "ratio_numpy": round(medians["numpy_ms"] / medians["match_ms"], 1),
        "ratio_floor": round(medians["match_ms"] / medians["floor_ms"], 2),
        "same_answers": f"{same}/{len(chosen)}",
        "load_s": round(loaded.load_s, 3),
        "load_stall_ms": round(loaded.stall_ms, 1),
        "idle_stall_ms": round(loaded.idle_stall_ms, 1),
        "set_mb": round(loaded.set_mb, 1),
        "matrix_mb": round(gallery.blocks.nbytes / 1e6, 1),
    }


def _distances(encodings: NDArray[np.float64], probe: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what face_recognition.face_distance does, without its turning a list into an array at each call."""
    return np.asarray(np.linalg.norm(encodings - probe, axis=1))


def _unpacked(
    probe: NDArray[np.float32], blocks: NDArray[np.float16] | NDArray[np.int8], scale: float
) -> NDArray[np.float32]:
    """Return the scores with templates kept smaller than float32: unpacked in parts that stay in the cache."""
    scores = np.empty((len(blocks), BLOCK_ROWS), np.float32)
    for first in range(0, len(blocks), _PART_BLOCKS):
        part = blocks[first : first + _PART_BLOCKS].astype(np.float32)
        np.matmul(probe, part, out=scores[first : first + _PART_BLOCKS])
    return scores * np.float32(scale)


def _timed(spent: dict[str, list[float]], name: str, call: Callable[[], T]) -> T:
    call()  # so that each finds in the cache what it can, whatever ran before it
    began = time.perf_counter()
    result = call()
    spent.setdefault(name, []).append(1000 * (time.perf_counter() - began))
    return result


def _table(figures: dict[str, Any]) -> Table:
    table = Table(title=f"{figures['dimension']} values a template, {figures['blas_threads']} BLAS thread")
    columns = {
        "rows": "rows",
        "match_ms": "match ms",
        "batch_ms": "batch ms",
        "floor_ms": "floor ms",
        "numpy_ms": "numpy ms",
        "ratio_numpy": "times",
        "ratio_floor": "of floor",
        "half_ms": "f16 ms",
        "int8_ms": "int8 ms",
        "load_s": "load s",
        "load_stall_ms": "stall ms",
        "idle_stall_ms": "idle ms",
        "set_mb": "set MB",
    }
    for title in columns.values():
        table.add_column(title, justify="right")
    for size in figures["sizes"]:
        table.add_row(*(f"{size[column]:,}" for column in columns))
    return table
