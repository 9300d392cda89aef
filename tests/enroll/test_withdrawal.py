"""I1, I4, B6: a face is withdrawn at the centre and on every kiosk, and signatures prove what each has said of it."""

import base64
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import config
from demo import broker
from enroll.command import enroll
from enroll.desk import Done, add_person
from enroll.person import transfer
from enroll.privacy.withdrawal import Done as Withdrawn
from enroll.privacy.withdrawal import Progress, progress_of, withdraw
from enroll.privacy.withdrawal_proof import ProofRefused, read_proof, write_proof
from enroll.release.publish import publish
from sync import chain, collector, keys
from sync.collector_key import ack_door
from sync.messages import Presence, TerminalStatus
from sync.own_status import Condition
from sync.received_sets import release_door
from sync.register import Register, consents, devices, people
from sync.register.people_schema import PersonRefused
from sync.register.set_words import hear_in
from sync.register.statuses import HeardStatus
from sync.releases import EncodingSet
from sync.uplink import Uplink
from terminal.faces import Engine, Identity
from tests.sync.samples import open_card

PAINTED = Identity(engine_id="painted", dimension=64)
NORTH = keys.raw(keys.PrivateKey.from_private_bytes(b"n" * 32).public_key())
AT = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def office(
    settings: config.Config, engine: Engine, painted: Callable[..., bytes], tmp_path: Path
) -> Iterator[config.Config]:
    """An office with a broker, two approved kiosks, and 1001 and 1002 enrolled with face and PIN."""
    keys.new_centre_keys(settings.centre.keys)
    with broker.embedded() as running:
        here = config.replace(
            settings,
            mqtt={"host": running.settings.host, "port": running.settings.port},
            terminal={"collector_key": str(settings.centre.keys / "collector.pub")},
            uplink={"status_every_s": 1},
            centre={"heads": str(tmp_path / "heads")},
        )
        with Register.open(here.centre.register) as register:
            for name in ("lobby-1", "lobby-2"):
                own = keys.raw(keys.device_key(kiosk_settings(here, name).terminal.state).public_key())
                devices.admit(register, terminal=name, office="demo", public_key=own, at=AT)
        for number, pin in (("1001", "274913"), ("1002", "608351")):
            photo = tmp_path / f"{number}.png"
            photo.write_bytes(painted(int(number) % 200))
            assert add_person(here, number, "Siti", photos=[photo], pin=pin, engine=engine).done is Done.ADDED
        yield here


def kiosk_settings(settings: config.Config, name: str) -> config.Config:
    return config.replace(settings, terminal={"id": name, "state": str(settings.centre.keys.parents[1] / name)})


@contextmanager
def running(body: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=body, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@contextmanager
def collecting(settings: config.Config) -> Iterator[None]:
    with running(lambda stop: collector.run(settings, stop=stop)):
        yield


class Kiosk:
    """What a kiosk's uplink is given: its card, its key, and who is in the set it has come to use."""

    def __init__(self, settings: config.Config, name: str) -> None:
        self.settings = kiosk_settings(settings, name)
        self.folder = self.settings.terminal.state
        self.faces: list[set[str]] = []
        self.changed = threading.Condition()

    @contextmanager
    def online(self) -> Iterator["Kiosk"]:
        device = keys.device_key(self.folder)
        uplink = Uplink(
            self.settings,
            open_card=lambda: open_card(self.folder),
            signer=keys.signer(device),
            acks=ack_door(self.settings.terminal.collector_key),
            condition=lambda: Condition(camera="ok", boot_id="b" * 32),
            releases=release_door(self.settings, "painted", reader=device),
            on_release=self._use,
        )
        with running(uplink.run):
            yield self

    def _use(self, content: EncodingSet) -> None:
        with self.changed:
            self.faces.append({person.employee for person in content.people if person.templates})
            self.changed.notify_all()

    def comes_to_know(self, numbers: set[str]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.faces[-1:] == [numbers], timeout=20), self.faces


def found_in(folder: Path, *needles: bytes) -> set[str]:
    return {
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    }


def sealed_and_raw(settings: config.Config) -> tuple[bytes, bytes]:
    """1001's template as it lies in the register, and its raw bytes."""
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        (raw,) = [each.vector for number, each in people.templates_of(register, "painted") if number == "1001"]
        with register.read() as connection:
            sealed = connection.exec_driver_sql("SELECT vector FROM templates WHERE employee = '1001'").scalar()
    assert isinstance(sealed, bytes)
    return sealed, raw


def withdrawn(settings: config.Config, number: str = "1001", **how: object) -> Withdrawn:
    return withdraw(settings, number, engine=PAINTED, **how)  # type: ignore[arg-type]


def test_i1_b6_a_withdrawn_face_is_gone_everywhere_and_every_kiosk_proves_it(
    office: config.Config, tmp_path: Path, program: Callable[[str], str]
) -> None:
    publish(office, "demo", engine=PAINTED)
    sealed, raw = sealed_and_raw(office)
    (before,) = office.centre.releases.glob("demo-*.hset")
    of_set = before.read_bytes()[-400:-100]
    first, second = Kiosk(office, "lobby-1"), Kiosk(office, "lobby-2")
    with collecting(office):
        with first.online(), second.online():
            first.comes_to_know({"1001", "1002"})
            second.comes_to_know({"1001", "1002"})
        assert found_in(tmp_path, of_set) >= {before.name}, "the control: what is looked for is there before"
        assert found_in(tmp_path, sealed) >= {"register.sqlite"}
        with first.online():  # and lobby-2 is away
            done = withdrawn(office, wait_s=3)
            first.comes_to_know({"1002"})
            assert [report.faces for report in done.published] == [1]
            assert [kiosk.terminal for kiosk in done.progress.outstanding] == ["lobby-2"]
            assert done.progress.outstanding[0].last_heard is not None
            assert not done.progress.complete
            with second.online():
                second.comes_to_know({"1002"})
                assert second.faces[-2:] == [{"1001", "1002"}, {"1002"}], "its first set after it came back is without"
                progress = withdraw_wait(office)
    assert progress.complete
    assert done.progress.employee.has_pin, "they go on with their PIN"
    assert found_in(tmp_path, raw, sealed, of_set) == set()

    path, page = write_proof(office, progress, tmp_path / "proof.json")
    public = keys.load_public(office.centre.keys / "heads.pub")
    proof = read_proof(path, public)
    assert (proof.complete, proof.templates_deleted, proof.key_destroyed) == (True, 1, True)
    assert [kiosk.terminal for kiosk in proof.kiosks] == ["lobby-1", "lobby-2"]
    assert "COMPLETE: YES" in page.read_text()
    assert "Siti" not in page.read_text() + path.read_text()
    body, signature = path.read_bytes().splitlines()
    (tmp_path / "body").write_bytes(body)
    (tmp_path / "signature").write_bytes(base64.b64decode(signature))
    wanted = f"pkeyutl -verify -rawin -pubin -inkey {office.centre.keys}/heads.pub -sigfile signature -in body"
    said = subprocess.run([program("openssl"), *wanted.split()], cwd=tmp_path, capture_output=True, check=True)
    assert b"Verified Successfully" in said.stdout
    path.write_bytes(path.read_bytes().replace(b'"1001"', b'"1002"'))
    with pytest.raises(ProofRefused, match="not signed with the heads key"):
        read_proof(path, public)


def withdraw_wait(settings: config.Config) -> Progress:
    """The withdrawal once it is complete, or after ten seconds as it is then."""
    pause = threading.Event()
    for _ in range(100):
        if (progress := progress_of(settings, "1001")).complete:
            break
        pause.wait(0.1)
    return progress


def test_i1_nothing_is_proven_of_kiosks_that_were_not_told(office: config.Config) -> None:
    publish(office, "demo", engine=PAINTED)
    kiosk = Kiosk(office, "lobby-1")
    with collecting(office), kiosk.online():
        kiosk.comes_to_know({"1001", "1002"})
        progress = withdrawn(office, publish_sets=False, wait_s=1).progress
        assert (progress.unpublished, progress.complete) == (("demo",), False)
        assert len(progress.outstanding) == 2, "its word of the set with the face is no word of one without"
        publish(office, "demo", engine=PAINTED)
        kiosk.comes_to_know({"1002"})
        assert progress_of(office, "1001").unpublished == ()


def test_i1_a_kiosk_that_says_it_unsigned_or_with_anothers_key_has_said_nothing(office: config.Config) -> None:
    publish(office, "demo", engine=PAINTED)
    progress = withdrawn(office).progress
    newest = progress.withdrawal.sets[0]
    body = msgspec.json.encode(
        {"type": "set_word", "v": 1, "office": "demo", "terminal": "lobby-1", "version": newest.version,
         "sha256": newest.sha256, "epoch": "e" * 32, "seq": 0, "at": AT}
    )  # fmt: skip
    own = keys.device_key(kiosk_settings(office, "lobby-1").terminal.state)
    others = keys.device_key(kiosk_settings(office, "lobby-2").terminal.state)
    for signer, outstanding in ((others, 2), (None, 2), (own, 1)):
        word = chain.seal(body, signer.sign).decode() if signer else body.decode()
        status = TerminalStatus(office="demo", terminal="lobby-1", presence=Presence.ONLINE, at=AT, set_word=word)
        heard = HeardStatus(status=status, payload=b"", retained=False, received_at=AT)
        with Register.open(office.centre.register) as register, register.write() as connection:
            hear_in(connection, [heard])
        assert len(progress_of(office, "1001").outstanding) == outstanding


def test_i4_who_withdraws_goes_on_with_the_pin_and_who_leaves_is_gone(office: config.Config) -> None:
    publish(office, "demo", engine=PAINTED)
    stays = withdrawn(office, "1001").progress.employee
    assert (stays.has_pin, stays.templates, stays.withdrawn_at) == (True, 0, None)
    with pytest.raises(PersonRefused, match="no face of employee 1001 is held"):
        withdrawn(office, "1001")
    gone = withdrawn(office, "1002", leaves=True)
    assert (gone.progress.employee.has_pin, gone.published[0].people) == (False, 1)
    assert gone.progress.employee.withdrawn_at is not None
    with Register.open(office.centre.register, office.centre.keys) as register:
        assert consents.basis_of(register, "1001") is None
    with pytest.raises(PersonRefused, match="nothing was withdrawn"):
        progress_of(office, "1003")


def test_where_no_kiosk_is_approved_any_more_the_set_with_the_face_is_replaced_too(office: config.Config) -> None:
    publish(office, "demo", engine=PAINTED)
    with Register.open(office.centre.register) as register:
        for name in ("lobby-1", "lobby-2"):
            devices.revoke(register, name, at=AT)
    done = withdrawn(office)
    assert ([report.faces for report in done.published], done.problems) == ([1], ())
    assert done.progress.complete, "no kiosk is left that could say so"


def test_what_was_broken_off_goes_on_when_it_is_asked_for_again(office: config.Config) -> None:
    publish(office, "demo", engine=PAINTED)
    assert withdrawn(office, "1001", publish_sets=False).progress.unpublished == ("demo",)
    again = withdrawn(office, "1001")
    assert ([report.faces for report in again.published], again.progress.unpublished) == ([1], ())
    assert again.progress.withdrawal.templates == 1, "it is the same withdrawal"


def test_the_last_face_of_an_office_is_withdrawn_from_its_kiosks_as_well(office: config.Config) -> None:
    publish(office, "demo", engine=PAINTED)
    withdrawn(office, "1001", leaves=True)
    done = withdrawn(office, "1002", leaves=True)
    assert (done.problems, done.published[0].people) == ((), 0)


def test_what_the_commands_say(office: config.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(office, "demo", engine=PAINTED)
    monkeypatch.setattr("enroll.release.publish.identity_of", lambda _: PAINTED)

    def typed(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(enroll, words, obj=lambda: office)
        return done.exit_code, done.output

    code, said = typed("withdraw", "1001", "--proof", str(tmp_path / "p.json"))
    assert code == 0, said
    assert "Published version 2 of demo without the face" in said
    assert "lobby-1 at demo: has not said so yet, never heard of" in said
    assert "1 templates deleted, their key destroyed." in said
    code, said = typed("withdrawal", "1001")
    assert (code, "Not complete yet" in said) == (1, True)
    code, said = typed("verify-proof", str(tmp_path / "p.json"))
    assert (code, "COMPLETE: NO" in said, "The signature is good." in said) == (0, True, True)
    assert (tmp_path / "p.txt").read_text().startswith("PROOF OF A WITHDRAWAL")


def test_sets_of_other_offices_that_hold_the_face_are_made_anew(office: config.Config) -> None:
    with Register.open(office.centre.register) as register:
        devices.admit(register, terminal="north-1", office="north", public_key=NORTH, at=AT)
    publish(office, "demo", engine=PAINTED)
    transfer(office, "1001", "north")
    publish(office, "north", engine=PAINTED)
    done = withdrawn(office, "1001")  # demo was never published again after the move
    assert sorted(report.office for report in done.published) == ["demo", "north"]
    assert [each.office for each in done.progress.withdrawal.sets] == ["demo", "north"]
    assert done.progress.unpublished == ()
