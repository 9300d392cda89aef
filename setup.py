"""Packaging: rooms as packages, the `hadir` script, extras by role. Tool settings are in pyproject.toml."""

from setuptools import setup

KIOSK = [
    "numpy>=2.1,<3",
    # 5.0 cannot load the SFace file and is slower on YuNet (docs/architecture.md).
    "opencv-python-headless>=4.14,<5",
    # pygame-ce, not pygame: only its wheel carries the KMSDRM driver a Pi without a desktop needs.
    "pygame-ce>=2.5.5,<3",
    "sqlite-utils>=4.2,<5",
    "argon2-cffi>=25.1",
]
BOTH = [
    "click>=8.2,<9",
    "msgspec>=0.20,<1",
    "pyyaml>=6.0.2,<7",
    "paho-mqtt>=2.1,<3",
    "cryptography>=46",
    "pynacl>=1.5",
    "babel>=2.17",
    "rich>=14,<16",
]
CENTRAL = [
    "sqlalchemy>=2.0.40,<3",
    "alembic>=1.16,<2",
    # Only through SQLAlchemy's URL; the binary wheel brings its own libpq.
    "psycopg[binary]>=3.2,<4",
    "litestar[jinja]>=2.16,<3",
    "uvicorn>=0.35,<1",
    # HR's lists as Excel writes them; read only.
    "openpyxl>=3.1.5,<4",
]
# The wheel of dlib: no compiler is needed, on x86_64 nor on a Pi.
DLIB = ["dlib-bin>=20.0.1,<21"]
DEMO = ["iotcore>=0.4,<0.5"]
DEV = [
    "pytest>=8.4,<10",
    "pytest-timeout>=2.4,<3",
    "hypothesis>=6.130",
    "apsw>=3.50",
    "httpx>=0.28",
    "playwright>=1.50",
    "ruff>=0.12",
    "mypy>=1.16",
    "types-PyYAML",
]

setup(
    name="hadir",
    version="0.1.0",
    description="Face-recognition attendance kiosks that decide alone, with a centre that loses nothing",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=[
        "bench",
        "bench.desk",
        "bench.enrol",
        "bench.kiosk",
        "bench.rivals",
        "bench.storm",
        "console",
        "demo",
        "enroll",
        "enroll.bulk",
        "enroll.commands",
        "enroll.evaluate",
        "enroll.evaluate.liveness",
        "enroll.hr",
        "enroll.privacy",
        "enroll.release",
        "enroll.screens",
        "enroll.sitting",
        "enroll.wizard",
        "sync",
        "sync.messages",
        "sync.mqtt",
        "sync.outbox",
        "sync.register",
        "terminal",
        "terminal.camera",
        "terminal.display",
        "terminal.faces",
        "terminal.liveness",
        "terminal.pin",
        "terminal.screens",
        "terminal.visit",
    ],
    py_modules=["hadir", "config", "errors"],
    include_package_data=True,
    package_data={
        "console": ["static/*", "templates/*"],
        "demo": ["CREDITS.md", "five.csv", "hr.csv", "people.csv", "people/*/*", "strangers/*", "walkups/*/*"],
        "terminal": ["calibrations/*.json", "locale/*.pot", "locale/*/LC_MESSAGES/*.po"],
        "terminal.display": ["fonts/*"],
        "sync": ["broker/*"],
        # Alembic reads its migrations as files of a folder, not as modules of a package.
        "sync.register": ["migrations/*.py", "migrations/versions/*.py"],
    },
    install_requires=KIOSK + BOTH + CENTRAL + DEMO,
    extras_require={
        # picamera2 comes from Raspberry Pi OS itself (apt install python3-picamera2), never from pip there.
        "pi": [],
        "central": CENTRAL,
        "dlib": DLIB,
        "dev": DEV + DLIB,
    },
    entry_points={"console_scripts": ["hadir=hadir:main"]},
)
