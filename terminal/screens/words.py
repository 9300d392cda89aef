"""What the kiosk says, as typed words with the English text of each; dates and times in the office's zone. *Pure*.

Every other language is a gettext catalogue in `terminal/locale`, read by `catalogue`. A new word is a new field here.
Short and polite, one thing at a time; never a score, never a guess at who somebody might be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from babel.dates import format_date, format_time, get_timezone_name

from sync.messages import ClockQuality, Direction, Method
from terminal.quality import Reason
from terminal.screens.facts import Fact
from terminal.screens.wizard_words import WIZARD
from terminal.sighting import CameraTrouble, Challenge
from terminal.tries import Cause
from terminal.visit.schedule import Kind
from terminal.visit.states import DeskPage, KeypadReason, PinProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language; English as it stands. `locale` is Babel's name for it; `{}` takes what the field's name says."""

    locale: str = "en_GB"
    invitation: str = "Please face the camera"
    use_pin: str = "Use PIN"
    one_moment: str = "One moment, please"
    hints: Mapping[Reason, str] = field(
        default_factory=lambda: {
            Reason.TOO_FAR: "Please come closer",
            Reason.TOO_DARK: "Too dark here, move into the light",
            Reason.TOO_BRIGHT: "Too bright here, step aside a little",
            Reason.HOLD_STILL: "Hold still for a moment",
            Reason.TURN_TO_SCREEN: "Turn your face to the screen",
            Reason.OUT_OF_VIEW: "Put your face inside the oval",
            Reason.BACKLIT: "Light behind you, step aside a little",
            Reason.MASK: "Please take off your mask for a moment",
            Reason.ONE_AT_A_TIME: "One person at a time, please",
        }
    )
    saving: str = "Saving"
    recorded: str = "Recorded"
    already_recorded: str = "Already recorded"
    directions: Mapping[Direction, str] = field(default_factory=lambda: {Direction.IN: "In", Direction.OUT: "Out"})
    farewells: Mapping[Direction, str] = field(
        default_factory=lambda: {
            Direction.IN: "Have a good day at work",
            Direction.OUT: "Have a safe way home",
        }
    )
    first_time: str = "The first time counts"
    receipt: str = "Receipt {}"
    not_recognised: str = "Not recognised yet"
    try_again_or_pin: str = "Try once more, or use your PIN"
    not_accepted: str = "Your face cannot be used now"
    not_accepted_advice: str = "Please use your PIN, or call the office admin"
    faces_pause: str = "Please use your PIN"
    faces_pause_for: str = "The camera takes faces again in {}"
    challenges: Mapping[Challenge, str] = field(
        default_factory=lambda: {
            Challenge.TURN_LEFT: "Please turn your head to the left",
            Challenge.TURN_RIGHT: "Please turn your head to the right",
            Challenge.LOOK_UP: "Please lift your chin",
            Challenge.LOOK_DOWN: "Please lower your chin",
            Challenge.COME_CLOSER: "Please come one step closer",
            Challenge.BLINK: "Please blink",
        }
    )
    cannot: str = "I cannot"
    lighting: str = "One moment, lighting your face"
    renew_face: str = "Please have your face enrolled again"
    change: str = "Change"
    not_me: str = "Not me"
    today: str = "Today"
    today_title: str = "Your punches of today"
    back: str = "Back"
    large_letters: str = "Large letters"
    consequences: Mapping[Kind, str] = field(
        default_factory=lambda: {
            Kind.ON_TIME: "On time",
            Kind.LATE: "{} late",
            Kind.EARLY: "{} before the end of work",
            Kind.FREE_DAY: "A free day by the calendar",
        }
    )
    methods: Mapping[Method, str] = field(
        default_factory=lambda: {
            Method.FACE: "Face",
            Method.PIN: "PIN",
            Method.FACE_AND_PIN: "Face and PIN",
        }
    )
    on_kiosk: str = "kept here"
    at_centre: str = "at the centre"
    earlier_ones: str = "and {} before"
    administrator: str = "Administrator"
    desk_title: str = "Administrator's menu"
    pages: Mapping[DeskPage, str] = field(
        default_factory=lambda: {
            DeskPage.MENU: "Menu",
            DeskPage.NETWORK: "Network",
            DeskPage.CAMERA: "Camera and light",
            DeskPage.TRIES: "Not recognised",
            DeskPage.STORAGE: "Storage",
            DeskPage.LANGUAGE: "Language",
            DeskPage.RESTART: "Restart",
        }
    )
    enrol_somebody: str = "Enrol somebody"
    close_desk: str = "Close"
    facts: Mapping[Fact, str] = field(
        default_factory=lambda: {
            Fact.BROKER: "Broker",
            Fact.OFFLINE: "Connection",
            Fact.WAITING: "Waiting to be sent",
            Fact.LAST_SYNC: "Last connected",
            Fact.CERTIFICATE: "Certificate ends in",
            Fact.ADDRESS: "Own address",
            Fact.CAMERA: "Camera",
            Fact.LOSSES: "Failures since the start",
            Fact.FACES: "Faces seen today",
            Fact.HEIGHT: "Top / middle / bottom",
            Fact.DISTANCE: "Usual distance",
            Fact.BRIGHTNESS: "Light on the face",
            Fact.BACKLIGHT: "Light behind it",
            Fact.DISK: "Free",
            Fact.FULL: "In use",
            Fact.SET: "Face data",
            Fact.SET_AGE: "Age of the face data",
            Fact.PINS: "PINs today, right / wrong",
            Fact.CLOCK: "Clock",
            Fact.SOFTWARE: "Program",
            Fact.TEMPERATURE: "Temperature",
            Fact.UPTIME: "Running for",
        }
    )
    clocks: Mapping[ClockQuality, str] = field(
        default_factory=lambda: {
            ClockQuality.SYNCED: "synchronised",
            ClockQuality.HOLDOVER: "was synchronised lately",
            ClockQuality.ESTIMATED: "estimated",
            ClockQuality.UNSYNCED: "not synchronised",
        }
    )
    troubles: Mapping[CameraTrouble, str] = field(
        default_factory=lambda: {
            CameraTrouble.LOST: "Camera not connected",
            CameraTrouble.BLACK: "Camera covered or in the dark",
            CameraTrouble.BLINDED: "Camera blinded by light",
            CameraTrouble.FROZEN: "Camera's picture stands still",
            CameraTrouble.COLOURS: "Camera's colours are wrong",
        }
    )
    advice: Mapping[str, str] = field(
        default_factory=lambda: {
            "raise": "Faces are at the top: tilt the camera up",
            "lower": "Faces are at the bottom: tilt the camera down",
            "turn_from_light": "Light from behind: turn the kiosk by 30 degrees",
            "come_nearer": "People stand too far away: mark the place on the floor",
            "good": "The camera is well placed",
            "too_few": "Too few faces today to judge the place",
        }
    )
    causes: Mapping[Cause, str] = field(
        default_factory=lambda: {
            Cause.PICTURE: "Bad picture",
            Cause.NEAR: "Nearly: enrol how they look today",
            Cause.FAR: "Like nobody here: enrolled in this office?",
            Cause.ALIKE: "Like two people: PIN",
            Cause.NOBODY: "Nobody is known here yet",
        }
    )
    no_tries: str = "Everybody was recognised since the start"
    connected: str = "connected"
    works: str = "works"
    unknown: str = "unknown"
    people: str = "{} people"
    days: str = "{} days"
    wait_hours: str = "{} hours"
    set_stale: str = "Face data is {} days old"
    restart_now: str = "Restart now"
    restart_advice: str = "The kiosk is away for about ten seconds. Nothing is lost."
    keypad_titles: Mapping[KeypadReason, str] = field(
        default_factory=lambda: {
            KeypadReason.ASKED: "Sign in with your PIN",
            KeypadReason.NOT_RECOGNISED: "Face not recognised yet. Please use your PIN.",
            KeypadReason.AMBIGUOUS: "Not sure it is you. Please use your PIN.",
            KeypadReason.NOT_ME: "Taken back. Please use your PIN.",
            KeypadReason.DESK: "Administrator, please type your PIN",
        }
    )
    employee_number: str = "Employee number"
    number_is: str = "No. {}"
    six_digits: str = "PIN, six digits"
    ok: str = "OK"
    cancel: str = "Cancel"
    checking: str = "Checking"
    problems: Mapping[PinProblem, str] = field(
        default_factory=lambda: {
            PinProblem.NO_NUMBER: "Type your employee number first",
            PinProblem.TOO_SHORT: "A PIN has six digits",
            PinProblem.WRONG: "Number or PIN is wrong",
            PinProblem.WAIT: "Try again in {}",
            PinProblem.NO_ANSWER: "No answer yet, try again",
            PinProblem.UNREADABLE: "Badge not readable, type your number",
        }
    )
    try_again: str = "Please try again"
    wait_seconds: str = "{} seconds"
    wait_minutes: str = "{} minutes"
    not_recorded: str = "Not recorded"
    not_recorded_advice: str = "Please try again. If this goes on, call the office admin."
    camera_down: str = "No camera at the moment"
    camera_down_advice: str = "Please use your PIN"
    camera_starting: str = "The camera is getting ready"
    offline_since: str = "Offline since {}"
    waiting: str = "{} waiting to be sent"
    face_data: str = "Face data v{}"
    no_face_data: str = "No face data yet"
    clock_not_set: str = "Clock not synchronised"
    card_down: str = "Attendance cannot be recorded now"
    card_down_advice: str = "Please sign the paper list and call the office admin."
    spoken_number: str = "Type your employee number, then the six digits of your PIN"
    spoken_deleted: str = "deleted"
    spoken_time: str = "{hour} {minute}"
    spoken_time_early: str = "{hour} oh {minute}"
    spoken_time_full: str = "{hour} o'clock"
    spoken_numbers: str = (
        "zero, one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, "
        "sixteen, seventeen, eighteen, nineteen, twenty, thirty, forty, fifty"
    )
    purpose_title: str = "Before we look at your face"
    purpose: Mapping[str, str] = field(
        default_factory=lambda: {
            "data": (
                "We take a few pictures of your face and make templates from them: numbers that tell you from others."
            ),
            "pictures": (
                "The templates are kept, the pictures are not. Pictures are kept only if you agree to that too."
            ),
            "use": "The templates are for attendance at this office, and for nothing else.",
            "how_long": "They are kept until you leave this office or take your consent back.",
            "instead": "You may use your number and a PIN instead. That is no disadvantage to you.",
            "withdraw": (
                "You can take your consent back on any day: tell the office admin, and the templates are deleted."
            ),
            "ask": "Questions? The office admin answers them, before you decide and later.",
        }
    )
    purpose_choices: Mapping[str, str] = field(
        default_factory=lambda: {
            "agree": "I agree",
            "refuse": "No face, number and PIN only",
            "other_basis": "Kept on another legal basis",
            "photo": "Pictures may be kept as well",
        }
    )
    other_basis: str = (
        "Your office keeps the templates by law, as its public duty. Ask the office admin which rule that is."
    )
    wizard: Mapping[str, str] = field(default_factory=lambda: WIZARD)
    alarms: Mapping[str, str] = field(
        default_factory=lambda: {
            "models_unavailable": "Face recognition not available yet, call the office admin",
            "release_key_unavailable": "Key for face data missing, call the office admin",
            "card_damaged": "Storage was replaced, call the office admin",
            "pin_pepper_missing": "PINs cannot be checked yet, call the office admin",
            "storage_90": "Storage nearly full, call the office admin",
            "voice_unavailable": "Voice does not work, call the office admin",
        }
    )


ENGLISH = Words()


def clock(at: datetime, zone: tzinfo) -> str:
    """Return the time of day as every language here writes it on a kiosk: 07:12."""
    return format_time(at, "HH:mm", tzinfo=zone, locale="en_GB")


def zone_name(at: datetime, zone: tzinfo) -> str:
    """Return the zone's short name, WIB, WITA or WIT in Indonesia: the same in every language."""
    return get_timezone_name(at.astimezone(zone), width="short", locale="id")


def date(at: datetime, zone: tzinfo, words: Words) -> str:
    """Return the whole date: Senin, 24 November 2025."""
    return format_date(at.astimezone(zone), "EEEE, d MMMM y", locale=words.locale)


def short_date(at: datetime, zone: tzinfo) -> str:
    """Return day and month, 24/11, as every language here writes them."""
    return format_date(at.astimezone(zone), "dd/MM", locale="en_GB")


def wait(seconds: float, words: Words) -> str:
    """Return how long something takes: in seconds up to a minute and a half, in minutes up to an hour and a half,
    in hours up to two days, else in days; rounded up."""
    whole = max(1, int(-(-seconds // 1)))
    if whole <= 90:
        return words.wait_seconds.format(whole)
    if whole <= 5400:
        return words.wait_minutes.format(-(-whole // 60))
    if whole <= 2 * 86_400:
        return words.wait_hours.format(-(-whole // 3600))
    return words.days.format(-(-whole // 86_400))


def minutes(whole: int, words: Words) -> str:
    """Return a length of time in minutes, from two hours on in hours and minutes."""
    hours, rest = divmod(whole, 60)
    if hours < 2:
        return words.wait_minutes.format(whole)
    said = words.wait_hours.format(hours)
    return f"{said} {words.wait_minutes.format(rest)}" if rest else said
