"""The desk with a register on PostgreSQL: kiosk enrolments approved, people listed, published, given out, withdrawn."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import config
from demo import broker
from enroll import approval
from enroll.command import enroll
from enroll.hr.desk import take_roster
from enroll.privacy.export import export_person
from enroll.privacy.withdrawal import withdraw
from enroll.release.publish import publish
from sync import keys
from sync.register import people
from sync.register.enrolments import State
from tests.enroll.conftest import vector_of
from tests.enroll.enrolling_kiosk import ENGINE
from tests.enroll.test_approval import Centre
from tests.sync.postgres import private_server

pytestmark = pytest.mark.slow


@pytest.fixture
def centre(settings: config.Config, program: Callable[[str], str]) -> Iterator[Centre]:
    with private_server(Path(program("initdb")).resolve().parent) as server:
        url = server.url(server.new_database())
        yield Centre(config.replace(settings, mqtt={"port": broker.free_port()}, centre={"register": url}))


def test_what_the_desk_does_it_does_on_postgresql_as_well(
    centre: Centre, approve: Callable[..., keys.PrivateKey], tmp_path: Path
) -> None:
    approve(centre.settings)
    came, late = centre.comes("101"), centre.comes("102", look=2)
    assert centre.approve(came).state is State.APPROVED
    assert approval.refuse(centre.settings, late, why="ask again", by="tester").state is State.REFUSED
    made_there = vector_of(101, 1).astype("<f4").tobytes()
    assert ("kiosk", made_there) in centre.sources("101")
    with centre.register() as register, register.read() as connection:
        rows = connection.execute(people.templates.select()).all()
    assert rows
    assert all(row.sealed and made_there not in bytes(row.vector) for row in rows)

    listed = tmp_path / "hr.csv"
    listed.write_text("nip;nama;kantor\n101;Orang Seratus Satu;demo\n777;Baru;demo\n", encoding="utf-8")
    take_roster(centre.settings, listed, apply=True)
    with centre.register() as register:
        new, renamed = (people.find_employee(register, number) for number in ("777", "101"))
    assert new is not None
    assert renamed is not None
    assert renamed.name == "Orang Seratus Satu"

    first = publish(centre.settings, "demo", engine=ENGINE, broker_wait_s=0)
    export_person(centre.settings, "101", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "about.json").read_text(encoding="utf-8"))
    done = withdraw(centre.settings, "101", engine=ENGINE)
    assert centre.sources("101") == []
    assert done.progress.withdrawal.key_destroyed
    assert [each.version for each in done.progress.withdrawal.sets] == [first.version + 1]
    said = CliRunner().invoke(enroll, ["withdrawal", "101"], obj=lambda: centre.settings)
    assert "has not said so yet" in said.output
