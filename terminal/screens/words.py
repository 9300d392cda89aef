"""What the kiosk says, in each language; dates and times in the office's zone. *Pure*; the only babel import.

Short and polite, one thing at a time; never a score, never a guess at who somebody might be.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from babel.dates import format_date, format_time, get_timezone_name

from sync.messages import Direction
from terminal.quality import Reason
from terminal.visit.states import KeypadReason, PinProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language. `locale` is Babel's name for it; `{}` takes what the name of the field says."""

    locale: str
    invitation: str
    use_pin: str
    one_moment: str
    hints: dict[Reason, str]
    saving: str
    recorded: str
    already_recorded: str
    directions: dict[Direction, str]
    farewells: dict[Direction, str]
    first_time: str
    receipt: str
    not_recognised: str
    try_again_or_pin: str
    keypad_titles: dict[KeypadReason, str]
    employee_number: str
    number_is: str
    six_digits: str
    ok: str
    cancel: str
    checking: str
    problems: dict[PinProblem, str]
    try_again: str
    wait_seconds: str
    wait_minutes: str
    not_recorded: str
    not_recorded_advice: str
    camera_down: str
    camera_down_advice: str
    camera_starting: str
    offline_since: str
    waiting: str
    face_data: str
    no_face_data: str
    clock_not_set: str
    card_down: str
    card_down_advice: str
    alarms: dict[str, str]


INDONESIAN = Words(
    locale="id",
    invitation="Silakan menghadap kamera",
    use_pin="Pakai PIN",
    one_moment="Mohon tunggu sebentar",
    hints={
        Reason.TOO_FAR: "Silakan mendekat",
        Reason.TOO_DARK: "Terlalu gelap, cari tempat lebih terang",
        Reason.TOO_BRIGHT: "Terlalu silau, geser sedikit",
        Reason.HOLD_STILL: "Jangan bergerak sebentar",
        Reason.TURN_TO_SCREEN: "Hadapkan wajah ke layar",
        Reason.OUT_OF_VIEW: "Posisikan wajah di dalam lingkaran",
        Reason.BACKLIT: "Cahaya dari belakang, geser sedikit",
        Reason.MASK: "Mohon buka masker sebentar",
        Reason.ONE_AT_A_TIME: "Satu per satu, silakan",
    },
    saving="Menyimpan",
    recorded="Tercatat",
    already_recorded="Sudah tercatat",
    directions={Direction.IN: "Masuk", Direction.OUT: "Pulang"},
    farewells={Direction.IN: "Selamat bekerja", Direction.OUT: "Hati-hati di jalan"},
    first_time="Waktu pertama yang berlaku",
    receipt="No. bukti {}",
    not_recognised="Wajah belum dikenali",
    try_again_or_pin="Coba sekali lagi, atau pakai PIN",
    keypad_titles={
        KeypadReason.ASKED: "Hadir dengan PIN",
        KeypadReason.NOT_RECOGNISED: "Wajah belum dikenali. Silakan pakai PIN.",
        KeypadReason.AMBIGUOUS: "Wajah belum dapat dipastikan. Silakan pakai PIN.",
    },
    employee_number="Nomor pegawai",
    number_is="No. {}",
    six_digits="PIN, enam angka",
    ok="OK",
    cancel="Batal",
    checking="Memeriksa",
    problems={
        PinProblem.NO_NUMBER: "Ketik nomor pegawai dahulu",
        PinProblem.TOO_SHORT: "PIN terdiri dari enam angka",
        PinProblem.WRONG: "Nomor atau PIN salah",
        PinProblem.WAIT: "Coba lagi dalam {}",
        PinProblem.NO_ANSWER: "Belum terjawab, coba lagi",
    },
    try_again="Silakan coba lagi",
    wait_seconds="{} detik",
    wait_minutes="{} menit",
    not_recorded="Belum tercatat",
    not_recorded_advice="Silakan coba lagi. Bila berulang, hubungi petugas.",
    camera_down="Kamera tidak tersedia",
    camera_down_advice="Silakan hadir dengan PIN",
    camera_starting="Kamera sedang disiapkan",
    offline_since="Luring sejak {}",
    waiting="{} menunggu terkirim",
    face_data="Data wajah v{}",
    no_face_data="Belum ada data wajah",
    clock_not_set="Jam belum tersinkron",
    card_down="Kehadiran belum dapat dicatat",
    card_down_advice="Silakan isi daftar hadir kertas dan hubungi petugas.",
    alarms={
        "models_unavailable": "Pengenalan wajah belum tersedia, hubungi petugas",
        "release_key_unavailable": "Kunci data wajah tidak ada, hubungi petugas",
        "card_damaged": "Penyimpanan diganti, hubungi petugas",
        "storage_90": "Penyimpanan hampir penuh, hubungi petugas",
    },
)

ENGLISH = Words(
    locale="en_GB",
    invitation="Please face the camera",
    use_pin="Use PIN",
    one_moment="One moment, please",
    hints={
        Reason.TOO_FAR: "Please come closer",
        Reason.TOO_DARK: "Too dark here, move into the light",
        Reason.TOO_BRIGHT: "Too bright here, step aside a little",
        Reason.HOLD_STILL: "Hold still for a moment",
        Reason.TURN_TO_SCREEN: "Turn your face to the screen",
        Reason.OUT_OF_VIEW: "Put your face inside the oval",
        Reason.BACKLIT: "Light behind you, step aside a little",
        Reason.MASK: "Please take off your mask for a moment",
        Reason.ONE_AT_A_TIME: "One person at a time, please",
    },
    saving="Saving",
    recorded="Recorded",
    already_recorded="Already recorded",
    directions={Direction.IN: "In", Direction.OUT: "Out"},
    farewells={Direction.IN: "Have a good day at work", Direction.OUT: "Have a safe way home"},
    first_time="The first time counts",
    receipt="Receipt {}",
    not_recognised="Not recognised yet",
    try_again_or_pin="Try once more, or use your PIN",
    keypad_titles={
        KeypadReason.ASKED: "Sign in with your PIN",
        KeypadReason.NOT_RECOGNISED: "Face not recognised yet. Please use your PIN.",
        KeypadReason.AMBIGUOUS: "Not sure it is you. Please use your PIN.",
    },
    employee_number="Employee number",
    number_is="No. {}",
    six_digits="PIN, six digits",
    ok="OK",
    cancel="Cancel",
    checking="Checking",
    problems={
        PinProblem.NO_NUMBER: "Type your employee number first",
        PinProblem.TOO_SHORT: "A PIN has six digits",
        PinProblem.WRONG: "Number or PIN is wrong",
        PinProblem.WAIT: "Try again in {}",
        PinProblem.NO_ANSWER: "No answer yet, try again",
    },
    try_again="Please try again",
    wait_seconds="{} seconds",
    wait_minutes="{} minutes",
    not_recorded="Not recorded",
    not_recorded_advice="Please try again. If this goes on, call the office admin.",
    camera_down="No camera at the moment",
    camera_down_advice="Please use your PIN",
    camera_starting="The camera is getting ready",
    offline_since="Offline since {}",
    waiting="{} waiting to be sent",
    face_data="Face data v{}",
    no_face_data="No face data yet",
    clock_not_set="Clock not synchronised",
    card_down="Attendance cannot be recorded now",
    card_down_advice="Please sign the paper list and call the office admin.",
    alarms={
        "models_unavailable": "Face recognition not available yet, call the office admin",
        "release_key_unavailable": "Key for face data missing, call the office admin",
        "card_damaged": "Storage was replaced, call the office admin",
        "storage_90": "Storage nearly full, call the office admin",
    },
)

# Krama, the polite Javanese a younger colleague owes an older one; krama inggil for what the person addressed does.
JAVANESE = Words(
    locale="jv",
    invitation="Sumangga mirsani kamera",
    use_pin="Ngagem PIN",
    one_moment="Nyuwun sabar sekedhap",
    hints={
        Reason.TOO_FAR: "Sumangga nyelak",
        Reason.TOO_DARK: "Peteng sanget, sumangga pados papan padhang",
        Reason.TOO_BRIGHT: "Sulap sanget, sumangga geser sekedhik",
        Reason.HOLD_STILL: "Sumangga mendel sekedhap",
        Reason.TURN_TO_SCREEN: "Sumangga mirsani layar",
        Reason.OUT_OF_VIEW: "Pasuryan sumangga wonten ing bunderan",
        Reason.BACKLIT: "Cahya saking wingking, sumangga geser",
        Reason.MASK: "Sumangga maskeripun dipunbikak sekedhap",
        Reason.ONE_AT_A_TIME: "Sumangga setunggal-setunggal",
    },
    saving="Saweg dipunsimpen",
    recorded="Kacathet",
    already_recorded="Sampun kacathet",
    directions={Direction.IN: "Rawuh", Direction.OUT: "Kondur"},
    farewells={Direction.IN: "Sugeng makarya", Direction.OUT: "Ngatos-atos ing margi"},
    first_time="Wekdal ingkang kapisan ingkang kaetang",
    receipt="No. bukti {}",
    not_recognised="Pasuryan dereng dipuntepangi",
    try_again_or_pin="Sumangga dipuncobi malih, utawi ngagem PIN",
    keypad_titles={
        KeypadReason.ASKED: "Rawuh ngagem PIN",
        KeypadReason.NOT_RECOGNISED: "Pasuryan dereng dipuntepangi. Sumangga ngagem PIN.",
        KeypadReason.AMBIGUOUS: "Pasuryan dereng cetha. Sumangga ngagem PIN.",
    },
    employee_number="Nomer pegawai",
    number_is="No. {}",
    six_digits="PIN, enem angka",
    ok="OK",
    cancel="Wurung",
    checking="Saweg dipunpriksa",
    problems={
        PinProblem.NO_NUMBER: "Sumangga serat nomer pegawai rumiyin",
        PinProblem.TOO_SHORT: "PIN punika enem angka",
        PinProblem.WRONG: "Nomer utawi PIN klentu",
        PinProblem.WAIT: "Cobi malih sasampunipun {}",
        PinProblem.NO_ANSWER: "Dereng wonten wangsulan, cobi malih",
    },
    try_again="Sumangga dipuncobi malih",
    wait_seconds="{} detik",
    wait_minutes="{} menit",
    not_recorded="Dereng kacathet",
    not_recorded_advice="Sumangga dipuncobi malih. Menawi ambal-ambalan, sumangga matur petugas.",
    camera_down="Kamera boten sumadya",
    camera_down_advice="Sumangga ngagem PIN",
    camera_starting="Kamera saweg dipuncawisaken",
    offline_since="Luring wiwit {}",
    waiting="{} dereng kakintun",
    face_data="Data pasuryan v{}",
    no_face_data="Dereng wonten data pasuryan",
    clock_not_set="Jam dereng cocog",
    card_down="Rawuh dereng saged dipuncathet",
    card_down_advice="Sumangga ngisi daftar rawuh kertas saha matur petugas.",
    alarms={
        "models_unavailable": "Piranti tepang pasuryan dereng wonten, matur petugas",
        "release_key_unavailable": "Kunci data pasuryan boten wonten, matur petugas",
        "card_damaged": "Panyimpenan sampun dipungantos, matur petugas",
        "storage_90": "Panyimpenan meh kebak, matur petugas",
    },
)

LANGUAGES = {"id": INDONESIAN, "en": ENGLISH, "jv": JAVANESE}


def clock(at: datetime, zone: tzinfo) -> str:
    """Return the time of day as every language here writes it on a kiosk: 07:12."""
    return format_time(at, "HH:mm", tzinfo=zone, locale="en_GB")


def zone_name(at: datetime, zone: tzinfo) -> str:
    """Return the zone's short name, WIB, WITA or WIT in Indonesia: the same in every language."""
    return get_timezone_name(at.astimezone(zone), width="short", locale="id")


def date(at: datetime, zone: tzinfo, words: Words) -> str:
    """Return the whole date: Senin, 24 November 2025."""
    return format_date(at.astimezone(zone), "EEEE, d MMMM y", locale=words.locale)


def wait(seconds: float, words: Words) -> str:
    """Return how long to wait, in seconds up to a minute and a half, rounded up, else in minutes."""
    whole = max(1, int(-(-seconds // 1)))
    return words.wait_seconds.format(whole) if whole <= 90 else words.wait_minutes.format(-(-whole // 60))
