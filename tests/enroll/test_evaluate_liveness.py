"""APCER and BPCER from a folder: what is in it, how tries become shares, and that the kiosk's policy decides."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import cv2
import pytest
from click.testing import CliRunner

import config
from enroll.command import enroll
from enroll.evaluate.liveness import eyes, report
from enroll.evaluate.liveness.attempts import Attempt
from enroll.evaluate.liveness.figures import Share, as_values, figures_of
from enroll.evaluate.liveness.presentations import Kind, Presentation, PresentationsRefused, presentations_in
from sync.messages import PadVerdict
from terminal.faces import Face, Picture
from terminal.faces.models import ModelUnavailable
from terminal.faces.opencv import OpenCvEngine
from terminal.liveness.cues import Cue, Finding, Reason
from terminal.liveness.networks import Passive
from terminal.liveness.watch import Glance
from terminal.liveness_models import Networks
from tests.terminal.portraits import PEOPLE, before_camera, engine

REAL, SPOOF, DOUBT = PadVerdict.BONA_FIDE, PadVerdict.ATTACK, PadVerdict.UNDECIDED


def tried(
    species: str,
    *verdicts: PadVerdict,
    name: str = "a",
    kind: Kind = Kind.CLIP,
    asked: bool = False,
    again: bool = False,
    ms: float = 10.0,
) -> list[Attempt]:
    presentation = Presentation(name=f"{species}/{name}", species=species, kind=kind, path=Path(name))
    cue = Cue(reason=Reason.PASSIVE, finding=Finding.CLEAR)
    return [
        Attempt(
            presentation=presentation,
            verdict=each,
            again=again and number > 0,
            asked=asked,
            waited_s=0.5,
            cues=(cue,),
            frames=10,
            ms=ms,
        )
        for number, each in enumerate(verdicts)
    ]


def test_a_folder_of_people_and_attacks_is_read_by_what_lies_where(tmp_path: Path) -> None:
    for path in (
        "live/ani.jpg", "live/walks/budi.mp4", "live/turns/01.png", "live/turns/02.png",
        "attack/phone/x.avi", "attack/print/strip/1.jpg", "attack/print/read me.txt", "manifest.csv",
    ):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = {each.name: (each.species, each.kind) for each in presentations_in(tmp_path)}
    assert found == {
        "live/ani.jpg": ("live", Kind.STILL),
        "live/turns": ("live", Kind.SEQUENCE),
        "live/walks/budi.mp4": ("live", Kind.CLIP),
        "attack/phone/x.avi": ("phone", Kind.CLIP),
        "attack/print/strip": ("print", Kind.SEQUENCE),
    }


def test_an_empty_folder_or_a_ring_of_links_is_refused_in_words(tmp_path: Path, settings: config.Config) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "again").symlink_to(tmp_path / "live")
    with pytest.raises(PresentationsRefused, match="attack/SPECIES"):
        presentations_in(tmp_path)
    said = CliRunner().invoke(enroll, ["evaluate", "--liveness", str(tmp_path)], obj=lambda: settings)
    assert isinstance(said.exception, PresentationsRefused)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 150, 0.0, 0.02497), (8, 10, 0.49016, 0.94332), (150, 150, 0.97503, 1.0), (0, 0, 0.0, 1.0)],
)
def test_an_interval_is_wilsons(count: int, of: int, low: float, high: float) -> None:
    assert Share(count=count, of=of).bounds == pytest.approx((low, high), abs=1e-5)


def test_an_attack_counts_by_the_best_of_its_tries_and_a_person_by_the_first() -> None:
    figures = figures_of(
        [
            *tried("phone", SPOOF, SPOOF, REAL),
            *tried("phone", SPOOF, name="b"),
            *tried("print", DOUBT),
            *tried("live", REAL, DOUBT),
            *tried("live", DOUBT, REAL, name="b", asked=True),
        ]
    )
    assert (figures.apcer["phone"], figures.apcer["print"]) == (Share(count=1, of=2), Share(count=0, of=1))
    assert figures.worst == "phone"
    assert figures.bpcer == Share(count=1, of=2)
    assert figures.bpcer_with_challenge == Share(count=0, of=2), "who is asked is taken to do it"


def test_a_track_that_had_its_answer_gets_no_other_but_all_tries_are_counted_beside_it() -> None:
    figures = figures_of([*tried("phone", SPOOF, REAL, again=True), *tried("phone", DOUBT, REAL, name="b")])
    assert figures.apcer["phone"] == Share(count=1, of=2)
    (row,) = figures.rows
    assert (row.tries, row.tries_accepted) == (4, Share(count=2, of=4))


def test_who_is_believed_only_after_being_asked_is_a_person_who_was_kept_waiting_and_an_attack_that_passed() -> None:
    figures = figures_of([*tried("live", REAL, asked=True), *tried("film", REAL, asked=True)])
    assert figures.bpcer == Share(count=1, of=1)
    assert figures.bpcer_with_challenge == Share(count=0, of=1)
    assert figures.apcer["film"] == Share(count=1, of=1)


def test_who_is_left_the_pin_without_being_asked_is_refused_with_a_challenge_too() -> None:
    figures = figures_of(
        [
            *tried("live", SPOOF, asked=True),
            *tried("live", DOUBT, name="b"),
            *tried("live", DOUBT, name="c", asked=True),
        ]
    )
    assert figures.bpcer == Share(count=3, of=3)
    assert figures.bpcer_with_challenge == Share(count=2, of=3)


def test_no_species_is_averaged_with_another_and_stills_count_only_where_nothing_moves() -> None:
    figures = figures_of(
        [
            *tried("phone", SPOOF, ms=10),
            *tried("phone", REAL, name="still", kind=Kind.STILL, ms=500),
            *tried("print", REAL, kind=Kind.STILL),
            *tried("live", REAL, ms=30),
        ]
    )
    assert figures.apcer["phone"] == Share(count=0, of=1)
    assert figures.apcer["print"] == Share(count=1, of=1)
    values = as_values(figures, unused={}, lacking=None)
    assert (values["worst_species"], values["worst_apcer"]) == ("print", 1.0)
    assert values["ms_per_frame"] == pytest.approx(20)
    assert values["species"]["phone"]["still"]["accepted"] == 1


@dataclass
class Scripted:
    """An eye whose models take bright pictures for people, or the dark ones; each forgets in between."""

    bright_is_real: bool
    forgotten: int = field(default=0)

    def forget(self) -> None:
        self.forgotten += 1

    def look(self, picture: Picture, face: Face, *, at_s: float) -> Glance:
        real = bool(picture.mean() > 90) == self.bright_is_real
        logit = 1.0 if real else -1.0
        return Glance(at_s=at_s, face=face.box, logits={"9820": logit, "9780": logit})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody in bright pictures, and the same in dark ones, as an attack; and a picture of nobody."""
    root = tmp_path_factory.mktemp("presentations")
    for place, dimmed in (("live/macron", 1.0), ("attack/print/dark", 0.45)):
        (root / place).mkdir(parents=True)
        for number in range(26):
            seen = before_camera(PEOPLE["macron"][0], shift_px=number) * dimmed
            cv2.imwrite(str(root / place / f"{number}.png"), cv2.resize(seen[..., ::-1], None, fx=0.5, fy=0.5))
    (root / "attack" / "nobody").mkdir()
    cv2.imwrite(str(root / "attack" / "nobody" / "wall.png"), 0 * seen)
    return root


@pytest.mark.parametrize(("bright_is_real", "rate"), [(True, 0.0), (False, 1.0)])
def test_the_policy_decides_and_what_it_says_is_what_is_counted(
    folder: Path,
    settings: config.Config,
    monkeypatch: pytest.MonkeyPatch,
    bright_is_real: bool,
    rate: float,
) -> None:
    monkeypatch.setattr(report, "open_eye", lambda settings, passive, near: (Scripted(bright_is_real), None))
    monkeypatch.setattr(OpenCvEngine, "encode", None)  # nobody is encoded for this
    found = report.measure(settings, folder, engine=engine())
    assert (found.figures.apcer["print"].value, found.figures.bpcer.value) == (rate, rate)
    assert found.unused == {"attack/nobody/wall.png": "no face was found in it"}


def test_without_the_passive_models_nobody_is_taken_for_a_person_and_that_is_said(
    folder: Path, settings: config.Config, tmp_path: Path
) -> None:
    asked = ["evaluate", "--liveness", str(folder), "--passive", str(tmp_path), "--json"]
    said = CliRunner().invoke(enroll, asked, obj=lambda: settings)
    assert said.exit_code == 0, said.output
    values = json.loads(said.output.splitlines()[-1])
    assert values["passive_models"] is False
    assert (values["species"]["print"]["apcer"], values["bpcer"]) == (0.0, 1.0)
    assert "Without the passive models" in said.output


@pytest.mark.parametrize("place", ["", "..", "../.."])
def test_models_are_found_with_research_data_where_the_network_has_none(
    settings: config.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Those of a folder `models` in the data or above it, and none that are not the published ones."""
    data = tmp_path / "a" / "b" / "data"
    models = (data / place).resolve() / "models"
    data.mkdir(parents=True)
    models.mkdir()
    asked: list[Path | None] = []

    def loaded(_: config.Config, *, passive: Path | None = None) -> Networks:
        asked.append(passive)
        there = passive is not None and passive.exists() and passive.samefile(models)
        return Networks(passive=cast(Passive, object()) if there else None, lacking=() if there else ("no models",))

    def unreachable(source: object) -> None:
        raise ModelUnavailable("no network")

    monkeypatch.setattr(eyes, "networks", loaded)
    monkeypatch.setattr(eyes.sources, "fetch", unreachable)
    monkeypatch.setattr(eyes, "RESEARCH", tmp_path / "none")
    _, lacking = eyes.open_eye(settings, None, data)
    assert lacking is None
    assert asked[0] is None, "the settings' own come first"
    _, lacking = eyes.open_eye(settings, tmp_path, data)
    assert lacking == "no models", "who names a folder gets no other"
