"""A clip seen again as the kiosk sees it, as fast as it goes, with the clip's own time as the clock.

For regression tests and for finding out afterwards why somebody was not recognised. Nothing is recorded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config import Config
from config import replace as with_settings
from errors import HadirError
from sync import keys, releases
from terminal.camera import Camera, CameraEnded, open_camera
from terminal.faces import open_engine
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.matching import Identification
from terminal.quality import Reason
from terminal.sighting import Sighting


class ReplayRefused(HadirError):
    """The clip or the encoding set cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """What is known of one track while it is served. Times are seconds of the clip."""

    track_id: int
    first_seen_s: float
    last_seen_s: float
    frames: int = 0
    misses: int = 0
    decided_s: float | None = None
    found: Identification | None = None
    hints: tuple[Reason, ...] = ()


def replay(settings: Config, path: Path, gallery: Path) -> Iterator[dict[str, Any]]:
    """Yield one dict for every track that was served in the clip or folder `path`, when its visit is over.

    `gallery` is an encoding set signed for this office. `first_seen_s`, `decided_s` (absent: null) and `last_seen_s` in
    seconds of the clip; `track`; `outcome` match, no_match, ambiguous or undecided; `employee`, `score`, `margin`;
    `frames` in which it was served, `misses`, `hints` in the order they were first given. Raises CameraFailed for what
    is no clip, ReplayRefused or ReleaseRefused for what is no set, ModelUnavailable.
    """
    engine = open_engine(settings.engine)
    known = gallery_of(settings, gallery, engine.engine_id)
    kind = "folder" if path.is_dir() else "file"
    source = with_settings(settings, camera={"source": f"{kind}:{path.resolve()}"})
    with open_camera(source.camera, real_time=False) as camera:
        looker = Looker(engine, settings, idle_look_s=settings.camera.idle_look_s)
        yield from visits(camera, looker, known)


def visits(camera: Camera, looker: Looker, gallery: Gallery) -> Iterator[dict[str, Any]]:
    """Yield the visits that `looker` sees through `camera` until it ends, as `replay` does."""
    open_visits: dict[int, _Visit] = {}
    began: tuple[int, Any] | None = None
    while True:
        try:
            frame = camera.read()
        except CameraEnded:
            break
        began = began or (frame.monotonic_ns, frame.taken_at)
        now_s = (frame.monotonic_ns - began[0]) / 1e9
        sighting = looker.look(frame, gallery)
        served = sighting.served
        if served is not None:
            first_seen_s = (served.first_seen_at - began[1]).total_seconds()
            before = open_visits.get(
                served.track_id, _Visit(track_id=served.track_id, first_seen_s=first_seen_s, last_seen_s=now_s)
            )
            open_visits[served.track_id] = _seen(before, sighting, now_s)
        for track_id in [each for each in open_visits if each != (served.track_id if served else None)]:
            # Somebody less near may be served in between: a visit is over when its track is.
            if not looker.follows(track_id):
                yield _line(open_visits.pop(track_id))
    yield from map(_line, open_visits.values())


def _has_key(settings: Config) -> bool:
    return (settings.terminal.key_folder / f"{keys.DEVICE}.key").exists()


def gallery_of(settings: Config, path: Path, engine_id: str) -> Gallery:
    """Return the gallery in the encoding set `path`, signed for this office by the key this kiosk trusts.

    Raises ReplayRefused or ReleaseRefused.
    """
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise ReplayRefused(f"{path} cannot be read ({error.strerror}); give an encoding set (.hset)") from error
    trusted = keys.load_public(settings.terminal.release_key)
    own = keys.load_private(settings.terminal.key_folder / f"{keys.DEVICE}.key") if _has_key(settings) else None
    content = releases.open_set(
        blob, trusted=trusted, office=settings.office.id, engine_id=engine_id, newer_than=-1, reader=own
    )
    return Gallery.from_set(content)


def _seen(visit: _Visit, sighting: Sighting, now_s: float) -> _Visit:
    served = sighting.served
    if served is None:
        return visit
    new = served.identification is not None and served.identification != visit.found
    hints = visit.hints
    if served.hint is not None and served.hint not in hints:
        hints = (*hints, served.hint)
    return replace(
        visit,
        last_seen_s=now_s,
        frames=visit.frames + 1,
        misses=served.misses,
        decided_s=now_s if new else visit.decided_s,
        found=served.identification,
        hints=hints,
    )


def _line(visit: _Visit) -> dict[str, Any]:
    found = visit.found
    return {
        "track": visit.track_id,
        "first_seen_s": round(visit.first_seen_s, 3),
        "decided_s": None if visit.decided_s is None else round(visit.decided_s, 3),
        "last_seen_s": round(visit.last_seen_s, 3),
        "outcome": found.outcome.value if found else "undecided",
        "employee": found.employee if found else None,
        "score": None if found is None or found.score is None else round(found.score, 4),
        "margin": None if found is None or found.margin is None else round(found.margin, 4),
        "frames": visit.frames,
        "misses": visit.misses,
        "hints": [hint.value for hint in visit.hints],
    }
