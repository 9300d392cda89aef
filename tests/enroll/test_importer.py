"""A folder of people is imported: again and again, interrupted, with every kind of bad photo in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import config
from enroll.bulk.importer import ImportReport, Progress, import_folder
from enroll.bulk.roster import RosterRefused
from enroll.desk import Done, add_person, list_people
from sync.register import Register, enrolment, people
from sync.register.people import Template
from terminal.faces import Engine
from tests.enroll.leaving import withdraw

Fill = Callable[..., Path]


@pytest.fixture
def fill(tmp_path: Path, painted: Callable[..., bytes]) -> Fill:
    """A function that puts pictures of a person into a folder of the import, and returns the folder."""

    def write(name: str, person: int, *looks: int) -> Path:
        place = tmp_path / "import" / name
        place.mkdir(parents=True, exist_ok=True)
        for look in looks:
            (place / f"{look}.png").write_bytes(painted(person, look=look))
        return place

    return write


@pytest.fixture
def run(tmp_path: Path, settings: config.Config, engine: Engine) -> Callable[..., ImportReport]:
    def run(**more: object) -> ImportReport:
        return import_folder(settings, tmp_path / "import", engine=engine, **more)  # type: ignore[arg-type]

    return run


def kept(settings: config.Config) -> dict[str, Template]:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return dict(people.templates_of(register, "painted"))


def what(report: ImportReport) -> dict[str, Done]:
    return {person.number or person.where: person.done for person in report.people}


def test_everybody_in_the_folder_is_enrolled(settings: config.Config, fill: Fill, run) -> None:
    fill("1001-Siti_Nurhaliza", 1, 0, 1, 2)
    fill("1002 Budi", 2, 0)
    heard: list[Progress] = []
    report = run(progress=heard.append)
    assert what(report) == {"1001": Done.ADDED, "1002": Done.ADDED}
    assert [(person.name, person.samples) for person in list_people(settings)] == [("Siti Nurhaliza", 3), ("Budi", 1)]
    assert report.people[1].warnings == ("1 sample; 3 are better",)
    assert (report.photos_used, report.photos_refused, report.count(Done.ADDED)) == (4, 0, 2)
    assert [(each.done, each.total, each.person) for each in heard] == [
        (1, 2, report.people[0]),
        (2, 2, report.people[1]),
    ]


def test_the_same_photos_change_nothing_and_are_not_even_looked_at(
    settings: config.Config, engine, fill: Fill, run
) -> None:
    fill("1001-Siti", 1, 0, 1)
    fill("1002-Budi", 2, 0)
    run()
    before, encoded = kept(settings), engine.encoded
    assert set(what(run()).values()) == {Done.UNCHANGED}
    assert (kept(settings), engine.encoded) == (before, encoded)


def test_a_renamed_photo_changes_nothing(fill: Fill, run) -> None:
    place = fill("1001-Siti", 1, 0, 1)
    run()
    (place / "0.png").rename(place / "z.png")
    assert what(run()) == {"1001": Done.UNCHANGED}


@pytest.mark.parametrize("change", ["added", "changed", "removed"])
def test_other_photos_make_another_template(
    settings: config.Config, fill: Fill, run, painted: Callable[..., bytes], change: str
) -> None:
    place = fill("1001-Siti", 1, 0, 1)
    fill("1002-Budi", 2, 0)
    run()
    before = kept(settings)
    match change:
        case "added":
            fill("1001-Siti", 1, 2)
        case "changed":
            (place / "1.png").write_bytes(painted(1, look=9))
        case "removed":
            (place / "1.png").unlink()
    assert what(run()) == {"1001": Done.CHANGED, "1002": Done.UNCHANGED}
    after = kept(settings)
    assert after["1001"].vector != before["1001"].vector
    assert after["1002"] == before["1002"]


def test_another_name_is_taken_over_without_new_encodings(settings: config.Config, engine, fill: Fill, run) -> None:
    place = fill("1001-Siti", 1, 0, 1)
    run()
    template, encoded = kept(settings)["1001"], engine.encoded
    place.rename(place.with_name("1001-Siti_Aminah"))
    assert what(run()) == {"1001": Done.CHANGED}
    assert list_people(settings)[0].name == "Siti Aminah"
    assert (kept(settings)["1001"], engine.encoded) == (template, encoded)


def test_a_folder_with_the_number_only_keeps_the_name(settings: config.Config, fill: Fill, run) -> None:
    place = fill("1001-Siti", 1, 0)
    run()
    place.rename(place.with_name("1001"))
    fill("1002", 2, 0)
    report = run()
    assert what(report) == {"1001": Done.UNCHANGED, "1002": Done.REFUSED}
    assert "1002 is new; give their name" in str(report.people[1].why)


def test_one_face_under_two_numbers_is_enrolled_once(settings: config.Config, fill: Fill, run) -> None:
    fill("1001-Siti", 1, 0)
    fill("1002-Budi", 2, 0)
    fill("1003-Siti_Again", 1, 1)
    report = run()
    assert what(report) == {"1001": Done.ADDED, "1002": Done.ADDED, "1003": Done.REFUSED}
    assert "enrolled as 1001" in str(report.people[2].why)
    assert "1003" in str(report.people[2].why)
    assert list(kept(settings)) == ["1001", "1002"]


def test_photos_swapped_between_two_people_are_found_out(settings: config.Config, fill: Fill, run) -> None:
    first, second = fill("1001-Siti", 1, 0), fill("1002-Budi", 2, 0)
    run()
    before = kept(settings)
    first.rename(first.with_name("x"))
    second.rename(first)
    first.with_name("x").rename(second)
    assert set(what(run()).values()) == {Done.REFUSED}
    assert kept(settings) == before


def test_who_was_withdrawn_is_not_brought_back_by_an_old_folder(
    settings: config.Config, engine, fill: Fill, run
) -> None:
    fill("1001-Siti", 1, 0)
    fill("1002-Budi", 2, 0)
    run()
    withdraw(settings, "1001")
    encoded = engine.encoded
    report = run()
    assert what(report) == {"1001": Done.REFUSED, "1002": Done.UNCHANGED}
    assert "was withdrawn" in str(report.people[0].why)
    assert engine.encoded == encoded
    assert list(kept(settings)) == ["1002"]
    assert what(run(again=True)) == {"1001": Done.ADDED, "1002": Done.UNCHANGED}


def test_a_dry_run_answers_alike_and_writes_nothing(settings: config.Config, fill: Fill, run) -> None:
    fill("1001-Siti", 1, 0)
    fill("1002-Siti_Again", 1, 1)
    fill("no number", 1, 0)
    dry = run(dry_run=True)
    assert not Path(settings.centre.register.removeprefix("sqlite:///")).exists()
    wet = run()
    assert dry.people == wet.people
    assert (dry.dry_run, wet.dry_run) == (True, False)
    fill("1003-Budi", 3, 0)
    assert what(run(dry_run=True))["1003"] is Done.ADDED
    assert list(kept(settings)) == ["1001"]


def test_every_bad_photo_is_named_and_the_rest_goes_on(settings: config.Config, fill: Fill, run, painted) -> None:
    place = fill("1001-Siti", 1, 0, 1, 2)
    for name, content in {
        "empty.jpg": b"",
        "letter.jpg": b"Dear Sir or Madam,",
        "anim.gif": b"GIF89a" + bytes(99),
        "nobody.png": painted(1, faces=0),
        "couple.png": painted(1, faces=2),
        "stranger.png": painted(7),
        "cut.png": painted(1)[:-999],
    }.items():
        (place / name).write_bytes(content)
    (place / "subfolder").mkdir()
    fill("1002-Budi", 2)
    fill("1003-Ani", 3, 0)
    report = run()
    assert what(report) == {"1001": Done.ADDED, "1002": Done.REFUSED, "1003": Done.ADDED}
    assert report.people[1].why == "there are no photos in the folder"
    assert {photo.photo: photo.why for photo in report.people[0].photos if not photo.used} == {
        "empty.jpg": "it is empty",
        "letter.jpg": "it is not a picture",
        "anim.gif": "it is a GIF, an animation or drawing; give a JPEG or PNG photo",
        "nobody.png": "no face was found in it",
        "couple.png": "several faces are in it; cut out the one that is meant",
        "stranger.png": "the face does not resemble this person's other pictures",
        "cut.png": "it is cut off; copy it again",
    }
    assert (report.photos_used, report.photos_refused) == (4, 7)


def test_people_of_a_list_without_photos_have_a_pin_to_get(
    tmp_path: Path, settings: config.Config, fill: Fill, run
) -> None:
    fill("1001", 1, 0, 1, 2)
    (tmp_path / "import" / "people.csv").write_text("number,name\n1001,Siti\n1002,Budi\n")
    report = run()
    assert what(report) == {"1001": Done.ADDED, "1002": Done.ADDED}
    assert report.people[1].warnings == ("no photos; the kiosk knows them by PIN only",)
    assert [(person.name, person.templates) for person in list_people(settings)] == [("Siti", 1), ("Budi", 0)]
    assert set(what(run()).values()) == {Done.UNCHANGED}


def test_a_folder_of_everybodys_photos_is_not_one_person(fill: Fill, run, engine) -> None:
    place = fill("1001-Everybody", 1)
    for number in range(101):
        (place / f"{number}.jpg").touch()
    assert "101 photos are in the folder" in str(run().people[0].why)
    assert engine.encoded == 0


def test_an_import_into_another_office_does_not_take_its_people(settings: config.Config, fill: Fill, run) -> None:
    fill("1001-Siti", 1, 0)
    run(office="north")
    report = run(office="south")
    assert "belongs to office north" in str(report.people[0].why)
    assert what(run(office="south", move=True)) == {"1001": Done.CHANGED}
    assert list_people(settings)[0].office == "south"


def test_an_import_that_was_stopped_goes_on_where_it_was(settings: config.Config, engine, fill: Fill, run) -> None:
    for person in range(6):
        fill(f"100{person}-P", person, 0)

    def stop_after_three(heard: Progress) -> None:
        if heard.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(progress=stop_after_three)
    assert len(kept(settings)) == 3
    encoded = engine.encoded
    assert list(what(run()).values()) == [Done.UNCHANGED] * 3 + [Done.ADDED] * 3
    assert engine.encoded == 2 * encoded


def test_a_camera_enrolment_stays_beside_the_imported_photos(
    settings: config.Config, fill: Fill, run, vector_of
) -> None:
    fill("1001-Siti", 1, 0, 1)
    run()
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        at = list_people(settings)[0].valid_from
        vector = vector_of(1, 8).astype("<f4").tobytes()
        enrolment.add_template(
            register, "1001", Template(engine_id="painted", vector=vector, samples=3, source="camera", made_at=at)
        )
    assert what(run()) == {"1001": Done.UNCHANGED}
    fill("1001-Siti", 2, 0, 1)
    report = run()
    assert what(report) == {"1001": Done.REFUSED}
    assert "do not resemble those enrolled from the camera" in str(report.people[0].why)


def test_a_folder_that_is_none_is_refused(settings: config.Config, tmp_path: Path, engine: Engine) -> None:
    with pytest.raises(RosterRefused):
        import_folder(settings, tmp_path / "absent", engine=engine)
    assert not Path(settings.centre.register.removeprefix("sqlite:///")).exists()


@hypothesis_settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "remove", "import", "withdraw"]), st.integers(0, 3), st.integers(0, 3)),
        max_size=12,
    )
)
def test_whatever_happened_before_an_import_leaves_the_folders_people(
    tmp_path_factory: pytest.TempPathFactory, settings: config.Config, engine: Engine, painted, steps
) -> None:
    """Model: a number is enrolled from exactly the photos of its folder, unless it was withdrawn."""
    base = tmp_path_factory.mktemp("model")
    own = config.replace(settings, centre={"register": f"sqlite:///{base / 'register.sqlite'}"})
    root = base / "import"
    for person in range(4):
        (root / f"100{person}-P").mkdir(parents=True)
    withdrawn: set[int] = set()
    enrolled: dict[int, int] = {}
    for step, person, look in [*steps, ("import", 0, 0)]:
        file = root / f"100{person}-P" / f"{look}.png"
        match step:
            case "add":
                file.write_bytes(painted(person, look=look))
            case "remove":
                file.unlink(missing_ok=True)
            case "withdraw" if person in enrolled:
                withdraw(own, f"100{person}")
                withdrawn.add(person)
                enrolled.pop(person)
            case "import":
                import_folder(own, root, engine=engine)
                for one in range(4):
                    count = len(list((root / f"100{one}-P").iterdir()))
                    if count and one not in withdrawn:
                        enrolled[one] = count
    with Register.open(own.centre.register, own.centre.keys) as register:
        found = {number: template.samples for number, template in people.templates_of(register, "painted")}
    assert found == {f"100{person}": count for person, count in enrolled.items()}


def test_the_demos_people_are_imported_with_the_real_engine(
    settings: config.Config, project: Path, opencv: Engine, portrait
) -> None:
    report = import_folder(settings, project / "demo" / "people", engine=opencv)
    assert {person.done for person in report.people} == {Done.ADDED}
    assert [person.name for person in list_people(settings)] == [person.name for person in report.people]
    again = add_person(settings, "1999", "Nobody", photos=[portrait("ardern 2022")], engine=opencv)
    assert "enrolled as 1003" in str(again.why)


@pytest.mark.slow
@pytest.mark.bench_data
def test_research_portraits_are_imported_and_one_man_under_two_names_is_found(
    tmp_path: Path, settings: config.Config, opencv: Engine, bench_data: Path
) -> None:
    """The data has one actor twice, from two sources, under a name and under a code."""
    names = ["Leonardo_DiCaprio", "Jiang_Zemin", "Li_Peng", "Natalie_Cole", "Junichiro_Koizumi", "df_id08"]
    for place, name in enumerate(names):
        folder = tmp_path / "import" / f"{2001 + place}-{name}"
        folder.mkdir(parents=True)
        for photo in (bench_data / "faces" / name).iterdir():
            (folder / photo.name).symlink_to(photo)
    report = import_folder(settings, tmp_path / "import", engine=opencv)
    assert what(report) == {**{str(2001 + place): Done.ADDED for place in range(5)}, "2006": Done.REFUSED}
    assert "enrolled as 2001" in str(report.people[-1].why)
