"""The enrolment machine's table pair by pair, its drawing, and random lives that keep its promises."""

from itertools import product

import hypothesis.strategies as some
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from enroll import wizard
from enroll.wizard.choices import LANGUAGES
from enroll.wizard.signals import (
    AGAIN_BUTTON,
    AGREE_BUTTON,
    EMPLOYEE_BUTTON,
    GO_ON_BUTTON,
    LOOK_BUTTON,
    OTHER_BASIS_BUTTON,
    OTHER_EMPLOYEE_BUTTON,
    PHOTO_BUTTON,
    REFUSE_BUTTON,
    SKIP_BUTTON,
    CameraChanged,
    Enrol,
    EnrolFailed,
    Enrolled,
    Found,
    Input,
    Recognise,
    Recognised,
    Saw,
    Search,
    Searched,
    Tapped,
    Tick,
    Typed,
)
from enroll.wizard.states import (
    Cancelled,
    Capture,
    Checking,
    ChoosePin,
    Done,
    Duplicate,
    FindEmployee,
    NoCamera,
    NotEnrolled,
    OfferLooks,
    Purpose,
    Saving,
    SelfTest,
    State,
    Why,
)
from enroll.wizard.values import Draft, Ground, WizardRules
from sync.messages import PadVerdict
from terminal.quality import Reason
from terminal.screens.catalogue import LOCALES
from terminal.visit.signals import BACK_BUTTON, BACKSPACE, CANCEL, ENTER
from tests.enroll.wizard_life import INPUTS, NOBODY, PIN, ROSTER, STATES, YAWS, Life, camera, lives, moment, saw

BUTTONS = (
    AGAIN_BUTTON, AGREE_BUTTON, GO_ON_BUTTON, OTHER_BASIS_BUTTON, OTHER_EMPLOYEE_BUTTON, PHOTO_BUTTON, REFUSE_BUTTON,
    SKIP_BUTTON, BACK_BUTTON, CANCEL, ENTER, BACKSPACE, *"0123456789", "nowhere", "", f"{LOOK_BUTTON}glasses",
    f"{LOOK_BUTTON}crown", f"{EMPLOYEE_BUTTON}1001", f"{EMPLOYEE_BUTTON}7", "language:en", "language:xx",
)  # fmt: skip
EXAMPLES: dict[type[Input], tuple[Input, ...]] = {
    Saw: (
        NOBODY,
        *(saw(yaw, person=person) for yaw, person in product((0.0, 0.2, -0.2), (0, 1))),
        saw(reason=Reason.TOO_FAR),
        saw(pad=PadVerdict.ATTACK),
    ),
    CameraChanged: tuple(camera(state) for state in ("ok", "starting", "lost")),
    Tapped: tuple(Tapped(button=button) for button in BUTTONS),
    Typed: (
        *(Typed(key=key) for key in (*"0123456789x.💥", "", ENTER, BACKSPACE, CANCEL)),
        *(Typed(key=ENTER, burst=burst) for burst in ("1001", "no number", PIN)),
    ),
    Searched: tuple(Searched(check=check, found=found, other="1002") for check in (1, 2, 9) for found in Found),
    Recognised: tuple(Recognised(check=check, employee=who) for check in range(5) for who in ("1001", "1002", None)),
    Enrolled: tuple(Enrolled(save=save) for save in range(5)),
    EnrolFailed: tuple(EnrolFailed(save=save, attempt=attempt) for save, attempt in product(range(5), range(5))),
    Tick: (Tick(),),
}


@pytest.mark.parametrize("given", INPUTS)
def test_every_pair_of_the_table_goes_where_it_says(given: type[Input]) -> None:
    for state, life in lives():
        allowed = wizard.targets(state, given)
        for example, later_s in product(EXAMPLES[given], (0.0, 5.0, 600.0)):
            after, _ = wizard.step(life.wizard, example, moment(life.at_s + later_s))
            assert type(after.state) in allowed, f"{state.__name__} x {example} -> {after.state}"


def test_the_table_has_every_pair_and_leads_to_every_state() -> None:
    assert set(wizard.TABLE) == {(state, given) for state in STATES for given in INPUTS}
    reached = {to for state, given in wizard.TABLE for to in wizard.targets(state, given) if to is not state}
    assert reached == set(STATES)


def test_the_diagram_is_drawn_from_the_table() -> None:
    drawn = wizard.diagram()
    assert drawn.startswith("stateDiagram-v2\n    [*] --> FindEmployee\n")
    assert "    Checking --> Duplicate: Searched: hear_search\n" in drawn
    done = [line.strip() for line in drawn.splitlines() if "--> Done" in line]
    assert all(": Enrolled: " in line for line in done), "only the register's word says so"
    stored = {line.split()[0] for line in drawn.splitlines() if "--> Saving" in line}
    assert not stored & {"FindEmployee", "Purpose", "Duplicate"}


def test_every_button_that_is_offered_does_something() -> None:
    for state, life in lives():
        for button in wizard.choices(life.wizard):
            after, _ = wizard.step(life.wizard, Tapped(button=button), moment(life.at_s))
            assert after != life.wizard, f"{button} in {state.__name__}"
    assert set(LANGUAGES) == set(LOCALES)


def test_the_way_without_a_face_is_open_from_the_purpose_to_the_end() -> None:
    closed = {"FindEmployee", "Duplicate", "Saving", "Done", "Cancelled"}
    without = {"ChoosePin", "NotEnrolled"}  # those who are on it already, or whose wish may be there
    for state, life in lives():
        offered = REFUSE_BUTTON in wizard.choices(life.wizard)
        assert offered == (state.__name__ not in closed) or state.__name__ in without, state.__name__


def test_no_repr_shows_a_name_a_pin_or_a_sample() -> None:
    life = Life()
    life.agree()
    shown = [repr(life.wizard)]
    life.pose()
    shown += [repr(life.wizard), repr(life.searches)]
    life.search()
    for key in (*PIN, ENTER, *PIN, ENTER):
        shown.append(repr(Typed(key=key)))
        life.type(key)
        shown.append(repr(life.wizard))
    life.walk_up()
    shown += [repr(life.wizard), repr(life.questions), repr(life.wishes), repr(saw())]
    text = "\n".join(shown)
    assert "1001" in text, "a number may be seen"
    for secret in ("Rahasia", "array", "float32", PIN, PIN[:3]):
        assert secret not in text, secret


# --- random lives ---------------------------------------------------------------------------------------------------

LIVELY = precondition(lambda self: not wizard.is_over(self.wizard))
KEYS = some.sampled_from([*"0123456789x.", ENTER, BACKSPACE, "", "💥", *"0123456789x.", CANCEL])


class RandomLives(RuleBasedStateMachine):
    """Whatever happens in whatever order: no Enrol without a basis, none with a refused duplicate, and an end."""

    def __init__(self) -> None:
        super().__init__()
        rules = WizardRules(duty=True, pin_required=False, looks=("glasses",), same_person=0.3)
        self.wizard = wizard.start(rules, moment(), administrator="9", roster=ROSTER)
        self.at_s = 0.0
        self.decided: set[tuple[str, Ground]] = set()
        self.refused: set[tuple[int, ...]] = set()
        self.clear: set[tuple[int, ...]] = set()
        self.searches: list[Search] = []
        self.questions: list[Recognise] = []
        self.wishes: list[Enrol] = []
        self.waiting: list[Enrol] = []
        self.stored: list[Enrol] = []

    def give(self, given: Input) -> None:
        before: State = self.wizard.state
        offered = wizard.choices(self.wizard)
        self.wizard, effects = wizard.step(self.wizard, given, moment(self.at_s))
        after = self.wizard.state
        assert type(after) in wizard.targets(type(before), type(given))
        if (draft := self.draft()) is not None and isinstance(given, Tapped | Typed):
            ground = draft.decision.ground
            if isinstance(before, Purpose) or (ground is Ground.NO_FACE and REFUSE_BUTTON in offered):
                self.decided.add((draft.employee, ground))
        if isinstance(after, Done):
            assert isinstance(before, Done) or isinstance(given, Enrolled)
        if isinstance(after, Saving) and isinstance(before, SelfTest) and isinstance(given, Recognised):
            assert given.employee == after.draft.employee
        for effect in effects:
            match effect:
                case Search():
                    self.searches.append(effect)
                case Recognise():
                    self.questions.append(effect)
                case Enrol():
                    self.enrol(effect, after)

    def draft(self) -> Draft | None:
        state = self.wizard.state
        inner = getattr(state, "capture", getattr(state, "waiting", state))
        found = getattr(inner, "draft", None)
        return found if isinstance(found, Draft) else None

    def enrol(self, wish: Enrol, after: State) -> None:
        assert isinstance(after, Saving)
        assert (wish.employee, wish.decision.ground) in self.decided
        assert wish.decision.text_version
        assert wish.decision.at <= moment(self.at_s).at
        used = tuple(sorted(map(id, (*wish.samples, *(each for look in wish.looks.values() for each in look)))))
        if wish.decision.ground is Ground.NO_FACE:
            assert (used, wish.photo, wish.pin is not None) == ((), False, True)
        else:
            assert used in self.clear, "the very samples that were searched for"
            assert used not in self.refused
            assert len(wish.samples) >= len(self.wizard.rules.poses)
            assert wish.pad is not PadVerdict.ATTACK
            assert wish.pad is not PadVerdict.BONA_FIDE or {each.pad for each in wish.samples} == {wish.pad}
        for earlier in self.wishes:
            if earlier.save == wish.save:
                assert (earlier.decision, earlier.pin, earlier.samples) == (wish.decision, wish.pin, wish.samples)
        self.wishes.append(wish)
        self.waiting.append(wish)

    @rule(seconds=some.sampled_from([0.01, 0.5, 3.0, 3.0, 9.0, 15.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.at_s += seconds
        self.give(Tick())

    @LIVELY
    @rule(
        yaw=some.sampled_from([0.0, 0.2, -0.2]),
        person=some.sampled_from([0, 0, 0, 1]),
        reason=some.sampled_from([None, None, None, Reason.TOO_FAR]),
        pad=some.sampled_from([PadVerdict.NOT_CHECKED, *3 * [PadVerdict.BONA_FIDE], *PadVerdict]),
        track=some.integers(0, 2),
    )
    def somebody_is_seen(self, yaw: float, person: int, reason: Reason | None, pad: PadVerdict, track: int) -> None:
        self.at_s += 1
        looked = isinstance(self.wizard.state, Capture | SelfTest)
        self.give(saw(yaw, person=person, reason=reason, pad=pad, track=track))
        if looked and pad is PadVerdict.ATTACK:
            assert not isinstance(self.wizard.state, Capture | SelfTest)
            assert not (draft := self.draft()) or draft.samples == ()

    @LIVELY
    @rule(sees=some.sampled_from(["ok", "ok", "starting", "lost"]))
    def the_camera_changes(self, sees: str) -> None:
        self.give(camera(sees))
        self.give(NOBODY)

    @LIVELY
    @rule(key=KEYS)
    def a_key_is_typed(self, key: str) -> None:
        self.give(Typed(key=key))

    @LIVELY
    @rule(button=some.sampled_from(BUTTONS))
    def a_button_is_tapped(self, button: str) -> None:
        self.give(Tapped(button=button))

    @LIVELY
    @rule(pick=some.integers(0, 9))
    def what_is_offered_is_tapped(self, pick: int) -> None:
        if offered := [button for button in wizard.choices(self.wizard) if button != CANCEL]:
            self.give(Tapped(button=offered[pick % len(offered)]))

    @LIVELY
    @rule(times=some.integers(1, 9), agrees=some.sampled_from([AGREE_BUTTON, AGREE_BUTTON, OTHER_BASIS_BUTTON]))
    def it_goes_well_for_a_while(self, times: int, agrees: str) -> None:
        for _ in range(times):
            self.at_s += 1
            match self.wizard.state:
                case FindEmployee():
                    self.give(Tapped(button=f"{EMPLOYEE_BUTTON}1001"))
                case Purpose():
                    self.give(Tapped(button=agrees))
                case Capture(poses=(pose, *_)):
                    self.give(saw(YAWS[pose]))
                case OfferLooks():
                    self.give(Tapped(button=GO_ON_BUTTON))
                case Checking():
                    self.the_search_answers(Found.NOBODY, True)
                case ChoosePin():
                    self.a_pin_is_typed_twice(PIN)
                case SelfTest():
                    self.give(NOBODY)
                    self.give(saw())
                    if self.questions:
                        self.the_test_is_answered("1001", True)
                case NoCamera():
                    self.give(camera("ok"))
                case Saving():
                    return  # what the register says is left to chance
                case _:
                    self.give(Tapped(button=AGAIN_BUTTON))

    @LIVELY
    @rule()
    def all_poses_are_held(self) -> None:
        for yaw in (0.0, 0.2, -0.2):
            self.at_s += 1
            self.give(saw(yaw))

    @LIVELY
    @rule(pin=some.sampled_from([PIN, PIN, "777777"]))
    def a_pin_is_typed_twice(self, pin: str) -> None:
        for key in (*pin, ENTER, *pin, ENTER):
            self.give(Typed(key=key))

    @precondition(lambda self: self.searches)
    @rule(found=some.sampled_from([Found.NOBODY, Found.NOBODY, *Found]), newest=some.booleans())
    def the_search_answers(self, found: Found, newest: bool) -> None:
        asked = self.searches[-1 if newest else 0]
        used = tuple(sorted(map(id, asked.samples)))
        (self.refused if found is Found.SAME_FACE else self.clear).add(used)
        before = self.wizard.state
        self.give(Searched(check=asked.check, found=found, other="1002"))
        if found is Found.SAME_FACE and self.wizard.state is not before:
            assert isinstance(self.wizard.state, Duplicate)
        else:
            self.refused.discard(used)  # said too late, of a question that was left

    @precondition(lambda self: self.questions)
    @rule(known_as=some.sampled_from(["1001", "1001", "1002", None]), newest=some.booleans())
    def the_test_is_answered(self, known_as: str | None, newest: bool) -> None:
        self.give(Recognised(check=self.questions[-1 if newest else 0].check, employee=known_as))

    @precondition(lambda self: self.waiting)
    @rule(works=some.booleans())
    def the_register_answers(self, works: bool) -> None:
        """Each wish once, in the order of the asking; what is there stays there."""
        wish = self.waiting.pop(0)
        if works or any(wish.save == there.save for there in self.stored):
            self.stored.append(wish)
            self.give(Enrolled(save=wish.save))
        else:
            self.give(EnrolFailed(save=wish.save, attempt=wish.attempt))

    def teardown(self) -> None:
        for _ in range(8):
            self.at_s += 200
            self.give(Tick())
        end = self.wizard.state
        assert wizard.is_over(self.wizard), f"every way leads to an end, not {end}"
        if self.stored:
            assert isinstance(end, Done), "what is there is said to be there"
        elif self.wishes:
            assert isinstance(end, Cancelled)
        if isinstance(end, Cancelled) and end.why is not Why.UNANSWERED:
            assert end.pending is None


RandomLives.TestCase.settings = hypothesis_settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRandomLives = RandomLives.TestCase


def test_random_lives_would_reach_the_end() -> None:
    """A control: the machine above can be led to Done and to NotEnrolled."""
    life = RandomLives()
    for button in (f"{EMPLOYEE_BUTTON}1001", AGREE_BUTTON):
        life.a_button_is_tapped(button)
    life.all_poses_are_held()
    life.a_button_is_tapped(GO_ON_BUTTON)
    life.the_search_answers(Found.NOBODY, True)
    life.a_pin_is_typed_twice(PIN)
    life.the_camera_changes("ok")
    life.somebody_is_seen(0.0, 0, None, PadVerdict.BONA_FIDE, 1)
    life.the_test_is_answered("1001", True)
    life.the_register_answers(False)
    assert isinstance(life.wizard.state, NotEnrolled)
    life.a_button_is_tapped(AGAIN_BUTTON)
    life.the_register_answers(True)
    assert isinstance(life.wizard.state, Done)
    life.teardown()
