"""The whole kiosk, heard: what it says and sounds as people walk up and type, on a loudspeaker that writes down."""

import re
from collections.abc import Callable

import pytest

from terminal import app, espeak
from terminal.visit.signals import BACKSPACE, ENTER, PIN_BUTTON, Sound
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, Kit

pytestmark = pytest.mark.slow


class Lobby:
    """Keeps every tone, and every sentence that was made into sound."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tones: list[Sound] = []
        self.words: list[str] = []
        self.heard: list[str] = []
        monkeypatch.setattr(app, "Speaker", lambda **_: self)
        monkeypatch.setattr(espeak, "voices", lambda overtaken: frozenset({"id"}))
        monkeypatch.setattr(espeak, "spoken", self._spoken)

    def _spoken(self, text: str, voice: str, overtaken: Callable[[], bool]) -> tuple[bytes, int]:
        self.words.append(text)
        return text.encode() * 2, 22_050

    def open(self) -> str:
        return ""

    def chime(self, sound: Sound, loudness: float) -> float:
        self.tones.append(sound)
        return 0.0

    def prepared(self, samples: bytes, rate_hz: int, loudness: float) -> Callable[[], None]:
        text = samples[: len(samples) // 2].decode()
        return lambda: self.heard.append(text)

    def hush(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def lobby(monkeypatch: pytest.MonkeyPatch) -> Lobby:
    return Lobby(monkeypatch)


# A day without quiet hours: the tests run at any hour.
AWAKE = {"quiet_from": "00:00", "quiet_to": "00:00"}


def test_two_people_in_a_row_are_called_by_name_and_time_and_a_repeat_is_not(
    kit: Kit, watched: Watched, lobby: Lobby
) -> None:
    def director() -> None:
        kit.camera.show(1)
        watched.until(lambda: any("Suharto" in said for said in lobby.heard), "not Suharto")
        kit.camera.show(2)
        watched.until(lambda: any("Siti Nurhaliza" in said for said in lobby.heard), "not Siti")
        kit.camera.show(1)
        watched.until_screen("AlreadyRecorded")

    live(kit, director, sound=AWAKE)
    names = [re.sub(r", (masuk|pulang), [a-z ]+$", "", said) for said in lobby.heard]
    assert names == ["Suharto", "Siti Nurhaliza Wijayanti"]
    assert lobby.tones == [Sound.RECORDED, Sound.RECORDED, Sound.ALREADY]


def test_who_cannot_see_the_screen_is_led_through_the_keypad_and_no_digit_of_the_pin_is_said(
    kit: Kit, watched: Watched, lobby: Lobby
) -> None:
    def director() -> None:
        watched.until_screen("Idle")
        watched.tap(PIN_BUTTON)
        watched.until(lambda: lobby.heard[-1:] == ["Ketik nomor pegawai, lalu enam angka PIN"], "nothing to begin with")
        for key, said in (
            ("1", "satu"),
            ("0", "nol"),
            ("7", "tujuh"),
            (BACKSPACE, "dihapus"),
            ("0", "nol"),
            ("1", "satu"),
        ):
            watched.tap(key)  # a keyboard this fast would be a badge reader's
            watched.until(lambda said=said: lobby.words[-1:] == [said], f"not {said}")  # type: ignore[misc]
        watched.tap(ENTER)
        watched.until(lambda: lobby.heard[-1:] == ["PIN, enam angka"], "no word about the PIN")
        lobby.words.clear()
        for key in (*PIN, ENTER):
            watched.tap(key)
        watched.until_screen("Recorded")
        watched.until(lambda: any("Suharto" in said for said in lobby.heard), "not Suharto")

    live(kit, director, sound={**AWAKE, "prompts": "all"})
    assert [said.partition(",")[0] for said in lobby.words] == ["Suharto"]
    assert lobby.tones.count(Sound.KEY) >= len(PIN), "a tick for each key"
