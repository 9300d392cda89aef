"""What an installation carries: every package, and every file that is no module."""

import runpy
import subprocess
import sys
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def setup(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py tells setuptools."""
    told: dict[str, Any] = {}
    stand_in = ModuleType("setuptools")
    stand_in.setup = told.update  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "setuptools", stand_in)
    runpy.run_path(str(project / "setup.py"))
    return told


def tracked(project: Path, *rooms: str) -> list[PurePosixPath]:
    said = subprocess.run(["git", "ls-files", "-z", *rooms], cwd=project, capture_output=True, text=True, check=True)
    return [PurePosixPath(name) for name in filter(None, said.stdout.split("\0"))]


def test_every_file_of_a_room_is_a_module_of_a_package_or_data_of_one(setup: dict[str, Any], project: Path) -> None:
    packages = {PurePosixPath(name.replace(".", "/")) for name in setup["packages"]}
    data = [
        (PurePosixPath(package.replace(".", "/")), pattern)
        for package, patterns in setup["package_data"].items()
        for pattern in patterns
    ]
    left_out = [
        str(file)
        for file in tracked(project, *sorted({package.parts[0] for package in packages}))
        if not (file.suffix == ".py" and file.parent in packages)
        and not any(
            file.is_relative_to(package)
            and len(file.relative_to(package).parts) == len(PurePosixPath(pattern).parts)
            and file.relative_to(package).match(pattern)
            for package, pattern in data
        )
    ]
    assert left_out == []
