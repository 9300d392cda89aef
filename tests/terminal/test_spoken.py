"""What is said aloud, when, how loud, and never: a name and a time for passers-by, each step for who cannot see."""

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as some
import pytest
from hypothesis import given
from msgspec import structs

import config
from terminal import quiet
from terminal.announcer import PATIENCE_S, Announcer
from terminal.display import screenshots
from terminal.quality import Reason
from terminal.screens.catalogue import LOCALES, language
from terminal.screens.look import Context
from terminal.screens.spoken import NUMBER_WORDS, number, speakable, spoken_of, time_of_day
from terminal.visit.signals import Sound
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Idle,
    KeypadReason,
    Looking,
    PinCode,
    PinNumber,
    PinProblem,
    Recorded,
    State,
)

SPECIMENS = {specimen.name: specimen for specimen in screenshots.specimens()}
JAKARTA = ZoneInfo("Asia/Jakarta")
NOW = screenshots.NOW


def context(code: str = "id", **changes: Any) -> Context:
    plain = Context(
        width_px=800,
        height_px=480,
        measure=lambda words, size_px, weight: len(words) * size_px / 2,
        now=NOW,
        zone=JAKARTA,
        say=language(code),
        office="Dinas Pendidikan",
    )
    return replace(plain, **changes)


def text_of(state: State, *, guide: bool = False, before: State | None = None, **changes: Any) -> str | None:
    said = spoken_of(state, context(**changes), guide=guide, before=before)
    return said.text if said is not None else None


def recorded_as(seq: int = 1) -> Recorded:
    state = SPECIMENS["recorded-0"].state
    assert isinstance(state, Recorded)
    return replace(state, event=structs.replace(state.event, seq=seq))


def keypad(number: str = "", reason: KeypadReason = KeypadReason.ASKED) -> PinNumber:
    opened = SPECIMENS["pin-number-asked"].state
    assert isinstance(opened, PinNumber)
    return replace(opened, number=number, keypad=replace(opened.keypad, reason=reason))


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("id", "Siti Nurhaliza Wijayanti, masuk, tujuh dua belas"),
        ("en", "Siti Nurhaliza Wijayanti, in, seven twelve"),
        ("jv", "Siti Nurhaliza Wijayanti, rawuh, tabuh pitu langkung kalih welas"),
    ],
)
def test_a_punch_is_answered_with_name_direction_and_time(code: str, text: str) -> None:
    assert text_of(recorded_as(), code=code, name="Siti Nurhaliza Wijayanti, S.Sos.") == text


def test_whose_name_is_not_known_is_answered_without() -> None:
    assert text_of(recorded_as()) == "masuk, tujuh dua belas"


@pytest.mark.parametrize(
    ("clock", "id_", "en"),
    [
        ("07:00", "pukul tujuh tepat", "seven o'clock"),
        ("07:05", "tujuh nol lima", "seven oh five"),
        ("13:30", "tiga belas tiga puluh", "thirteen thirty"),
        ("21:59", "dua puluh satu lima puluh sembilan", "twenty one fifty nine"),
        ("00:12", "nol dua belas", "zero twelve"),
    ],
)
def test_times_are_said_as_people_say_them(clock: str, id_: str, en: str) -> None:
    at = datetime.fromisoformat(f"2025-11-24T{clock}:40").replace(tzinfo=JAKARTA).astimezone(UTC)
    assert time_of_day(at, JAKARTA, language("id")) == id_
    assert time_of_day(at, JAKARTA, language("en")) == en


def test_the_time_said_is_the_offices() -> None:
    at = datetime(2025, 11, 24, 0, 12, tzinfo=UTC)
    assert time_of_day(at, ZoneInfo("Asia/Jayapura"), language("id")) == "sembilan dua belas"


@pytest.mark.parametrize("code", LOCALES)
def test_every_language_has_a_word_for_every_number_of_a_clock(code: str) -> None:
    assert len(language(code).spoken_numbers.split(",")) == NUMBER_WORDS
    said = [number(value, language(code)) for value in range(60)]
    assert len(set(said)) == 60
    assert all(re.fullmatch("[a-z ]+", words) for words in said)


def test_a_language_without_all_the_words_says_digits() -> None:
    assert number(12, replace(language("id"), spoken_numbers="nol, satu")) == "12"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Siti Nurhaliza Wijayanti, S.Sos., M.M.", "Siti Nurhaliza Wijayanti"),
        ("Dr. H. Ahmad Dahlan, M.Pd.", "Ahmad Dahlan"),
        ("Suharto", "Suharto"),
        ("SITI NURHALIZA", "Siti Nurhaliza"),
        ("Raden Mas Suryadiningrat Kusumawardhani Hadiningrat, S.Kom.", "Raden Mas Suryadiningrat"),
        ("Ma'ruf Al-Amin", "Ma'ruf Al-Amin"),
        ("Budi S.Kom", "Budi"),
        ("Siti\x00 \x1b[31m[[_^_]] <b>Aminah</b>", "Siti m bAminahb"),
        ("--version", "version"),
        ("12345", ""),
        (", S.H.", ""),
        ("", ""),
    ],
)
def test_names_are_called_out_without_titles_and_signs(name: str, called: str) -> None:
    assert speakable(name) == called


@given(some.text(max_size=200))
def test_whatever_a_name_holds_only_letters_are_called_out(name: str) -> None:
    called = speakable(name)
    assert len(called) <= 60
    assert all(letter.isalpha() or letter in "'’- " for letter in called)
    assert not called.startswith("-")


# --- when something is said -----------------------------------------------------------------------------------------


def test_a_repeat_within_the_window_has_a_tone_and_no_voice() -> None:
    already = SPECIMENS["already-0"].state
    assert isinstance(already, AlreadyRecorded)
    assert [text_of(already, guide=guide, name="Suharto") for guide in (False, True)] == [None, None]


def test_results_are_said_to_everybody_and_steps_only_to_who_asked_for_them() -> None:
    results = {name for name, specimen in SPECIMENS.items() if text_of(specimen.state) is not None}
    guided = {name for name, specimen in SPECIMENS.items() if text_of(specimen.state, guide=True) is not None}
    assert {"recorded-0", "not-recognised-still", "not-recorded", "pin-number-ambiguous", "pin-code-wrong"} <= results
    silent = [name for name in results if name.startswith(("idle", "looking", "already", "camera", "history"))]
    assert silent == ["looking-mask"], "what keeps them from being believed, and nothing else"
    assert {"challenged-turn_left", "challenged-blink"} <= results
    assert {"looking-too_far", "camera-down", "pin-number-asked"} <= guided - results
    assert results <= guided
    assert "idle" not in guided


def test_nothing_said_tells_a_score_or_a_consequence() -> None:
    for (name, specimen), code in itertools.product(SPECIMENS.items(), LOCALES):
        said = text_of(specimen.state, guide=True, code=code, name="Suharto") or ""
        assert not re.search(r"\d[.,]\d|%|[{}]", said), name
        for consequence in language(code).consequences.values():
            assert max(consequence.split("{}"), key=len).strip() not in said, name


def test_each_key_of_the_employee_number_is_said_and_none_of_the_pin() -> None:
    typed: list[State | None] = [None, keypad(), keypad("1"), keypad("10"), keypad("1"), keypad("1A")]
    said = [text_of(after, guide=True, before=before) for before, after in itertools.pairwise(typed) if after]
    assert said == ["Ketik nomor pegawai, lalu enam angka PIN", "satu", "nol", "dihapus", "A"]
    assert text_of(keypad("5"), guide=True, before=Idle(since_s=0)) == "lima", "the first key opens the keypad"
    assert text_of(keypad("198701152010011001"), guide=True, before=keypad()) is None, "a badge is not read out"
    code = PinCode(keypad=keypad().keypad, number="1001")
    assert text_of(code, guide=True, before=keypad("1001")) == "PIN, enam angka"
    for digits in ("4", "48", "482915", "48291"):
        assert text_of(replace(code, code=digits), guide=True, before=code) is None


def test_who_reads_the_screen_hears_of_the_keypad_only_when_it_opens_by_itself() -> None:
    for reason in KeypadReason:
        by_itself = reason in (KeypadReason.NOT_RECOGNISED, KeypadReason.AMBIGUOUS, KeypadReason.NOT_ME)
        assert text_of(keypad(reason=reason)) == (language("id").keypad_titles[reason] if by_itself else None)
    assert text_of(keypad("1"), before=keypad()) is None


def test_a_wait_is_said_once_with_its_length() -> None:
    waiting = PinCode(keypad=keypad().keypad, number="1", problem=PinProblem.WAIT, wait_until_s=NOW.monotonic_s + 30)
    first = spoken_of(waiting, context(), guide=False)
    second = spoken_of(waiting, context(now=replace(NOW, monotonic_s=NOW.monotonic_s + 9)), guide=False)
    assert first is not None
    assert second is not None
    assert (first.text, first.about == second.about) == ("Coba lagi dalam 30 detik", True)


# --- how loud -------------------------------------------------------------------------------------------------------


def at(clock: str, zone: str = "Asia/Jakarta") -> datetime:
    return datetime.fromisoformat(f"2025-11-24T{clock}").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("begin", "end", "within", "outside"),
    [
        ("22:00", "05:00", ("22:00", "23:59:59", "00:00", "04:59:59"), ("05:00", "12:00", "21:59:59")),
        ("12:00", "13:00", ("12:00", "12:59:59"), ("11:59:59", "13:00", "00:00")),
        ("00:00", "00:00", (), ("00:00", "12:00", "23:59")),
        ("07:00", "07:00", (), ("06:59", "07:00", "07:01")),
        ("00:00", "23:59", ("00:00", "12:00"), ("23:59",)),
    ],
)
def test_quiet_hours_go_over_midnight_and_may_be_none(
    begin: str, end: str, within: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    settings = config.Sound(quiet_from=begin, quiet_to=end)
    for zone in ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "UTC"):
        assert [quiet.quiet(settings, at(clock, zone), ZoneInfo(zone)) for clock in within] == [True] * len(within)
        assert [quiet.quiet(settings, at(clock, zone), ZoneInfo(zone)) for clock in outside] == [False] * len(outside)


def test_quiet_hours_are_the_offices_not_the_machines() -> None:
    night_in_jakarta = datetime(2025, 11, 24, 15, 30, tzinfo=UTC)
    assert quiet.quiet(config.Sound(), night_in_jakarta, JAKARTA)
    assert not quiet.quiet(config.Sound(), night_in_jakarta, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("changes", "clock", "loudness", "speaks"),
    [
        ({}, "07:00", 0.64, True),
        ({}, "23:00", 0.04, False),
        ({"prompts": "all"}, "23:00", 0.04, True),
        ({"prompts": "off"}, "07:00", 0.64, False),
        ({"voice": "off", "prompts": "all"}, "07:00", 0.64, False),
        ({"volume": 0, "prompts": "all"}, "07:00", 0.0, False),
        ({"volume": 10}, "23:00", 0.01, False),
        ({"quiet_volume": 0, "prompts": "all"}, "23:00", 0.0, False),
        ({"volume": 100}, "07:00", 1.0, True),
    ],
)
def test_the_hour_and_the_settings_say_how_loud_and_whether_it_speaks(
    changes: dict[str, Any], clock: str, loudness: float, speaks: bool
) -> None:
    settings = config.Sound(**changes)
    assert quiet.loudness(settings, at(clock), JAKARTA) == pytest.approx(loudness)
    assert quiet.speaks(settings, at(clock), JAKARTA) is speaks


# --- as a visit goes on ---------------------------------------------------------------------------------------------


class Heard:
    """A voice that keeps what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def chime(self, sound: Sound, loudness: float) -> None:
        self.told.append((sound, round(loudness, 2)))

    def say(self, text: str, language: str, loudness: float) -> None:
        assert language in LOCALES
        assert 0 < loudness <= 1
        self.told.append(text)

    def hush(self) -> None:
        self.told.append("(hush)")


class Lobby:
    """An announcer and a steady clock."""

    def __init__(self, **settings: Any) -> None:
        self.heard = Heard()
        self.announcer = Announcer(config.Sound(**settings), JAKARTA, self.heard)
        self.now = NOW

    def follow(self, state: State, *, after_s: float = 0.1, **changes: Any) -> None:
        later = self.now.at + timedelta(seconds=after_s)
        self.now = replace(self.now, at=later, monotonic_s=self.now.monotonic_s + after_s)
        self.announcer.follow(state, context(now=self.now, **changes))


def test_the_next_punch_ends_what_was_said_of_the_last() -> None:
    lobby, recording = Lobby(), SPECIMENS["recording"].state
    for seq, name in ((1, "Siti"), (2, "Budi")):
        lobby.follow(recording)
        lobby.follow(replace(recording, until_s=99.0))
        lobby.follow(recorded_as(seq), name=name)
    assert lobby.heard.told == ["(hush)", "Siti, masuk, tujuh dua belas", "(hush)", "Budi, masuk, tujuh dua belas"]


def test_a_result_is_said_once_however_often_it_is_looked_at() -> None:
    lobby, result = Lobby(), recorded_as()
    for state in (result, result, replace(result, until_s=9999.0), Idle(since_s=1), result, Idle(since_s=2)):
        lobby.follow(state, name="Siti")
    assert lobby.heard.told == ["Siti, masuk, tujuh dua belas"], "and an empty lobby does not cut it off"


def test_advice_that_changes_as_somebody_moves_is_said_in_whole_sentences() -> None:
    lobby = Lobby(prompts="all")
    for step in range(60):
        hint = (Reason.TOO_FAR, Reason.HOLD_STILL)[step % 2]
        lobby.follow(Looking(track_id=1, arrived_at=lobby.now.at, hint=hint, seen_at_s=step))
    assert 2 <= len(lobby.heard.told) <= 60 * 0.1 / PATIENCE_S + 1


def test_in_quiet_hours_only_who_depends_on_words_hears_them() -> None:
    for prompts, said in (("results", []), ("all", ["Siti, masuk, tujuh dua belas"])):
        lobby = Lobby(prompts=prompts, quiet_from="07:00", quiet_to="08:00")
        lobby.announcer.chime(Sound.RECORDED, lobby.now.at)
        lobby.follow(recorded_as(), name="Siti")
        assert lobby.heard.told == [(Sound.RECORDED, 0.04), *said]


def test_a_camera_that_fails_again_is_said_again() -> None:
    lobby = Lobby(prompts="all")
    for since_s in (1.0, 2.0):
        lobby.follow(CameraDown(since_s=since_s))
        lobby.follow(Idle(since_s=since_s))
    assert lobby.heard.told == ["Kamera tidak tersedia. Silakan hadir dengan PIN"] * 2
