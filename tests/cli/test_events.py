"""The outbox in an operator's hands: what is stuck is seen and let go, what is old is deleted."""

import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.store.relay.positions import Positions
from tests.publish.made import Office, message


@pytest.fixture
def office(sqlite_url, monkeypatch):
    """Three numbered messages."""
    monkeypatch.setenv("CASEBRIDGE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("CASEBRIDGE_AUTH", "off")
    office = Office(sqlite_url)
    office.emit(message(), message("case/2"), message("case/3"))
    office.outbox.number()
    yield office
    office.engine.dispose()


def events(*words):
    return CliRunner().invoke(cli, ["events", *words])


def test_parked_messages_are_printed_with_their_reason(office):
    assert events("parked").output == ""
    office.outbox.park(2, "The broker refuses it: larger than its limit.")
    assert events("parked").output == "2  careplan.updated  The broker refuses it: larger than its limit.\n"


def test_one_is_released_or_all_are(office):
    for position in (1, 2, 3):
        office.outbox.park(position, "no reason")
    assert events("release", "2").output == "1 released.\n"
    assert [message.position for message in office.outbox.parked_messages()] == [1, 3]
    assert events("release", "--all").output == "2 released.\n"
    assert office.outbox.parked_messages() == []


def test_what_is_not_parked_is_found_wrong_and_nothing_is_released(office):
    office.outbox.park(1, "no reason")
    done = events("release", "1", "3")
    assert done.exit_code == 1
    assert "Not parked: 3" in done.output
    assert len(office.outbox.parked_messages()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("release",),
        ("release", "1", "--all"),
        ("prune",),
        ("prune", "--keep-days", "1", "--before", "2026-01-01T00:00Z"),
        ("prune", "--before", "2026-01-01T00:00"),
        ("prune", "--before", "yesterday"),
        ("prune", "--keep-days", "-1"),
    ],
)
def test_wrong_use_exits_2(office, words):
    assert events(*words).exit_code == 2


def test_old_messages_are_deleted_and_young_ones_are_not(office):
    office.outbox.mark([1, 2], "published")
    Positions(office.engine).number(1)  # writes the tick that says how far they had come by now
    assert events("prune", "--keep-days", "1").output == "0 messages deleted.\n"
    assert events("prune", "--before", "2026-01-01T00:00Z").output == "0 messages deleted.\n"
    assert events("prune", "--keep-days", "0").output == "2 messages deleted.\n"
    assert list(office.states().values()) == ["pending"]


def test_what_a_queue_is_owed_is_told_and_forgiven(office):
    office.outbox.owe([(1, "harbor"), (2, "harbor"), (2, "clinic")])
    assert events("owed").output == "1  clinic\n2  harbor\n"
    assert events("forgive", "harbor").output == "2 forgiven.\n"
    assert events("owed").output == "1  clinic\n"
    assert sorted(office.states().values()) == ["owed", "pending", "published"]
    assert events("forgive", "harbor").exit_code == 1
