"""Every setting, typed and frozen; `config.yaml` beside this file is read whole and checked before anything starts."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml
from msgspec import Meta, Struct

from errors import HadirError

Identifier = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,39}\Z")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Pixels = Annotated[int, Meta(ge=16, le=16_384)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Percent = Annotated[int, Meta(ge=0, le=100)]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
Hours = Annotated[str, Meta(pattern=r"^((?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:[01][0-9]|2[0-3]):[0-5][0-9])?\Z")]
Grey = Annotated[float, Meta(ge=0, le=255)]
RegisterUrl = Annotated[str, Meta(pattern=r"^(sqlite:///|postgresql\+psycopg://).+")]

_WRITTEN = {("voice", False): "off", ("prompts", False): "off", ("mode", False): "off", ("mode", True): "on"}
LEAST_DLIB_SCORE = 0.92
"""Cosine score that 1 % of the pairs of different people reach with dlib's encodings (902 photographs of the bench)."""


class ConfigError(HadirError):
    """A setting is unknown, of the wrong kind or out of range; the message has file, line, key and what is allowed."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named group of settings; unknown keys are refused."""


class Office(Section, frozen=True):
    id: Identifier = "demo"
    name: Annotated[str, Meta(min_length=1, max_length=80)] = "Kantor Percontohan"
    timezone: str = "Asia/Jakarta"
    message: Annotated[str, Meta(max_length=160)] = ""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Terminal(Section, frozen=True):
    id: Identifier = "lobby-1"
    state: Path = Path("var/terminal")
    storage_mb: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    set_stale_days: Annotated[int, Meta(ge=1, le=3660)] = 90
    release_key: Path = Path("var/centre/keys/release.pub")
    collector_key: Path = Path("var/centre/keys/collector.pub")
    evidence_key: Path = Path("var/centre/keys/evidence.pub")
    enrolment_key: Path = Path("var/centre/keys/enrolment.pub")
    pepper: str = ""
    secrets: str = ""

    @property
    def key_folder(self) -> Path:
        """Where the kiosk's own key lies: in `secrets`, or on the card where that is empty."""
        return Path(self.secrets) if self.secrets else self.state


class Camera(Section, frozen=True):
    source: Annotated[str, Meta(pattern=r"^(picamera|usb:[0-9]{1,2}|file:.+|folder:.+)$")] = "picamera"
    width_px: Pixels = 1280
    height_px: Pixels = 720
    frame_rate_hz: Annotated[float, Meta(gt=0, le=120)] = 15
    idle_look_s: Annotated[float, Meta(ge=0, le=10)] = 0.5
    loop: bool = False
    view_deg: Annotated[float, Meta(ge=20, le=170)] = 66


class Engine(Section, frozen=True):
    name: Literal["opencv", "dlib", "onnx"] = "opencv"
    manifest: str = ""
    models: Path = Path("var/models")
    detect_width_px: Pixels = 480
    detect_score: Fraction = 0.75


class Quality(Section, frozen=True):
    min_face_px: Pixels = 48
    min_face_share: Fraction = 0.07
    min_brightness: Grey = 32
    max_brightness: Grey = 200
    min_sharpness: Annotated[float, Meta(ge=0)] = 8
    max_yaw: Annotated[float, Meta(gt=0, le=2)] = 0.35
    max_backlight: Annotated[float, Meta(ge=1, le=255)] = 3


class Zone(Section, frozen=True):
    left: Fraction = 0
    right: Fraction = 1
    min_face_share: Fraction = 0


class Match(Section, frozen=True):
    fpir: Annotated[float, Meta(gt=0, le=0.1)] = 0.001
    threshold: Fraction = 0
    margin: Fraction = 0
    calibration: str = ""
    agreeing_frames: Annotated[int, Meta(ge=1, le=30)] = 3
    best_frames: Annotated[int, Meta(ge=1, le=30)] = 5
    unknown_after_s: Seconds = 2.0


class Liveness(Section, frozen=True):
    mode: Literal["off", "on", "always", "cues"] = "on"
    attacks_before_delay: Count = 5
    delay_s: Seconds = 30
    picture: Literal["never", "unless_refused", "always"] = "unless_refused"
    picture_days: Annotated[int, Meta(ge=1, le=3660)] = 30
    pictures_most: Annotated[int, Meta(ge=0, le=10_000)] = 50
    models: Annotated[str, Meta(pattern=r"^(https://[^\s@?#]+|(?!.*://).*)\Z")] = ""
    manifest: str = ""


class Visit(Section, frozen=True):
    result_s: Seconds = 4
    repeat_window_s: Seconds = 60
    tries_before_pin: Count = 3
    pin_timeout_s: Seconds = 30
    slowness: Annotated[float, Meta(ge=1, le=20)] = 3
    ease_s: Seconds = 60
    desk_timeout_s: Seconds = 60
    direction_change_hour: Annotated[int, Meta(ge=0, le=23)] = 12


class Schedule(Section, frozen=True):
    monday: Hours = "07:30-16:00"
    tuesday: Hours = "07:30-16:00"
    wednesday: Hours = "07:30-16:00"
    thursday: Hours = "07:30-16:00"
    friday: Hours = "07:30-16:30"
    saturday: Hours = ""
    sunday: Hours = ""
    tolerance_min: Annotated[int, Meta(ge=0, le=240)] = 0


class Pin(Section, frozen=True):
    free_tries: Count = 3
    first_delay_s: Seconds = 30
    max_delay_s: Seconds = 300
    tries_per_minute: Count = 10
    tries_per_day: Count = 30
    picture: Literal["never", "unless_refused", "always"] = "unless_refused"
    picture_days: Annotated[int, Meta(ge=1, le=3660)] = 30


class Enroll(Section, frozen=True):
    samples: Annotated[int, Meta(ge=1, le=20)] = 3
    same_person_score: Fraction = 0
    duplicate_score: Fraction = 0
    capture_s: Seconds = 60
    keep_samples: bool = False
    basis: Literal["", "public_duty"] = ""


class Display(Section, frozen=True):
    driver: Literal["auto", "x11", "wayland", "kmsdrm", "dummy"] = "auto"
    width_px: Pixels = 800
    height_px: Pixels = 480
    full_screen: bool = False
    language: Literal["id", "en", "jv"] = "id"
    frame_rate_hz: Annotated[float, Meta(gt=0, le=120)] = 30
    picture_file: str = ""
    backlight: str = "/sys/class/backlight"


class Sound(Section, frozen=True):
    volume: Percent = 80
    voice: Literal["auto", "off"] = "auto"
    prompts: Literal["all", "results", "off"] = "results"
    quiet_from: TimeOfDay = "22:00"
    quiet_to: TimeOfDay = "05:00"
    quiet_volume: Percent = 20


class Mqtt(Section, frozen=True):
    host: Annotated[str, Meta(min_length=1, max_length=253)] = "127.0.0.1"
    port: Port = 11883
    username: str = ""
    password: str = ""
    tls_ca: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    keepalive_s: Annotated[int, Meta(ge=5, le=120)] = 30
    in_flight: Annotated[int, Meta(ge=1, le=1000)] = 20


class Uplink(Section, frozen=True):
    status_every_s: Seconds = 10
    resend_after_s: Seconds = 30
    keep_acknowledged_days: Annotated[int, Meta(ge=1, le=3660)] = 30


class Centre(Section, frozen=True):
    register: RegisterUrl = "sqlite:///var/centre/register.sqlite"
    collector: Identifier = "hadir-collector"
    shared: bool = False
    keys: Path = Path("var/centre/keys")
    heads: Path = Path("var/centre/heads")
    releases: Path = Path("var/centre/releases")
    samples: Path = Path("var/centre/samples")
    batch_rows: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    batch_ms: Annotated[float, Meta(gt=0, le=10_000)] = 50
    approve: Literal["by_hand", "at_once"] = "by_hand"
    evidence_days: Annotated[int, Meta(ge=1, le=3660)] = 30


class Console(Section, frozen=True):
    host: str = "127.0.0.1"
    port: Port = 18080


class Log(Section, frozen=True):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section, frozen=True):
    """All settings of one machine; see `config.yaml` for what each means."""

    office: Office = Office()
    terminal: Terminal = Terminal()
    camera: Camera = Camera()
    engine: Engine = Engine()
    quality: Quality = Quality()
    zone: Zone = Zone()
    match: Match = Match()
    liveness: Liveness = Liveness()
    visit: Visit = Visit()
    schedule: Schedule = Schedule()
    pin: Pin = Pin()
    enroll: Enroll = Enroll()
    display: Display = Display()
    sound: Sound = Sound()
    mqtt: Mqtt = Mqtt()
    uplink: Uplink = Uplink()
    centre: Centre = Centre()
    console: Console = Console()
    log: Log = Log()


def load(path: Path) -> Config:
    """Return the settings of `path`, complete and checked, every relative path made absolute. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give another file with --config") from error
    return parse(text, name=str(path), base=path.resolve().parent)


def parse(text: str, *, name: str, base: Path) -> Config:
    """Return the settings written in `text`; relative paths start at `base`. Raises ConfigError."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: {getattr(error, 'problem', None) or 'is not YAML'}") from error
    try:
        settings = msgspec.convert({} if raw is None else _as_written(raw), Config, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), text, name)) from error
    try:
        ZoneInfo(settings.office.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        where = f"{name}:{_line_of(text, ['office', 'timezone'])}: office.timezone: no such zone"
        raise ConfigError(f"{where}; Asia/Jakarta, Asia/Makassar and Asia/Jayapura are Indonesia's") from error
    _check_scores(settings, text, name)
    _check_zone(settings, text, name)
    return _absolute(settings, base)


def replace(settings: Config, **sections: dict[str, Any]) -> Config:
    """Return `settings` with some keys of some sections changed, checked as if they stood in the file.

    `replace(config, mqtt={"port": 1883})`. Raises ConfigError.
    """
    raw = msgspec.to_builtins(settings, enc_hook=str)
    for section, values in sections.items():
        raw[section] = {**raw[section], **values}
    try:
        return msgspec.convert(raw, Config, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), "", "the command line")) from error


def dump(settings: Config) -> str:
    """Return the settings as YAML that `load` reads back, passwords included: for a file only its owner can read."""
    return yaml.safe_dump(msgspec.to_builtins(settings, enc_hook=str), sort_keys=False, allow_unicode=True)


def show(settings: Config) -> str:
    """Return the settings as YAML with passwords masked."""
    raw = msgspec.to_builtins(settings, enc_hook=str)
    raw["mqtt"]["password"] = "********" if settings.mqtt.password else ""
    register = re.sub(r"(://[^:/@]*:).*@", r"\1********@", settings.centre.register)
    raw["centre"]["register"] = re.sub(r"([?&][a-z]*password=)[^&]*", r"\1********", register)
    return yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)


def _check_scores(settings: Config, text: str, name: str) -> None:
    """Refuse scores of another engine where dlib runs: with them, everybody would be anybody. 0 is none."""
    if settings.engine.name != "dlib":
        return
    for keys in (["match", "threshold"], ["enroll", "same_person_score"], ["enroll", "duplicate_score"]):
        score = getattr(getattr(settings, keys[0]), keys[1])
        if 0 < score < LEAST_DLIB_SCORE:
            raise ConfigError(
                f"{name}:{_line_of(text, keys)}: {'.'.join(keys)}: {score} is no score of the dlib engine, where one "
                f"in a hundred strangers reaches {LEAST_DLIB_SCORE}; leave it at 0 for those of its calibration"
            )


def _check_zone(settings: Config, text: str, name: str) -> None:
    """Refuse a zone in which nobody can stand."""
    zone = settings.zone
    if zone.left >= zone.right:
        where = f"{name}:{_line_of(text, ['zone', 'right'])}: zone: from {zone.left:g} to {zone.right:g}"
        raise ConfigError(f"{where} nobody can stand; left must be less than right")


def _as_written(raw: Any) -> Any:
    """Return the settings with off, on and 22:00 as they were written, which YAML 1.1 reads as false, true and 1320."""
    if not isinstance(raw, dict):
        return raw
    found = {name: raw[name] for name in ("sound", "liveness") if isinstance(raw.get(name), dict)}
    return raw | {name: {key: _word(key, value) for key, value in section.items()} for name, section in found.items()}


def _word(key: str, value: Any) -> Any:
    if key in ("quiet_from", "quiet_to") and type(value) is int and 60 <= value < 24 * 60:
        return f"{value // 60:02}:{value % 60:02}"
    return _WRITTEN.get((key, value), value) if type(value) is bool else value


def _path(kind: type, value: Any) -> Path:
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError("expected a path")


def _explain(problem: str, text: str, name: str) -> str:
    """Turn msgspec's "... - at `$.mqtt.port`" into "file:line: mqtt.port: ..."."""
    message, _, where = problem.partition(" - at `$")
    keys = [key for key in where.rstrip("`").split(".") if key]
    if unknown := re.search(r"unknown field `([^`]+)`", message):
        section = next((getattr(Config(), key, None) for key in keys), Config())
        allowed = ", ".join(section.__struct_fields__) if isinstance(section, Struct) else ""
        keys.append(unknown.group(1))
        message = f"unknown setting; allowed here: {allowed}"
    if keys[-1:] and keys[-1] in ("quiet_from", "quiet_to"):
        message = 'expected a time of day from "00:00" to "23:59", hours and minutes with two digits each'
    line = f":{_line_of(text, keys)}" if text else ""
    return f"{name}{line}: {'.'.join(keys) or 'the file'}: {message}"


def _line_of(text: str, keys: list[str]) -> int:
    """Return the line (from 1) on which the innermost of `keys` that exists is written."""
    node, line = yaml.compose(text), 1
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        pair = next(((k, v) for k, v in pairs if k.value == key), None)
        if pair is None:
            break
        line, node = pair[0].start_mark.line + 1, pair[1]
    return line


def _absolute(settings: Config, base: Path) -> Config:
    def anchored(path: Path | str) -> str:
        text = os.fspath(path)
        return os.fspath(base / text) if text and "://" not in text else text

    def places(section: Section, *keys: str) -> dict[str, str]:
        return {key: anchored(getattr(section, key)) for key in keys}

    own = ("state", "release_key", "collector_key", "evidence_key", "enrolment_key", "pepper", "secrets")
    head, slashes, file = settings.centre.register.partition("sqlite:///")
    register = f"{slashes}{anchored(file)}" if slashes else head
    scheme, _, place = settings.camera.source.partition(":")
    source = f"{scheme}:{anchored(place)}" if scheme in ("file", "folder") else settings.camera.source
    return replace(
        settings,
        terminal=places(settings.terminal, *own),
        camera={"source": source},
        engine=places(settings.engine, "models", "manifest"),
        match=places(settings.match, "calibration"),
        liveness=places(settings.liveness, "models", "manifest"),
        display=places(settings.display, "picture_file"),
        mqtt=places(settings.mqtt, "tls_ca", "tls_certificate", "tls_key"),
        centre={"register": register, **places(settings.centre, "keys", "heads", "releases", "samples")},
    )
