"""A visit that a test drives by hand, with a card that commits when told to."""

from typing import Any

from sync.messages import PadVerdict
from terminal import visit
from terminal.sighting import CameraState
from terminal.visit.signals import (
    DESK_BUTTON,
    ENTER,
    PIN_BUTTON,
    TODAY_BUTTON,
    CameraChanged,
    CheckPin,
    Chime,
    CommitFailed,
    Committed,
    Correct,
    Corrected,
    Input,
    NoteAttack,
    NoteDesk,
    PinAnswered,
    PinVerdict,
    Record,
    Restart,
    Saw,
    SetLanguage,
    Sound,
    StartErrand,
    Tapped,
    Tick,
    Typed,
)
from terminal.visit.states import (
    State,
    VisitRules,
)
from tests.terminal.made import event, now, rules, served, sighting


class Life:
    """A visit driven by hand, with a card that commits when told to."""

    def __init__(self, policy: VisitRules | None = None) -> None:
        self.at_s = 0.0
        self.visit = visit.start(policy or rules(), now())
        self.chimes: list[Sound] = []
        self.checks: list[CheckPin] = []
        self.records: list[Record] = []
        self.corrections: list[Correct] = []
        self.desk: list[tuple[str, str]] = []
        self.notes: list[NoteAttack] = []
        self.wishes: list[SetLanguage | Restart | StartErrand] = []
        self.card_works = True
        self.administrator = False
        self.seq = 0

    @property
    def state(self) -> State:
        return self.visit.state

    def give(self, given: Input, *, after_s: float = 0.0) -> State:
        """Let time pass and something happen; the card answers at once."""
        self.at_s += after_s
        self.visit, effects = visit.step(self.visit, given, now(self.at_s))
        for effect in effects:
            match effect:
                case Chime():
                    self.chimes.append(effect.sound)
                case CheckPin():
                    self.checks.append(effect)
                case Record():
                    self.records.append(effect)
                    self.give(self.commit(effect))
                case Correct():
                    self.corrections.append(effect)
                    works = Corrected(event=effect.event, direction=effect.direction)
                    self.give(works if self.card_works else CommitFailed())
                case NoteDesk():
                    self.desk.append((effect.employee, effect.action))
                    if not self.card_works:
                        self.give(CommitFailed())
                case NoteAttack():
                    self.notes.append(effect)
                case SetLanguage() | Restart() | StartErrand():
                    self.wishes.append(effect)
        return self.visit.state

    def commit(self, effect: Record) -> Committed | CommitFailed:
        if not self.card_works:
            return CommitFailed()
        self.seq += 1
        return Committed(
            event=event(effect.punch, self.seq), first_event=effect.first, administrator=self.administrator
        )

    def see(
        self, track_id: int | None = None, employee: str | None = None, *, after_s: float = 0.1, **more: Any
    ) -> State:
        self.at_s += after_s
        earlier = more.pop("earlier", None)
        person = served(track_id, employee, **more) if track_id is not None else None
        return self.give(Saw(sighting=sighting(person, self.at_s), earlier=earlier))

    def type(self, *keys: str) -> State:
        for key in keys:
            self.give(Typed(key=key))
        return self.state

    def wait(self, seconds: float) -> State:
        return self.give(Tick(), after_s=seconds)

    def answer(self, verdict: PinVerdict, employee: str | None = None, **more: Any) -> State:
        return self.give(
            PinAnswered(check=self.checks[-1].check, verdict=verdict, employee=employee, gallery_version=7, **more)
        )


def typed_in(life: Life, number: str = "1001", pin: str = "739206") -> State:
    life.give(Tapped(button=PIN_BUTTON))
    life.type(*number, ENTER)
    return life.type(*pin, ENTER)


def attacks(life: Life, count: int, *, first: int = 100, every_s: float = 6.0) -> State:
    """So many photos are held up, one after the other; of the person 1001."""
    for track_id in range(first, first + count):
        life.wait(every_s)
        life.see(track_id, "1001", pad=PadVerdict.ATTACK, cues=("edge",), after_s=0)
    return life.state


def camera(state: str) -> CameraChanged:
    return CameraChanged(camera=CameraState(state=state))


def open_desk(life: Life) -> State:
    """The administrator's face, their day, the button, the PIN."""
    life.administrator = True
    life.see(1, "1001")
    life.give(Tapped(button=TODAY_BUTTON))
    life.give(Tapped(button=DESK_BUTTON))
    life.type(*"739206", ENTER)
    return life.answer(PinVerdict.OK, "1001", administrator=True)
