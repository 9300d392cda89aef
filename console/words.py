"""What the console says, in Indonesian and English; nothing here reaches a log."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

Language = Literal["id", "en"]
LANGUAGES: tuple[Language, ...] = ("id", "en")

_DAYS = {
    "id": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "id": (
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
        *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}

# key: (Indonesian, English). A missing key is an error on the first page view, which the tests make.
_TEXTS = {
    "title": ("Ruang pemantauan", "Monitoring room"),
    "live": ("Langsung", "Live"),
    "live_off": ("Terputus – mencoba lagi", "Disconnected – trying again"),
    "live_none": ("Dimuat ulang tiap 10 detik", "Reloaded every 10 seconds"),
    "inside": ("Di kantor", "In the office"),
    "left": ("Sudah pulang", "Gone home"),
    "not_yet": ("Belum tercatat", "Not recorded yet"),
    "punches": ("Catatan hari ini", "Punches today"),
    "kiosks": ("Kiosk", "Kiosks"),
    "kiosks_online": ("Kiosk aktif", "Kiosks online"),
    "arrivals": ("Kedatangan hari ini", "Today's arrivals"),
    "arrivals_none": ("Belum ada yang tercatat hari ini.", "Nobody has been recorded today."),
    "arrivals_none_hint": (
        "Begitu seseorang berdiri di depan kiosk dan dikenali, namanya muncul di sini.",
        "As soon as somebody steps up to a kiosk and is recognised, their name appears here.",
    ),
    "arrivals_more": ("{count} catatan lebih awal tidak ditampilkan", "{count} earlier punches are not shown"),
    "offices": ("Per kantor", "By office"),
    "offices_none": ("Belum ada pegawai terdaftar.", "No employees are enrolled yet."),
    "offices_none_hint": (
        "Daftarkan dengan ./hadir enroll add atau ./hadir enroll import.",
        "Enrol them with ./hadir enroll add or ./hadir enroll import.",
    ),
    "nobody": ("tidak ada", "nobody"),
    "and_more": ("dan {count} lagi", "and {count} more"),
    "kiosks_none": ("Belum ada kiosk yang memberi kabar.", "No kiosk has reported yet."),
    "kiosks_none_hint": (
        "Kiosk muncul di sini setelah tersambung ke pusat.",
        "A kiosk appears here once it is connected to the centre.",
    ),
    "online": ("Aktif", "Online"),
    "offline": ("Terputus", "Offline"),
    "silent": ("Tidak ada kabar", "Silent"),
    "last_seen": ("Kabar terakhir", "Last word"),
    "gallery": ("Set wajah", "Face set"),
    "gallery_none": ("belum ada", "none yet"),
    "people": ("{count} orang", "{count} people"),
    "outbox": ("Belum terkirim", "Waiting to be sent"),
    "outbox_none": ("tidak ada", "none"),
    "camera": ("Kamera", "Camera"),
    "camera_ok": ("baik", "fine"),
    "camera_starting": ("menyala", "starting"),
    "camera_lost": ("hilang", "lost"),
    "unknown": ("–", "–"),
    "alarms": ("Peringatan", "Alarms"),
    "screen": ("Layar kiosk", "The kiosk's screen"),
    "screen_waiting": ("Layar kiosk belum menyala.", "The kiosk's screen is not on yet."),
    "in": ("Masuk", "In"),
    "out": ("Pulang", "Out"),
    "face": ("wajah", "face"),
    "pin": ("PIN", "PIN"),
    "face+pin": ("wajah + PIN", "face + PIN"),
    "repeat": ("ulangan", "repeat"),
    "corrected": ("diubah di kiosk", "changed at the kiosk"),
    "not_me": ("“Bukan saya” hari ini", "“Not me” today"),
    "attacks": ("Serangan kamera hari ini", "Attacks on the camera today"),
    "desk": ("Pemeriksaan", "Review desk"),
    "desk_hint": (
        "Yang ditolak kamera karena bukan orang yang hadir, dan yang meragukan. Paling berisiko di atas.",
        "What the camera refused as no person who is there, and what was doubtful. The greatest risk comes first.",
    ),
    "desk_picture": (
        "Gambar tersegel, dan dibuka hanya di mesin yang menyimpan kunci evidence.key:",
        "Pictures are sealed, and opened only on the machine that holds evidence.key:",
    ),
    "desk_decide": (
        "Setelah dilihat, putuskan; presensi tidak berubah karenanya:",
        "When you have looked, decide; no punch is changed by it:",
    ),
    "desk_none": ("Tidak ada yang perlu diperiksa.", "Nothing is to be looked at."),
    "desk_none_hint": (
        "Foto atau layar yang disodorkan ke kamera kiosk muncul di sini.",
        "A photo or a screen that is held up to a kiosk's camera appears here.",
    ),
    "desk_more": ("{count} lagi tidak ditampilkan", "{count} more are not shown"),
    "risk_claimed": ("Serangan", "Attack"),
    "risk_nobodys": ("Serangan", "Attack"),
    "risk_followed": ("Meragukan, lalu PIN", "Doubtful, then PIN"),
    "risk_near_miss": ("Meragukan", "Doubtful"),
    "taken_for": ("dikira {name}", "taken for {name}"),
    "taken_for_nobody": ("wajah tak dikenal", "nobody's face"),
    "then_pin": ("PIN pukul {time}", "PIN at {time}"),
    "paused": ("kiosk berhenti sejenak menerima wajah", "the kiosk took no face for a while"),
    "picture_here": ("ada gambar tersegel", "sealed picture kept"),
    "picture_elsewhere": ("gambar tidak ada di pusat", "picture not at the centre"),
    "picture_none": ("tanpa gambar", "no picture"),
    "no_name": ("Tanpa nama", "No name"),
    "elsewhere": ("di {office}", "at {office}"),
    "timed_boot": (
        "Jam kiosk belum benar saat itu; waktunya dihitung kemudian",
        "The kiosk's clock was not right; the time was worked out later",
    ),
    "timed_bounds": (
        "Jam kiosk tidak diketahui: antara {earliest} dan {latest}",
        "The kiosk's clock was not known: between {earliest} and {latest}",
    ),
    "late_by": ("sampai di pusat {seconds} dtk kemudian", "at the centre {seconds} s later"),
    "complete": ("Lengkap sampai {time}", "Complete until {time}"),
    "complete_of": ("{heard} dari {all} kiosk", "{heard} of {all} kiosks"),
    "incomplete": ("Data belum lengkap", "Data not complete"),
    "no_kiosk": ("Tanpa kiosk", "No kiosk"),
    "ago_s": ("{count} dtk lalu", "{count} s ago"),
    "ago_min": ("{count} mnt lalu", "{count} min ago"),
    "ago_h": ("{count} jam lalu", "{count} h ago"),
    "register_absent": (
        "Register pusat belum ada. Halaman ini menunggu kolektor membuatnya.",
        "The register does not exist yet. This page waits for the collector to make it.",
    ),
    "register_unavailable": (
        "Register pusat tidak dapat dibaca saat ini. Yang tampil di bawah adalah keadaan terakhir yang terbaca.",
        "The register cannot be read now. What is shown below is the last state that could be.",
    ),
    "register_refused": (
        "Register pusat tidak dapat dipakai oleh versi Hadir ini. Lihat log konsol.",
        "The register cannot be used by this version of Hadir. See the console's log.",
    ),
    "register_reading": ("Membaca register …", "Reading the register …"),
    "not_found": ("Halaman ini tidak ada.", "There is no such page."),
}

_ALARMS = {
    "release_forged": ("set wajah palsu ditolak", "forged face set refused"),
    "release_older": ("set wajah lama ditolak", "older face set refused"),
    "release_foreign": ("set wajah kantor lain ditolak", "another office's face set refused"),
    "release_not_for_us": (
        "set wajah bukan untuk kios ini; terbitkan lagi",
        "face set not for this kiosk; publish again",
    ),
    "release_torn": ("set wajah rusak ditolak", "torn face set refused"),
    "release_engine": ("set wajah untuk mesin lain ditolak", "face set for another engine refused"),
    "release_too_large": ("set wajah terlalu besar ditolak", "too large a face set refused"),
    "release_too_many": ("set wajah dengan terlalu banyak orang ditolak", "face set with too many people refused"),
    "storage_50": ("penyimpanan terisi 50 %", "storage 50 % full"),
    "storage_80": (
        "penyimpanan terisi 80 %: foto bukti terlama dihapus",
        "storage 80 % full: the oldest evidence pictures are deleted",
    ),
    "storage_90": (
        "penyimpanan terisi 90 %: semua foto bukti dan log dihapus",
        "storage 90 % full: all evidence pictures and logs are deleted",
    ),
    "camera_lost": ("kamera hilang", "camera lost"),
    "camera_black": ("kamera tertutup atau gelap", "camera covered or in the dark"),
    "camera_blinded": ("kamera silau", "camera blinded by light"),
    "camera_frozen": ("gambar kamera berhenti", "camera picture stands still"),
    "camera_colours": ("warna kamera salah", "camera colours wrong"),
    "liveness_unavailable": (
        "model pembeda orang dan foto tidak ada atau rusak: semua orang diminta menoleh",
        "models that tell people from photos missing or altered: everybody is asked to turn",
    ),
    "voice_unavailable": ("suara kios tidak berfungsi", "the kiosk's voice does not work"),
}

_CUES = {
    "passive": ("kulit tampak seperti kertas atau layar", "skin like paper or a screen"),
    "relief": ("wajah datar", "a flat face"),
    "edge": ("tepi kertas atau layar di samping wajah", "the edge of paper or a screen beside the face"),
    "frame": ("bingkai di sekeliling wajah", "a frame around the face"),
    "repeats": ("gambar diam atau berulang", "a picture that stands still or comes again"),
    "arrival": ("muncul tanpa berjalan mendekat", "there without having come"),
    "twin": ("orang yang sama terlihat dua kali", "the same person twice in view"),
    "second": ("tidak terlihat oleh kamera kedua", "not seen by the second camera"),
    "moire": ("garis-garis layar pada kulit", "the fine lines of a screen on the skin"),
    "challenge": ("yang diminta tidak dilakukan", "what was asked was not done"),
}


def texts(language: Language) -> Mapping[str, str]:
    """Return every text of `language` by key."""
    number = LANGUAGES.index(language)
    return {key: pair[number] for key, pair in _TEXTS.items()}


def alarm(code: str, language: Language) -> str:
    """Return what an alarm's code means; a code unknown here is shown as it came."""
    pair = _ALARMS.get(code)
    return pair[LANGUAGES.index(language)] if pair else code.replace("_", " ")


def cue(code: str, language: Language) -> str:
    """Return what told against a living person; a code unknown here is shown as it came."""
    pair = _CUES.get(code)
    return pair[LANGUAGES.index(language)] if pair else code.replace("_", " ")


def long_date(day: date, language: Language) -> str:
    """Return a date as people say it: Senin, 17 Agustus 2026."""
    name, month = _DAYS[language][day.weekday()], _MONTHS[language][day.month - 1]
    return f"{name}, {day.day} {month} {day.year}"


def seconds(value: float, language: Language) -> str:
    """Return a number of seconds with two decimals, or none from ten on, in the language's own signs."""
    text = f"{value:.2f}" if value < 10 else f"{value:.0f}"
    return text.replace(".", ",") if language == "id" else text
