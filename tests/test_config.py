"""Settings: what stands in the file holds, and what is wrong is said with file, line, key and what is allowed."""

from pathlib import Path

import pytest

import config

BASE = Path("/nowhere")


def parse(text: str) -> config.Config:
    return config.parse(text, name="site.yaml", base=BASE)


def test_the_shipped_file_says_exactly_the_defaults(project: Path) -> None:
    shipped = config.load(project / "config.yaml")
    assert shipped == config.parse("", name="empty", base=project)


def test_the_shipped_file_names_every_setting_and_explains_each_section(project: Path) -> None:
    import yaml

    raw = yaml.safe_load((project / "config.yaml").read_text())
    assert {key: set(values) for key, values in raw.items()} == {
        section: set(getattr(config.Config(), section).__struct_fields__)
        for section in config.Config().__struct_fields__
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mqtt:\n  prot: 9\n", "site.yaml:2: mqtt.prot: unknown setting; allowed here: host, port"),
        ("cameras: 1\n", "site.yaml:1: cameras: unknown setting; allowed here: office, terminal"),
        ("mqtt:\n  port: 70000\n", "site.yaml:2: mqtt.port: Expected `int` <= 65535"),
        ("# a\n\nmatch:\n  threshold: high\n", "site.yaml:4: match.threshold: Expected `float`, got `str`"),
        ("office:\n  timezone: Mars/Olympus\n", "site.yaml:2: office.timezone: no such zone; Asia/Jakarta"),
        ("office:\n  timezone: ../../etc/passwd\n", "site.yaml:2: office.timezone: no such zone"),
        ("office:\n  id: Kantor Pusat\n", "site.yaml:2: office.id: Expected `str` matching regex"),
        ("liveness:\n  models: http://mirror/x\n", "site.yaml:2: liveness.models: Expected `str` matching regex"),
        ("liveness:\n  models: https://me:pass@mirror/x\n", "site.yaml:2: liveness.models: Expected `str` matching"),
        ("camera:\n  source: /dev/video0\n", "site.yaml:2: camera.source: Expected `str` matching regex"),
        ("terminal:\n  state: ''\n", "site.yaml:2: terminal.state: expected a path"),
        ("sound:\n  volume: 101\n", "site.yaml:2: sound.volume: Expected `int` <= 100"),
        ("sound:\n  voice: yes\n", "site.yaml:2: sound.voice: Expected `str`, got `bool`"),
        ("sound:\n  prompts: some\n", "site.yaml:2: sound.prompts: Invalid enum value 'some'"),
        ("sound:\n  quiet_from: 24:00\n", 'site.yaml:2: sound.quiet_from: expected a time of day from "00:00" to'),
        ("sound:\n  quiet_to: '7:00'\n", 'site.yaml:2: sound.quiet_to: expected a time of day from "00:00" to'),
        ("sound:\n  quiet_to: 22:00:30\n", 'site.yaml:2: sound.quiet_to: expected a time of day from "00:00" to'),
        ("sound: loud\n", "site.yaml:1: sound: Expected `object`, got `str`"),
        ("mqtt: [1\n", "site.yaml:2: "),
        ("- 1\n", "site.yaml:1: the file: Expected `object`, got `array`"),
        ("match:\n  threshold: .nan\n", "site.yaml:2: match.threshold: "),
        ("!!python/object/apply:os.system ['true']\n", "site.yaml:1: could not determine a constructor"),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(config.ConfigError) as refused:
        parse(text)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_times_and_words_that_yaml_reads_as_numbers_are_what_was_written() -> None:
    sound = parse("sound:\n  voice: off\n  prompts: off\n  quiet_from: 21:30\n  quiet_to: 06:05\n").sound
    assert (sound.voice, sound.prompts, sound.quiet_from, sound.quiet_to) == ("off", "off", "21:30", "06:05")
    assert parse('sound:\n  quiet_from: "00:00"\n').sound.quiet_from == "00:00"
    assert [parse(f"liveness:\n  mode: {word}\n").liveness.mode for word in ("off", "on", "always")] == [
        "off",
        "on",
        "always",
    ]


def test_scores_of_another_engine_are_refused_where_dlib_runs() -> None:
    """SFace's threshold of 0.5 would let every stranger in: two strangers score 0.83 with dlib's encodings."""
    own = "match:\n  threshold: 0.955\nenroll:\n  same_person_score: 0.925\n  duplicate_score: 0.97\n"
    dlib = "engine:\n  name: dlib\n"
    assert parse(own + dlib).engine.name == "dlib"
    for right, wrong, said in (
        ("0.955", "0.5", r"^site\.yaml:2: match\.threshold: 0\.5 is no score of the dlib engine"),
        ("0.925", "0.36", r"^site\.yaml:4: enroll\.same_person_score: 0\.36 is no score"),
        ("0.97", "0.6", r"^site\.yaml:5: enroll\.duplicate_score: 0\.6 is no score"),
    ):
        parse(own.replace(right, wrong))
        with pytest.raises(config.ConfigError, match=said):
            parse(own.replace(right, wrong) + dlib)


@pytest.mark.parametrize("sides", [(0.6, 0.4), (0.5, 0.5)])
def test_a_zone_in_which_nobody_can_stand_is_refused(sides: tuple[float, float]) -> None:
    left, right = sides
    with pytest.raises(config.ConfigError, match=r"site.yaml:3: zone: from .* nobody can stand"):
        parse(f"zone:\n  left: {left}\n  right: {right}\n")
    assert parse("zone:\n  left: 0.4\n  right: 0.6\n").zone.left == 0.4


def test_a_missing_or_binary_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.yaml", "binary.yaml"):
        with pytest.raises(config.ConfigError, match="cannot be read"):
            config.load(tmp_path / name)


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("terminal:\n  state: card\ncamera:\n  source: file:clip.avi\ncentre:\n  keys: /etc/hadir/keys\n")
    settings = config.load(path)
    assert settings.terminal.state == tmp_path / "card"
    assert settings.camera.source == f"file:{tmp_path / 'clip.avi'}"
    assert settings.centre.keys == Path("/etc/hadir/keys")
    assert settings.centre.register == f"sqlite:///{tmp_path / 'var/centre/register.sqlite'}"
    assert settings.mqtt.tls_ca == ""
    for chosen, meant in (
        ("", ""),
        ("skins", str(tmp_path / "skins")),
        ("https://mirror/hadir", "https://mirror/hadir"),
    ):
        path.write_text(f"liveness:\n  models: '{chosen}'\n  manifest: ours.yaml\n")
        liveness = config.load(path).liveness
        assert (liveness.models, liveness.manifest) == (meant, str(tmp_path / "ours.yaml"))
    path.write_text("centre:\n  register: postgresql+psycopg://db/hadir\n")
    assert config.load(path).centre.register == "postgresql+psycopg://db/hadir"


def test_what_is_dumped_loads_back_the_same() -> None:
    settings = config.replace(parse(""), mqtt={"password": "s3cret: #", "port": 1})
    assert config.parse(config.dump(settings), name="dump", base=BASE) == settings


def test_passwords_are_masked_when_shown() -> None:
    settings = parse("mqtt:\n  password: hunter2\ncentre:\n  register: postgresql+psycopg://hadir:sw0rd@db/hadir\n")
    shown = config.show(settings)
    assert "hunter2" not in shown
    assert "sw0rd" not in shown
    assert "postgresql+psycopg://hadir:********@db/hadir" in shown


@pytest.mark.parametrize(
    "register",
    [
        "postgresql+psycopg://hadir:sw0rd@with-at@db/hadir",
        "postgresql+psycopg://db/hadir?user=hadir&password=sw0rd&sslmode=verify-full",
        "postgresql+psycopg://db/hadir?sslpassword=sw0rd",
    ],
)
def test_a_registers_password_is_masked_wherever_it_stands(register: str) -> None:
    shown = config.show(parse(f"centre:\n  register: {register}\n"))
    assert "sw0rd" not in shown
    assert "with-at" not in shown
    assert "********" in shown


def test_a_value_given_on_the_command_line_is_checked_like_the_file() -> None:
    with pytest.raises(config.ConfigError, match=r"the command line: camera\.source"):
        config.replace(parse(""), camera={"source": "webcam"})
