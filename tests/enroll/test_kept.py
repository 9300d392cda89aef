"""Pictures kept for a later engine: of those who agreed, sealed, and gone with their agreement."""

import stat
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import config
from enroll import kept
from enroll.bulk.importer import ImportReport, import_folder
from enroll.command import enroll
from enroll.desk import Done, list_people
from enroll.kept import Samples, SamplesFailed
from enroll.person import set_photo
from enroll.privacy.withdrawal import withdraw
from enroll.release.reencode import engine_report, reencode
from sync import keys
from sync.register import Register, people
from sync.register.consents import Basis
from terminal.faces import Engine, Identity


@pytest.fixture(name="settings")
def _settings(settings: config.Config, tmp_path: Path) -> config.Config:
    keys.new_key(settings.centre.keys, keys.ENROLMENT)
    return config.replace(
        settings, enroll={"keep_samples": True}, centre={"samples": str(tmp_path / "centre" / "samples")}
    )


@pytest.fixture
def run(settings: config.Config, tmp_path: Path, engine: Engine, painted) -> Callable[..., ImportReport]:
    """A function that imports somebody who is painted, with two looks and a photo that cannot be used."""
    place = tmp_path / "import" / "1001-Siti"
    (place / "glasses").mkdir(parents=True)
    for look in range(3):
        (place / f"{look}.png").write_bytes(painted(1, look=look))
    (place / "nobody.png").write_bytes(painted(1, faces=0))
    (place / "glasses" / "0.png").write_bytes(painted(1, look=5))

    def run(basis: Basis = Basis.CONSENT, **how: object) -> ImportReport:
        given = how.pop("settings", settings)
        return import_folder(given, tmp_path / "import", engine=engine, basis=basis, **how)  # type: ignore[arg-type]

    return run


def files(settings: config.Config) -> list[Path]:
    return [path for path in settings.centre.samples.rglob("*") if path.is_file()]


def test_of_whoever_agreed_each_used_photo_is_kept_sealed_and_can_be_opened_again(
    settings: config.Config, run: Callable[..., ImportReport]
) -> None:
    report = run()
    assert report.people[0].done is Done.ADDED
    assert {photo.sample for photo in report.people[0].photos} == {b""}, "the report holds none"
    found = {each.look: each.photos for each in kept.opened(settings, "1001")}
    assert {look: len(photos) for look, photos in found.items()} == {"": 3, "glasses": 1}
    for photo in found[""]:
        assert cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR) is not None
    for path in files(settings):
        content = path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not any(mark in content for mark in (b"\xff\xd8\xff", b"JFIF", b"1001", b"glasses"))
    assert b"\xff\xd8\xff" in found[""][0], "the control: opened, the mark is there"


def test_i4_without_consent_or_where_no_picture_may_be_kept_there_is_none(
    settings: config.Config, run: Callable[..., ImportReport], engine: Engine
) -> None:
    run(Basis.PUBLIC_DUTY)
    assert files(settings) == []


def test_none_is_kept_of_who_is_not_to_be_pictured_nor_by_a_dry_run_nor_without_the_setting(
    settings: config.Config, run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    run(dry_run=True)
    off = config.replace(settings, enroll={"keep_samples": False})
    run(settings=off)
    assert files(settings) == []
    set_photo(settings, "1001", False)
    (tmp_path / "import" / "1001-Siti" / "2.png").unlink()
    assert run().people[0].done is Done.CHANGED
    assert files(settings) == []


def test_i1_a_withdrawal_deletes_what_was_kept(settings: config.Config, run: Callable[..., ImportReport]) -> None:
    run()
    assert len(files(settings)) == 2
    withdraw(settings, "1001", publish_sets=False)
    assert not (settings.centre.samples / "1001").exists()
    assert kept.delete(settings, "1001") == 0


def test_c5_who_has_the_files_but_not_the_key_opens_none(
    settings: config.Config, run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    run()
    keys.new_key(tmp_path / "thief", keys.ENROLMENT)
    for name in ("enrolment.key", "enrolment.pub"):
        (settings.centre.keys / name).write_bytes((tmp_path / "thief" / name).read_bytes())
    with pytest.raises(SamplesFailed, match="cannot be opened with the centre's key"):
        kept.opened(settings, "1001")


def test_a_file_that_was_moved_to_another_person_is_refused(settings: config.Config) -> None:
    kept.keep(settings, Samples(employee="1001", source="photos", look="", photos=(b"jpeg",)))
    (settings.centre.samples / "1001").rename(settings.centre.samples / "1002")
    with pytest.raises(SamplesFailed, match="somebody else's pictures"):
        kept.opened(settings, "1002")
    next((settings.centre.samples / "1002").iterdir()).write_bytes(b"x" * 99)
    with pytest.raises(SamplesFailed, match="cannot be opened"):
        kept.opened(settings, "1002")


def test_a_later_engine_makes_its_templates_of_what_is_kept(
    settings: config.Config, run: Callable[..., ImportReport], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The painted engine reads who somebody is from pixels that a JPEG changes, so the later one is told."""

    class Later(type(engine)):  # type: ignore[misc]
        engine_id = "later"

        def detect(self, picture):
            return super().detect(np.ascontiguousarray(_repainted(picture)))

        def encode(self, picture, face):
            encoding = super().encode(np.ascontiguousarray(_repainted(picture)), face)
            return type(encoding)(vector=encoding.vector, engine_id="later")

    def _repainted(picture):
        written = picture.copy()
        written[:4] = (1, 0, 1)
        return written

    run()
    monkeypatch.setattr("enroll.release.reencode.identity_of", lambda _: Identity(engine_id="later", dimension=64))
    assert [(each.person.number, each.samples) for each in engine_report(settings).again] == [("1001", True)]
    done = reencode(settings, engine=Later())
    assert [(each.number, each.why) for each in done] == [("1001", None)]
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        made = {(each.look, each.source) for _, each in people.templates_of(register, "later")}
    assert made == {("", "photos"), ("glasses", "photos")}
    assert engine_report(settings).again == ()
    assert reencode(settings, engine=Later()) == []


def test_the_documents_command_and_settings_are_there(project: Path, settings: config.Config) -> None:
    text = (
        (project / "docs" / "enrolment.md").read_text().split("## Pictures for a later engine\n")[1].split("\n## ")[0]
    )
    assert "\n./hadir enroll reencode\n" in text
    assert "reencode" in enroll.commands
    assert hasattr(settings.enroll, "keep_samples")
    assert hasattr(settings.centre, "samples")


def test_where_the_key_is_absent_nobody_is_enrolled(settings: config.Config, run: Callable[..., ImportReport]) -> None:
    (settings.centre.keys / "enrolment.pub").unlink()
    with pytest.raises(keys.KeyRefused, match="there is no key"):
        run()
    assert list_people(settings) == []


def test_the_command_says_when_there_is_nothing_to_do(settings: config.Config) -> None:
    said = CliRunner().invoke(enroll, ("reencode",), obj=lambda: settings)
    assert (said.exit_code, said.output) == (0, "0 encoded anew, 0 refused.\n")
