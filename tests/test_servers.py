"""The servers for tests keep what real ones keep, and never outlive who started them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pika
import psycopg
import pytest
from sqlalchemy import make_url

from tests.outside import TURN, OutsideRabbit
from tests.server_process import find
from tests.servers import PostgresServer

ROOT = Path(__file__).parent.parent


def connect(url):
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(), autocommit=True)


def channel(stack, url):
    return stack.enter_context(pika.BlockingConnection(pika.URLParameters(url))).channel()


def gone(pid):
    """Whether the process has ended, a zombie counting as ended."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def test_a_committed_row_survives_a_power_cut(killable_postgres):
    url = killable_postgres.create_database("power_cut")
    with connect(url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (7)")
        killable_postgres.kill9()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    killable_postgres.start()
    with connect(url) as connection:
        assert connection.execute("SELECT id FROM kept").fetchall() == [(7,)]


def test_a_restart_keeps_databases_and_port(killable_postgres):
    url = killable_postgres.create_database("restarted")
    killable_postgres.restart()
    with connect(url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("restarted",)


def test_a_copied_database_has_the_rows_of_its_template(killable_postgres):
    with connect(killable_postgres.create_database("model")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 3 AS id")
    with connect(killable_postgres.create_database("copy", template="model")) as connection:
        assert connection.execute("SELECT id FROM kept").fetchone() == (3,)


def test_a_confirmed_persistent_message_survives_a_power_cut(killable_rabbitmq):
    url = killable_rabbitmq.create_vhost()
    with contextlib.ExitStack() as stack:
        sender = channel(stack, url)
        sender.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        sender.confirm_delivery()
        sender.basic_publish("", "kept", b"River", pika.BasicProperties(delivery_mode=2), mandatory=True)
        time.sleep(1)  # see RabbitServer.kill9
    killable_rabbitmq.kill9()
    killable_rabbitmq.start()
    with contextlib.ExitStack() as stack:
        assert next(channel(stack, url).consume("kept", inactivity_timeout=20))[2] == b"River"


def test_virtual_hosts_share_nothing_and_do_not_run_out(killable_rabbitmq):
    first, *others = {killable_rabbitmq.create_vhost() for _ in range(30)}
    assert len(others) == 29
    with contextlib.ExitStack() as stack:
        channel(stack, first).exchange_declare("casebridge.events", "topic", durable=True)
        for other in others:
            with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="no exchange"):
                channel(stack, other).exchange_declare("casebridge.events", "topic", passive=True)


def test_a_named_broker_is_lent_to_one_test_at_a_time_and_swept_after_it(killable_rabbitmq):
    named = OutsideRabbit(killable_rabbitmq.create_vhost())
    with named.lend_vhost() as url, contextlib.ExitStack() as stack:
        ours = channel(stack, url)
        ours.exchange_declare("casebridge.events", "topic", durable=True)
        ours.queue_declare("left", durable=True)
        ours.basic_publish("", "left", b"River")
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="exclusive"):
            channel(stack, url).queue_declare(TURN, exclusive=True)
    with named.lend_vhost() as url, contextlib.ExitStack() as stack:
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="no exchange"):
            channel(stack, url).exchange_declare("casebridge.events", passive=True)
        assert channel(stack, url).queue_declare("left").method.message_count == 0


def test_each_empty_database_is_empty(empty_database_url):
    if empty_database_url.startswith("sqlite"):
        assert not Path(make_url(empty_database_url).database).exists()
        return
    with connect(empty_database_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (0,)


def test_a_server_ends_and_its_folder_goes_when_its_owner_is_killed():
    script = (
        "import time; from tests.servers import PostgresServer; s = PostgresServer(); s.start();"
        "print(s.pid, s.folder, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        pid, folder = owner.stdout.readline().split()
        assert not gone(pid)
        os.kill(owner.pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while (not gone(pid) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert gone(pid)
    assert not Path(folder).exists()


def test_a_server_that_cannot_start_says_why():
    with PostgresServer() as first:
        second = PostgresServer()
        second.port = first.port
        try:
            with pytest.raises(RuntimeError, match="Address already in use"):
                second.start()
        finally:
            second.close()


def test_a_missing_server_stops_the_run_with_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="no-such-server is missing: install the packages"):
        find("no-such-server", ("/nowhere/*",))
