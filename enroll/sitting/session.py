"""One enrolment at a screen: the machine of `wizard`, and what it asks for, done. The kiosk and the desk both sit here.

The main thread steps it and draws it; searching, recognising, hashing and storing are done by a worker, one after the
other, so that nobody who waits for a picture waits for those. Samples, PIN and name stay in memory.
"""

import logging
import queue
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from enroll import wizard as machine
from enroll.wizard.signals import (
    Effect,
    Enrol,
    EnrolFailed,
    Enrolled,
    Input,
    Recognise,
    Recognised,
    Saw,
    Search,
    Searched,
    Speak,
)
from enroll.wizard.states import Cancelled, Done, FindEmployee, State, Wizard
from errors import where
from terminal.errand import Eyes, Given, Glance, Wish
from terminal.provisional import EnrolmentKept, KeepEnrolment
from terminal.screens.catalogue import language
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.screens.words import Words
from terminal.visit.signals import CameraChanged, Chime, CommitFailed, Tapped, Tick, Typed
from terminal.visit.states import Now

READ_S = 6.0
"""How long the end is shown, unless somebody touches it away."""
DOUBT_S = 20.0
"""How long an end without an answer is shown: the answer may still come."""

_log = logging.getLogger("hadir.enroll.sitting")

Answer = Searched | Recognised | Enrolled | EnrolFailed | KeepEnrolment
Job = Callable[[], Answer | None]
Worker = Callable[[Job, Callable[[Answer | None], None]], None]
"""Does a job, now or later, and hands its answer to the second argument, on any thread; None where there is none."""


class Place(Protocol):
    """What an enrolment asks where it takes place. The worker calls it; it may wait."""

    def search(self, asked: Search) -> Searched:
        """Return whose face this is, other than the employee's. Raises HadirError."""
        ...

    def recognise(self, asked: Recognise) -> Recognised:
        """Return who this is by the office's policy. Raises HadirError."""
        ...

    def save(self, asked: Enrol, id_: str) -> Enrolled | EnrolFailed | KeepEnrolment:
        """Return Enrolled where all of it is stored, once by `id_`; EnrolFailed where nothing is; or what is to be
        kept, whose id is `id_`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """How an enrolment shows itself and speaks."""

    draw: Callable[[Wizard, Context], Screen]
    say: Callable[[Wizard, Words], str | None]


class Thread:
    """A worker with a thread of its own, which ends with `close` after the job it has begun."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Job, Callable[[Answer | None], None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="enrolment", daemon=True)
        self._thread.start()

    def __call__(self, job: Job, answer: Callable[[Answer | None], None]) -> None:
        self._jobs.put((job, answer))

    def close(self) -> None:
        """No job is begun any more after those there are."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (asked := self._jobs.get()) is not None:
            job, answer = asked
            answer(job())


def at_once(job: Job, answer: Callable[[Answer | None], None]) -> None:
    """The job is done and answered: a worker for who has no screen to draw meanwhile."""
    answer(job())


class Sitting:
    """One enrolment under way: an errand of the kiosk (`terminal.errand.Errand`). Use it from one thread."""

    def __init__(
        self,
        wizard: Wizard,
        place: Place,
        *,
        face: Face,
        eyes: Callable[[Callable[[], Wizard]], Eyes],
        worker: Worker,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        """`eyes` makes what studies frames for the machine as it is. `leave` is called once when it is closed."""
        self.wizard = wizard
        """The machine as it is now; swapped whole, so that any thread may read it."""
        self._place, self._face, self._worker, self._leave = place, face, worker, leave
        self._eyes = eyes(lambda: self.wizard)
        self._language = wizard.language
        self._answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._ids: dict[int, str] = {}
        self._saving: Enrol | None = None
        self._keeping = False
        self._ended: tuple[type[State], float] | None = None
        self._read = self._closed = False

    @property
    def eyes(self) -> Eyes:
        return self._eyes

    @property
    def employee(self) -> str | None:
        state = self.wizard.state
        return state.employee if isinstance(state, Done) else None

    @property
    def over(self) -> bool:
        return self._read

    @property
    def language(self) -> str:
        """The language of what is shown now: the person's, and the administrator's while it is not known whose."""
        return self.wizard.language if isinstance(self.wizard.state, FindEmployee) else self._language

    def step(self, given: Given, now: Now) -> tuple[Wish, ...]:
        """Return the tones, in order; what else the machine asks for is being done."""
        if self._ended is not None and isinstance(given, Tapped | Typed):
            self._read = True
            return ()
        if isinstance(given, EnrolmentKept | CommitFailed):
            wishes = self._hear(self._kept(given), now)
        else:
            wishes = self._feed(_heard(given), now)
        while not self._answers.empty():
            wishes += self._hear(self._answers.get_nowait(), now)
        self._look_for_the_end(now)
        return tuple(wishes)

    def screen(self, context: Context) -> Screen:
        return self._face.draw(self.wizard, replace(context, say=language(self.language)))

    def spoken(self, context: Context) -> tuple[str, str] | None:
        words = self._face.say(self.wizard, language(self.language))
        return (words, self.language) if words else None

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._leave()
            # What the eyes can still reach has neither samples nor PIN.
            self.wizard = replace(self.wizard, state=FindEmployee(until_s=0.0))

    # --- the machine and its effects --------------------------------------------------------------------------------

    def _feed(self, given: Input | None, now: Now) -> list[Wish]:
        if given is None:
            return []
        before = type(self.wizard.state)
        self.wizard, effects = machine.step(self.wizard, given, now)
        if type(self.wizard.state) is not before:
            _log.info("enrolment: %s", type(self.wizard.state).__name__)
        return [wish for effect in effects if (wish := self._do(effect)) is not None]

    def _do(self, effect: Effect) -> Wish | None:
        match effect:
            case Chime():
                return effect
            case Speak():
                self._language = effect.language
            case Search():
                self._worker(lambda: _tried(lambda: self._place.search(effect), None), self._answers.put)
            case Recognise():
                nobody = Recognised(check=effect.check, employee=None)
                self._worker(lambda: _tried(lambda: self._place.recognise(effect), nobody), self._answers.put)
            case Enrol():
                self._save(effect)
            case _:
                assert_never(effect)
        return None

    def _save(self, asked: Enrol) -> None:
        """A wish that is still under way is not made a second time: its answer is that to the newest try."""
        under_way, self._saving = self._saving is not None, asked
        if under_way:
            return
        id_ = self._ids.setdefault(asked.save, uuid.uuid4().hex)
        failed = EnrolFailed(save=asked.save, attempt=asked.attempt)
        self._worker(lambda: _tried(lambda: self._place.save(asked, id_), failed), self._answers.put)

    def _kept(self, given: EnrolmentKept | CommitFailed) -> Answer | None:
        """Return what the card's answer says to what is being saved; None where it is to something else."""
        asked = self._saving
        if asked is None or not self._keeping:
            return None
        if isinstance(given, EnrolmentKept):
            return Enrolled(save=asked.save) if given.id == self._ids.get(asked.save) else None
        return EnrolFailed(save=asked.save, attempt=asked.attempt)

    def _hear(self, answer: Answer | None, now: Now) -> list[Wish]:
        match answer:
            case KeepEnrolment():
                self._keeping = True
                return [answer]
            case Enrolled() | EnrolFailed():
                asked, self._saving, self._keeping = self._saving, None, False
                if isinstance(answer, EnrolFailed) and asked is not None:  # that of the newest try
                    answer = EnrolFailed(save=asked.save, attempt=asked.attempt)
        return self._feed(answer, now)

    def _look_for_the_end(self, now: Now) -> None:
        if not machine.is_over(self.wizard):
            return
        state = self.wizard.state
        if self._ended is None or self._ended[0] is not type(state):
            self._ended = (type(state), now.monotonic_s)
        in_doubt = isinstance(state, Cancelled) and state.pending is not None
        if now.monotonic_s >= self._ended[1] + (DOUBT_S if in_doubt else READ_S):
            self._read = True


def _heard(given: Glance | CameraChanged | Tapped | Typed | Tick) -> Input:
    match given:
        case Glance():
            return Saw(
                quality=given.quality,
                yaw=given.yaw,
                vector=given.vector,
                pad=given.pad,
                track=given.track,
                waits=given.waits,
            )
        case CameraChanged() | Tapped() | Typed() | Tick():
            return given
        case _:
            assert_never(given)


def _tried(job: Job, otherwise: Answer | None) -> Answer | None:
    """Return what the job answers, `otherwise` where it fails, which the log says without a name."""
    try:
        return job()
    except Exception as error:  # noqa: BLE001 - the border of the worker: whoever waits is answered
        _log.error("an enrolment's question failed: %s at %s", type(error).__name__, where(error))
        return otherwise
