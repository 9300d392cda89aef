"""The register on a PostgreSQL server that is careless, hung or killed: nothing stored is lost, nobody waits for ever.

What holds for both databases is in test_register.py and test_register_load.py.
"""

import logging
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import alembic.command
import pytest
import sqlalchemy as sa

from sync.register import Register, RegisterError, RegisterUnavailable
from sync.register import postgres as dialect
from sync.register.arrivals import Outcome, add_events, add_in
from sync.register.events import all_heads, count_events, events_since, last_id
from sync.register.schema import events
from tests.sync.postgres import PASSWORD, QUOTED_PASSWORD, Server
from tests.sync.samples import arrival

BATCH = 7


@pytest.fixture
def centre(postgres_url: str) -> Iterator[Register]:
    with Register.open(postgres_url) as opened:
        yield opened


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit of time is short, for the registers opened from here on."""
    monkeypatch.setattr(dialect, "PATIENCE_S", 2.0)
    monkeypatch.setattr(dialect, "_CONNECT_S", 2)
    monkeypatch.setitem(dialect._SESSION, "lock_timeout", "500ms")


@contextmanager
def server_set(server: Server, name: str, value: str) -> Iterator[None]:
    """The whole server has that setting meanwhile, as after somebody edited its file and reloaded it."""

    def reload(wanted: str) -> None:
        with server.admin() as admin:
            admin.execute("SELECT pg_reload_conf()")
        ends = time.monotonic() + 30
        while True:
            with server.admin() as admin:
                if admin.execute(f"SHOW {name}").fetchone() == (wanted,):
                    return
            assert time.monotonic() < ends
            time.sleep(0.01)

    with server.admin() as admin:
        admin.execute(f"ALTER SYSTEM SET {name} = {value}")
    try:
        reload(value)
        yield
    finally:
        with server.admin() as admin:
            admin.execute(f"ALTER SYSTEM RESET {name}")
        reload("on")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_would_lose_punches_in_a_power_cut_is_refused(
    postgres: Server, postgres_url: str, name: str
) -> None:
    with server_set(postgres, name, "off"), pytest.raises(RegisterError, match=f"{name} = off") as refused:
        Register.open(postgres_url)
    assert not isinstance(refused.value, RegisterUnavailable)
    Register.open(postgres_url).close()


def test_a_database_whose_default_is_to_lose_punches_is_refused(postgres: Server, postgres_url: str) -> None:
    with postgres.admin() as admin:
        admin.execute(f"ALTER DATABASE {sa.make_url(postgres_url).database} SET synchronous_commit = off")
    with pytest.raises(RegisterError, match="synchronous_commit = off"):
        Register.open(postgres_url)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_nothing_more_is_taken_when_the_server_becomes_careless_meanwhile(
    postgres: Server, centre: Register, name: str
) -> None:
    add_events(centre, [arrival(1)])

    def store_until_refused() -> None:
        """A session reads what changed at its next statement, or at the one after."""
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            add_events(centre, [arrival(2)])

    with server_set(postgres, name, "off"), pytest.raises(RegisterError, match=f"{name} = off"):
        store_until_refused()
    assert add_events(centre, [arrival(3)]).outcomes == (Outcome.STORED,)


def test_a_commit_stays_synchronous_whatever_the_server_is_told_later(postgres: Server, centre: Register) -> None:
    add_events(centre, [arrival(1)])
    with server_set(postgres, "synchronous_commit", "off"), centre.write() as connection:
        assert connection.scalar(sa.text("SHOW synchronous_commit")) == "on"


def test_a_database_that_cannot_hold_every_name_is_refused(postgres: Server) -> None:
    name = postgres.new_database("ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    try:
        with pytest.raises(RegisterError, match="encoding LATIN1; create it with ENCODING 'UTF8'"):
            Register.open(postgres.url(name))
    finally:
        postgres.drop_database(name)


def test_a_user_without_rights_is_told_what_to_do(postgres: Server, postgres_url: str) -> None:
    with postgres.admin() as admin:
        admin.execute(f"ALTER DATABASE {sa.make_url(postgres_url).database} OWNER TO postgres")
    with pytest.raises(RegisterError, match=r"permission denied.* ALTER DATABASE .* OWNER TO"):
        Register.open(postgres_url)


def test_a_read_changes_nothing(centre: Register) -> None:
    with pytest.raises(RegisterUnavailable, match="read-only"), centre.read() as connection:
        connection.execute(sa.delete(events))
    with centre.read() as connection:
        assert connection.scalar(sa.text("SHOW transaction_isolation")) == "repeatable read"
    with centre.write() as connection:
        assert connection.scalar(sa.text("SHOW transaction_isolation")) == "read committed"


def test_a_migration_may_take_its_time(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    upgrade = alembic.command.upgrade

    def watched(settings, revision):
        connection = settings.attributes["connection"]
        seen.append((connection.scalar(sa.text("SHOW statement_timeout")), connection.info["patience_s"]))
        upgrade(settings, revision)

    monkeypatch.setattr(alembic.command, "upgrade", watched)
    with Register.open(postgres_url) as register:
        assert seen == [("0", float("inf"))]
        with register.read() as connection:
            assert connection.scalar(sa.text("SHOW statement_timeout")) == "30s"
            assert "patience_s" not in connection.info


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_no_password_is_in_an_error_or_a_log(
    postgres: Server, postgres_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    caplog.set_level(logging.DEBUG, "psycopg")
    caplog.set_level(logging.DEBUG, "alembic")
    told: list[str] = []

    def refused(url: str) -> None:
        with pytest.raises(RegisterError) as error:
            Register.open(url)
        told.append("".join(traceback.format_exception(error.value)))

    database = str(sa.make_url(postgres_url).database)
    refused(postgres_url.replace(QUOTED_PASSWORD, QUOTED_PASSWORD + "x"))
    refused(postgres_url.replace(f"/{database}", "/absent"))
    refused(postgres_url.replace(f":{postgres.port}", ":1"))
    refused(postgres_url + "?sslmode=verify-full")
    refused(postgres_url + "?nothing=1")
    refused(postgres_url.replace(QUOTED_PASSWORD, PASSWORD))
    with Register.open(postgres_url) as register:
        told += [repr(register), str(register.__dict__)]
        with postgres.hung(), pytest.raises(RegisterUnavailable) as error:
            last_id(register)
        told.append("".join(traceback.format_exception(error.value)))
    told += [record.getMessage() for record in caplog.records] + list(capfd.readouterr())
    assert len(told) > 8
    secret = PASSWORD.rpartition("-")[2]
    assert [text for text in told if secret in text or "w@rd" in text or "w%40rd" in text] == []
    assert secret not in postgres.log()


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_hung_server_is_a_register_that_is_away_and_not_a_wait_for_ever(postgres: Server, postgres_url: str) -> None:
    with Register.open(postgres_url) as register:
        add_events(register, [arrival(1)])
        with postgres.hung():
            for attempt in (lambda: last_id(register), lambda: add_events(register, [arrival(2)])):
                with pytest.raises(RegisterUnavailable, match="cannot be used now"):
                    attempt()
            with pytest.raises(RegisterUnavailable):
                Register.open(postgres_url)
        assert patiently(lambda: add_events(register, [arrival(2)])).outcomes in ((Outcome.STORED,), (Outcome.KNOWN,))

        def delete_and_hang() -> None:
            with register.write() as connection:
                connection.execute(sa.delete(events))
                with postgres.hung():
                    connection.execute(sa.select(events.c.id))

        with pytest.raises(RegisterUnavailable):
            delete_and_hang()
        assert patiently(lambda: count_events(register)) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a20_a_batch_whose_commit_was_not_answered_is_known_when_it_is_given_again(
    postgres: Server, postgres_url: str
) -> None:
    with Register.open(postgres_url) as register:

        def commit_unanswered() -> None:
            with ExitStack() as at_the_end, register.write() as connection:
                add_in(connection, [arrival(1), arrival(2)])
                at_the_end.enter_context(postgres.hung())

        with pytest.raises(RegisterUnavailable):
            commit_unanswered()
        # The next writer waits for the commit, which was under way.
        outcomes = patiently(lambda: add_events(register, [arrival(1), arrival(2)])).outcomes
        assert outcomes == (Outcome.KNOWN, Outcome.KNOWN)
        assert (count_events(register), all_heads(register)[0].upto) == (2, 2)


@pytest.mark.usefixtures("quick")
def test_another_writer_that_does_not_end_is_waited_for_a_while_only(postgres_url: str) -> None:
    with Register.open(postgres_url) as one, Register.open(postgres_url) as two:
        with one.write():
            with pytest.raises(RegisterUnavailable, match="lock timeout"):
                add_events(two, [arrival(1)])
            assert events_since(two, 0) == [], "readers go on meanwhile"
        assert add_events(two, [arrival(1)]).outcomes == (Outcome.STORED,)


@pytest.mark.slow
def test_a_writer_that_stands_still_loses_its_turn(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "_STATEMENT_S", 1)
    with Register.open(postgres_url) as one, Register.open(postgres_url) as two:

        def stand_still() -> None:
            with one.write() as connection:
                connection.execute(sa.text("CREATE TABLE half (done int)"))
                assert add_events(two, [arrival(1)]).outcomes == (Outcome.STORED,)

        with pytest.raises(RegisterUnavailable):
            stand_still()
        with two.read() as connection:
            assert not sa.inspect(connection).has_table("half")


@pytest.mark.slow
def test_a20_a_server_killed_in_the_middle_of_a_write_has_nothing_half_stored(
    postgres: Server, centre: Register
) -> None:
    add_events(centre, [arrival(1)])

    def delete_and_die() -> None:
        with centre.write() as connection:
            connection.execute(sa.delete(events))
            postgres.kill()

    try:
        with pytest.raises(RegisterUnavailable, match="cannot be used now"):
            delete_and_die()
        with pytest.raises(RegisterUnavailable):
            last_id(centre)
    finally:
        postgres.start()
    assert count_events(centre) == 1
    assert add_events(centre, [arrival(1), arrival(2)]).outcomes == (Outcome.KNOWN, Outcome.STORED)
    assert [(head.upto, head.highest) for head in all_heads(centre)] == [(2, 2)]


@pytest.mark.slow
def test_a20_nothing_stored_is_lost_or_doubled_when_the_server_is_killed(postgres: Server, centre: Register) -> None:
    """The same batch is given again until it is taken, as the collector does."""
    stop, failures = threading.Event(), []
    upto, refusals = 0, 0

    def storing() -> None:
        nonlocal upto, refusals
        try:
            while not stop.is_set():
                try:
                    add_events(centre, [arrival(seq) for seq in range(upto + 1, upto + 1 + BATCH)])
                except RegisterUnavailable:
                    refusals += 1
                    stop.wait(0.02)
                    continue
                upto += BATCH
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    thread = threading.Thread(target=storing)
    thread.start()
    try:
        for _ in range(4):
            goes_on_from(lambda: upto, failures)
            postgres.kill()
            postgres.start()
        goes_on_from(lambda: upto, failures)
    finally:
        stop.set()
        thread.join(60)
    assert failures == []
    assert refusals >= 4
    assert sorted(each.seq for each in events_since(centre, 0, limit=10**6)) == list(range(1, upto + 1))
    assert [(head.upto, head.highest) for head in all_heads(centre)] == [(upto, upto)]


def test_a20_control_without_synchronous_commit_the_same_kill_loses_what_was_stored(
    postgres: Server, postgres_url: str
) -> None:
    """A second time, should the server just then have written by itself."""
    Register.open(postgres_url).close()
    careless = sa.create_engine(postgres_url, connect_args={"options": "-c synchronous_commit=off"})
    lost = [lost_by_kill(postgres, careless, f"punches_{attempt}") for attempt in range(2)]
    careless.dispose()
    print(f"lost of 1000 each time: {lost}")
    assert max(lost) > 0


def lost_by_kill(server: Server, careless: sa.Engine, name: str) -> int:
    """Return how many of 1,000 commits a kill right after the last took back."""
    punches = sa.Table(name, sa.MetaData(), sa.Column("seq", sa.Integer))
    with suppress(sa.exc.OperationalError), careless.connect() as connection:
        punches.create(connection)
        connection.commit()
        for seq in range(1, 1001):
            connection.execute(sa.insert(punches).values(seq=seq))
            connection.commit()
        server.kill()
    careless.dispose()
    server.start()
    with careless.connect() as connection:
        if not sa.inspect(connection).has_table(name):
            return 1000
        return 1000 - int(connection.scalar(sa.select(sa.func.count()).select_from(punches)) or 0)


def patiently(attempt):
    """Return what `attempt` returns once the register is there."""
    ends = time.monotonic() + 60
    while True:
        try:
            return attempt()
        except RegisterUnavailable:
            assert time.monotonic() < ends
            time.sleep(0.05)


def goes_on_from(reached, failures: list[BaseException]) -> None:
    """Wait until more batches were stored than at the call."""
    start, ends = reached(), time.monotonic() + 60
    while reached() < start + 5 * BATCH:
        assert failures == []
        assert time.monotonic() < ends, "nothing is stored any more"
        time.sleep(0.005)
