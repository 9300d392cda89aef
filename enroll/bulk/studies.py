"""Photos studied ahead of the desk, several people's at once, and handed over in the order they were asked for.

What comes out does not depend on how many workers there are: each study is one worker's alone, and the desk compares
and writes them one after the other. Decoding and OpenCV's networks let go of the interpreter, so threads are enough.
A worker leaves OpenCV one core, where one alone leaves it all of them: what that brings is `faster` of
`hadir bench enrol`.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

import config
from enroll.samples import Study, fingerprint, study_photos
from terminal.faces import Engine, open_engine

MOST_WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One person's photos of one look. `kept` is what their template in the register was made from: those are not
    studied again. `thumbnails` asks for small pictures of them, `samples` for those to be kept for a later engine."""

    photos: Sequence[Path]
    kept: str | None
    thumbnails: bool = False
    samples: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """What a job gave: `made_from` is the photos' fingerprint, `study` absent where it is `Job.kept`."""

    made_from: str
    study: Study | None


Pending = Callable[[], Studied]
"""Waits until a job is done and returns what it gave. Raises ModelUnavailable."""


def default_workers() -> int:
    """Return how many workers this machine can use: one for each core that this process may run on."""
    return max(1, min(MOST_WORKERS, len(os.sched_getaffinity(0))))


@contextmanager
def studying(settings: config.Config, engine: Engine, *, workers: int) -> Iterator[Callable[[Job], Pending]]:
    """Yield a function that has a job studied: by `workers` threads ahead of the asker, or when asked for with one.

    `engine` is used by one thread at a time, and the caller does not use it meanwhile; further workers load their own.
    On leaving, jobs not yet begun are dropped.
    """
    if workers <= 1:
        yield lambda job: lambda: _studied(job, engine, settings)
        return
    engines: queue.SimpleQueue[Engine] = queue.SimpleQueue()
    engines.put(engine)
    own = threading.local()

    def work(job: Job) -> Studied:
        if not hasattr(own, "engine"):
            try:
                own.engine = engines.get_nowait()
            except queue.Empty:
                own.engine = open_engine(settings.engine)
        return _studied(job, own.engine, settings)

    before = cv2.getNumThreads()
    # OpenCV's own threads would only stand in the workers' way: together they are more than there are cores.
    cv2.setNumThreads(max(1, default_workers() // workers))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="study")
    try:
        yield lambda job: _result_of(pool.submit(work, job))
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(before)


def _result_of(future: "Future[Studied]") -> Pending:
    return future.result


def _studied(job: Job, engine: Engine, settings: config.Config) -> Studied:
    made_from = fingerprint(job.photos, engine.engine_id, settings)
    if made_from == job.kept:
        return Studied(made_from=made_from, study=None)
    study = study_photos(job.photos, engine, settings, thumbnails=job.thumbnails, samples=job.samples)
    return Studied(made_from=made_from, study=study)
