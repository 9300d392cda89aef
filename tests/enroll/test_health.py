"""Templates that grow old: found from scores, told at the centre, and asked for on the way home."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from msgspec import structs

import config
import hadir
from enroll.release.health import LAST, NEARLY, health_of, with_renewals
from sync import chain
from sync.messages import Direction, encode
from sync.register import Register
from sync.register.arrivals import Arrival, arrival
from sync.register.intake import take
from sync.register.scores import face_scores
from sync.releases import EncodingSet, Person
from terminal.faces.opencv import ENGINE_ID
from terminal.gallery import Gallery
from terminal.matching import Policy
from tests.sync.samples import SIGNER, event

POLICY = Policy(threshold=0.5, margin=0.05, fpir=0.001)
TEMPLATE = np.eye(1, 64, dtype="<f4")[0].tobytes()


def test_scores_that_come_down_to_the_threshold_ask_for_renewal() -> None:
    falling = health_of("1001", [0.75, 0.74, 0.76, 0.7, 0.74, 0.6, 0.55, 0.54, 0.53, 0.52, 0.51], 0.5)
    assert falling is not None
    assert (falling.renew, falling.first, falling.last, falling.count) == (True, 0.74, 0.53, 11)
    steady = health_of("1002", [0.7] * 20, 0.5)
    assert steady is not None
    assert not steady.renew


def test_one_dark_morning_is_no_trend_and_few_scores_say_nothing() -> None:
    dark = health_of("1001", [0.7] * 10 + [0.5], 0.5)
    assert dark is not None
    assert not dark.renew
    assert health_of("1001", [0.5] * (LAST - 1), 0.5) is None
    edge = health_of("1001", [0.5 + NEARLY] * LAST, 0.5)
    assert edge is not None
    assert not edge.renew


def content(*people: Person) -> EncodingSet:
    return EncodingSet(
        office="demo", version=1, engine_id=ENGINE_ID, dimension=64, created_at=datetime.now(UTC), people=people
    )


def test_only_who_has_a_face_to_renew_is_marked_and_the_kiosk_knows() -> None:
    people = [Person(employee=str(n), name="x", templates=(TEMPLATE,) if n != 3 else ()) for n in (1, 2, 3)]
    scores = {"1": [0.52] * 9, "2": [0.8] * 9, "3": [0.52] * 9, "stranger": [0.5] * 9}
    marked = with_renewals(content(*people), scores, POLICY)
    assert [person.renew for person in marked.people] == [True, False, False]
    assert Gallery.from_set(marked).people["1"].renew


def arrivals(scores: list[float], *, engine_id: str = ENGINE_ID, office: str = "demo") -> list[Arrival]:
    """Return a chain of punches by face of one employee, the last of them an hour ago."""
    before, made = chain.GENESIS, []
    for seq, score in enumerate(scores, 1):
        at = datetime.now(UTC) - timedelta(hours=1 + len(scores) - seq)
        entry = event(seq, at=at, office=office)
        punch = structs.replace(entry.punch, score=score, engine_id=engine_id, direction=Direction.IN)
        payload = chain.seal(encode(structs.replace(entry, prev_hash=before, punch=punch)), SIGNER.sign)
        before = chain.digest(payload).hex()
        made.append(arrival(payload, datetime.now(UTC)))
    return made


def test_scores_come_from_the_register_in_order_of_one_engine_and_office(tmp_path: Path) -> None:
    since = datetime.now(UTC) - timedelta(days=1)
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite", tmp_path / "keys") as register:
        take(register, events=arrivals([0.9, 0.8, 0.7]))
        assert face_scores(register, "demo", engine_id=ENGINE_ID, since=since) == {"1987": [0.9, 0.8, 0.7]}
        assert face_scores(register, "demo", engine_id="another", since=since) == {}
        assert face_scores(register, "north", engine_id=ENGINE_ID, since=since) == {}
        assert face_scores(register, "demo", engine_id=ENGINE_ID, since=datetime.now(UTC)) == {}


def test_the_command_says_who_should_enrol_again(settings: config.Config, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config.dump(settings))
    words = ["--config", str(path), "enroll", "health", "--office", "demo"]
    said = CliRunner().invoke(hadir.main, words)
    assert (said.exit_code, said.output) == (
        0, "Nobody in demo was recognised often enough in the last 60 days.\n",
    )  # fmt: skip
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        take(register, events=arrivals([0.8, 0.8, 0.8, 0.8, 0.8, 0.5, 0.5, 0.5, 0.5, 0.5]))
    said = CliRunner().invoke(hadir.main, words)
    assert said.exit_code == 0, said.output
    assert said.output.startswith("1987           10 punches  0.800 -> 0.500  threshold 0.")
    assert said.output.endswith("  please renew\n")
