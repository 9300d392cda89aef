"""Five people enrolled from photos with one command, and seen in the demo's clip; the sixth stays a stranger."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import config
from demo import clip, hint, stage
from enroll import desk
from sync.register import Register, sets
from terminal.camera import open_camera
from terminal.faces import open_engine
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.replay import visits


@pytest.mark.slow
@pytest.mark.timeout(300)  # the clip is made for the first test that asks for it
def test_a_newcomer_enrols_five_people_with_one_command_and_the_kiosk_greets_each(
    home: config.Config, project: Path, tmp_path: Path, walk_up_clip: clip.Clip
) -> None:
    from hadir import main

    settings = config.replace(
        home,
        centre={"register": f"sqlite:///{tmp_path / 'register.sqlite'}", "keys": str(tmp_path / "keys")},
        terminal={
            "state": str(tmp_path / "terminal"),
            **{
                f"{name}_key": str(tmp_path / f"{name}.pub")
                for name in ("release", "collector", "evidence", "enrolment")
            },
        },
    )
    written = tmp_path / "config.yaml"
    written.write_text(config.dump(settings))
    words = ["--config", str(written), "enroll", "import", str(project / "demo" / hint.FIVE), "--basis", "public_duty"]
    said = CliRunner().invoke(main, words)
    assert said.exit_code == 0, said.output
    five = {"1001", "1002", "1003", "1004", "1005"}
    assert {person.number for person in desk.list_people(settings)} == five

    engine = open_engine(settings.engine)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        content = sets.build_set(
            register,
            office=settings.office.id,
            engine_id=engine.engine_id,
            dimension=engine.dimension,
            at=datetime.now(UTC),
        )
    with open_camera(config.Camera(source=f"file:{walk_up_clip.path}"), real_time=False) as camera:
        looker = Looker(engine, settings, idle_look_s=settings.camera.idle_look_s)
        seen = list(visits(camera, looker, Gallery.from_set(content)))
    assert {line["employee"] for line in seen if line["employee"]} == five
    assert sum(line["outcome"] != "match" for line in seen) == 1, "the sixth is nobody's"

    words = []
    stage.prepare(settings, tmp_path / "demo", with_clip=False, say=words.append)
    assert words == [], "the demo finds its own four people there, and enrols nobody twice"
    assert {person.number for person in desk.list_people(settings)} == five
