"""Every state of an enrolment with believable content, for eyes and for tests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from enroll import wizard
from enroll.purpose import VERSION
from enroll.wizard.states import (
    Cancelled,
    Capture,
    CaptureProblem,
    Checking,
    ChoosePin,
    Done,
    Duplicate,
    FindEmployee,
    NoCamera,
    NotEnrolled,
    NumberProblem,
    OfferLooks,
    Purpose,
    Saving,
    SelfTest,
    SelfTestFailed,
    Stalled,
    State,
    Walk,
    Why,
    Wizard,
)
from enroll.wizard.values import Decision, Draft, Entry, Ground, Pose, Sample, WizardRules
from terminal.display.specimens import NOW
from terminal.pin.policy import PinFlaw
from terminal.quality import Reason
from terminal.sighting import CameraTrouble
from tests.enroll.wizard_life import vector

FIRST = ("Siti", "Budi", "Agus", "Wahyu", "Dewi", "Made", "Ratna", "Joko", "Endang", "Yusuf")
LAST = ("Nurhaliza", "Santoso", "Kusumawardhani", "Hidayat", "Lestari", "Suryaningsih", "Prasetyo")
LONG = "Raden Mas Suryadiningrat Kusumawardhani Hadiningrat, S.Kom., M.M."
NIP = "198701152010011001"
ROSTER = (
    Entry(number="1001", name="Siti Nurhaliza Wijayanti, S.Sos."),
    Entry(number="1002", name="Suharto", enrolled=True),
    Entry(number="1003", name=LONG, enrolled=True),
    Entry(number=NIP, name=LONG),
)
MANY = tuple(
    Entry(number=f"{2001 + n}", name=f"{FIRST[n % 10]} {LAST[n % 7]}", enrolled=n % 3 == 0) for n in range(500)
)
LANGUAGES = ("id", "en", "jv")
AT_S = NOW.monotonic_s + 60
LIVE: Mapping[str, Any] = {"picture": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """One screen: what it is called, the wizard, and what of the context differs from an ordinary morning."""

    name: str
    wizard: Wizard
    changes: Mapping[str, Any]


def decision(ground: Ground = Ground.CONSENT, language: str = "id") -> Decision:
    return Decision(ground=ground, text_version=VERSION, language=language, at=NOW.at)


def draft(samples: int = 0, *, employee: str = "1001", **changes: Any) -> Draft:
    taken = tuple(Sample(vector=vector(), quality=0.8) for _ in range(samples))
    made = Draft(employee=employee, decision=decision(), samples=taken)
    return replace(made, **changes)


def capture(taken: int = 0, **changes: Any) -> Capture:
    made = Capture(draft=draft(taken), poses=tuple(Pose)[taken:], until_s=AT_S, quality=0.72)
    return replace(made, **changes)


def specimens(language: str = "id") -> Iterator[Specimen]:
    """Yield every state of an enrolment, with every problem and reason it can show."""
    for name, state, rules, changes in _states(language):
        roster = MANY if name.startswith("find-many") else ROSTER
        made = wizard.start(WizardRules(**rules), NOW, administrator="9", roster=roster, language=language)
        yield Specimen(name=name, wizard=replace(made, state=state), changes=changes)


Made = tuple[str, State, dict[str, Any], Mapping[str, Any]]


def _states(language: str) -> Iterator[Made]:
    yield from _finding()
    asked = Purpose(employee="1001", until_s=AT_S, language=language)
    yield "purpose", asked, {}, {}
    yield "purpose-photo", replace(asked, photo=True), {}, {}
    yield "purpose-duty", asked, {"duty": True}, {}
    yield "purpose-long", replace(asked, employee=NIP), {"duty": True}, {}
    yield "purpose-no-photo", asked, {"photo_offered": False}, {}
    yield from _captures()
    yield "looks", OfferLooks(draft=draft(3), looks=("glasses", "jilbab", "mask"), until_s=AT_S), {}, {}
    yield "looks-one", OfferLooks(draft=draft(5), looks=("mask",), until_s=AT_S), {}, {}
    yield "looks-own", OfferLooks(draft=draft(3), looks=tuple("abcdef"), until_s=AT_S), {}, {}
    yield "checking", Checking(draft=draft(3), check=1, until_s=AT_S), {}, {}
    yield "checking-unanswered", Checking(draft=draft(3), check=1, until_s=AT_S, unanswered=True), {}, {}
    yield "duplicate", Duplicate(employee="1001", other="1002", until_s=AT_S), {}, {}
    yield "duplicate-long", Duplicate(employee=NIP, other=NIP[::-1], until_s=AT_S), {}, {}
    yield from _pins()
    yield from _tests()
    for taken in (3, 12):
        yield f"test-failed-{taken}", SelfTestFailed(draft=draft(taken), until_s=AT_S), {}, {}
    for trouble in (None, *CameraTrouble):
        down = {"camera": "lost", "trouble": trouble}
        yield f"no-camera-{trouble or 'unknown'}", NoCamera(waiting=capture(1), until_s=AT_S), {}, down
    yield from _ends()


def _finding() -> Iterator[Made]:
    empty = FindEmployee(until_s=AT_S)
    yield "find", empty, {}, {}
    yield "find-many", empty, {}, {}
    yield "find-many-typed", replace(empty, number="204"), {}, {}
    yield "find-many-nobody", replace(empty, number="77"), {}, {}
    yield "find-long", replace(empty, number=NIP), {}, {}
    for problem in NumberProblem:
        yield f"find-many-{problem}", replace(empty, problem=problem), {}, {}


def _captures() -> Iterator[Made]:
    for taken, pose in enumerate(Pose):
        yield f"capture-{pose}", capture(taken), {}, LIVE
    for hint in Reason:
        yield f"capture-hint-{hint}", capture(1, hint=hint, quality=0.15), {}, LIVE
    for problem in CaptureProblem:
        yield f"capture-{problem}", capture(2, problem=problem), {}, LIVE
    for look in ("glasses", "jilbab", "mask"):
        worn = capture(3, poses=(Pose.FRONT,), look=look, hint=Reason.MASK if look == "mask" else None)
        yield f"capture-{look}", worn, {}, LIVE
    yield "capture-as-they-stand", capture(1, as_they_stand=True), {}, LIVE
    yield "capture-taken", capture(1, taken_at_s=NOW.monotonic_s - 0.2), {}, LIVE
    yield "capture-dark", capture(quality=0.0), {}, {}
    for hint in (None, Reason.TOO_DARK):
        stalled = Stalled(capture=capture(1, hint=hint), until_s=AT_S)
        yield f"stalled-{hint or 'unknown'}", stalled, {}, {}
    yield "stalled-refused", Stalled(capture=capture(), until_s=AT_S, refused=True), {}, {}


def _pins() -> Iterator[Made]:
    faced = ChoosePin(draft=draft(3), until_s=AT_S)
    bare = ChoosePin(draft=draft(decision=decision(Ground.NO_FACE)), until_s=AT_S)
    yield "pin", faced, {}, {}
    yield "pin-typed", replace(faced, code="73"), {"pin_required": False}, {}
    yield "pin-repeat", replace(faced, code="739", first="739206"), {}, {}
    yield "pin-no-face", bare, {}, {}
    yield "pin-long", replace(bare, draft=replace(bare.draft, employee=NIP)), {}, {}
    yield "pin-different", replace(faced, different=True), {"pin_required": False}, {}
    for flaw in PinFlaw:
        yield f"pin-{flaw}", replace(faced, flaw=flaw), {"pin_required": False}, {}


def _tests() -> Iterator[Made]:
    for walk in Walk:
        yield f"test-{walk}", SelfTest(draft=draft(3), until_s=AT_S, walk=walk), {}, LIVE
    hinted = SelfTest(draft=draft(3), until_s=AT_S, walk=Walk.WALK_UP, hint=Reason.TOO_DARK)
    yield "test-hint", hinted, {}, LIVE
    yield "test-again", SelfTest(draft=draft(3, failed=1), until_s=AT_S), {}, LIVE


def _ends() -> Iterator[Made]:
    yield "saving", Saving(draft=draft(3), save=1, attempt=1, until_s=AT_S), {}, {}
    for name, made in (("face", draft(3)), ("bare", draft(decision=decision(Ground.NO_FACE)))):
        for unanswered in (False, True):
            failed = NotEnrolled(draft=made, save=1, attempt=1, until_s=AT_S, unanswered=unanswered)
            yield f"not-enrolled-{name}-{'unanswered' if unanswered else 'failed'}", failed, {}, {}
    yield "done-face", Done(employee="1001", by_face=True), {}, {}
    yield "done-pin", Done(employee="1002", by_face=False), {}, {}
    yield "done-long", Done(employee=NIP, by_face=True), {}, {}
    for why in Why:
        yield f"cancelled-{why}", Cancelled(why=why), {}, {}
