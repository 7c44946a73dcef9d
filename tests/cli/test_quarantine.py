"""The operator's terminal: what is in quarantine, and what is done about it."""

import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.errors import Misconfigured
from service.settings import Settings
from service.store.store import SqlStore
from service.values.inbound.inbox import Answer, InboundMessage
from service.wiring import compiled, operator, rooms

REGISTRY = "partners: [{name: general, kind: hospital}]"
DISCHARGE = b"""MSH|^~\\&|HIS|GENERAL|||20260227150000+0100||ADT^A03|%s|P|2.5\r
PID|||%s||Rider^River\r
PV1||I|||||||||||||||||V-1^^^VISITS|||||||||||||||||||||||||20260220|20260227\r
"""
BODY = DISCHARGE % (b"M-1", b"")
MENDED = DISCHARGE % (b"M-1", b"R-1^^^PERSONS^MR")


@pytest.fixture
def settings(tmp_path, database_url, monkeypatch):
    registry = tmp_path / "partners.yaml"
    registry.write_text(REGISTRY, encoding="utf-8")
    for name, value in (
        ("AUTH", "off"),
        ("DATABASE_URL", database_url),
        ("PARTNERS", str(registry)),
    ):
        monkeypatch.setenv(f"CASEBRIDGE_{name}", value)
    settings = Settings.from_env()
    operator.upgrade(settings)
    return settings


def receive(settings, raw, key):
    engine = rooms.database(settings)
    store = SqlStore(engine)
    reception = rooms.receiving(settings, store, rooms.projecting(settings, compiled.catalogues(settings)))
    (general,) = [partner for partner in operator.partners(settings) if partner.name == "general"]
    inbound = InboundMessage(raw, "x-application/hl7-v2+er7", "hl7v2", "mllp", (key,), key.rjust(64, "c"))
    outcome = reception.receive(general, inbound, lambda _: Answer(200, "text/plain", b"AA"))
    engine.dispose()
    return outcome


@pytest.fixture
def waiting(settings):
    """The id of an entry without a patient."""
    outcome = receive(settings, BODY, "M-1")
    assert outcome.reason == "no-patient"
    return outcome.entry


def quarantine(*words, code=0):
    done = CliRunner().invoke(cli, ["quarantine", *words])
    assert done.exit_code == code, done.output
    return done.output


def test_entries_are_listed_and_shown_without_what_they_say(waiting):
    (line,) = quarantine("list").splitlines()
    assert line.split("  ")[0] == waiting
    assert "general  mllp  quarantined  no-patient  1" in line
    shown = quarantine("show", waiting)
    assert "PID-3: Nothing says who the patient is" in shown
    assert "Rider" not in shown
    assert quarantine("list", "--partner", "other") == ""


def test_the_field_is_shown_that_a_mapping_made_of_what_was_sent(settings):
    receive(settings, MENDED, "M-1")
    other = receive(settings, DISCHARGE % (b"M-2", b"R-2^^^PERSONS^MR"), "M-2")
    assert other.reason == "stay-elsewhere"
    shown = quarantine("show", other.entry)
    assert "PV1-19" in shown
    assert "/stay" not in shown
    for personal in ("R-2", "V-1", "Rider"):
        assert personal not in shown
    assert "PV1-19" in quarantine("replay", other.entry, code=1)


def test_the_bytes_are_shown_only_when_asked_for(waiting):
    assert CliRunner().invoke(cli, ["quarantine", "show", waiting, "--body"]).stdout_bytes == BODY


def test_an_entry_is_edited_and_replayed(waiting, tmp_path):
    assert "no-patient" in quarantine("replay", waiting, code=1)
    file = tmp_path / "mended.hl7"
    file.write_bytes(MENDED)
    quarantine("edit", waiting, str(file))
    assert "accepted" in quarantine("replay", "--all")
    assert quarantine("list") == ""
    listed = quarantine("list", "--state", "all").splitlines()
    assert sorted(line.split("  ")[4] for line in listed) == ["accepted", "replayed"]
    second = next(line.split("  ")[0] for line in listed if "accepted" in line)
    assert f"replay of {waiting}" in quarantine("show", second)


def test_an_entry_is_stopped_and_discarded(waiting):
    assert "waits for a replay" in quarantine("stop", waiting)
    quarantine("discard", waiting)
    assert quarantine("list") == ""
    assert waiting in quarantine("list", "--state", "discarded")


def test_old_bytes_and_entries_are_deleted_and_quarantine_stays(settings, waiting):
    assert receive(settings, MENDED, "M-2").state == "accepted"
    assert "0 bodies and 0 entries deleted." in quarantine("prune")
    assert "1 bodies and 0 entries deleted." in quarantine("prune", "--bodies", "0", "--entries", "1")
    assert "0 bodies and 1 entries deleted." in quarantine("prune", "--bodies", "0", "--entries", "0")
    assert waiting in quarantine("list")


def test_what_needs_no_mapping_is_done_while_one_is_broken(settings, waiting, tmp_path, monkeypatch):
    (tmp_path / "mappings" / "outbound").mkdir(parents=True)
    (tmp_path / "mappings" / "outbound" / "broken.yaml").write_text("map: [", encoding="utf-8")
    monkeypatch.setenv("CASEBRIDGE_MAPPINGS", str(tmp_path / "mappings"))
    file = tmp_path / "mended.hl7"
    file.write_bytes(MENDED)
    assert waiting in quarantine("list")
    assert "no-patient" in quarantine("show", waiting)
    quarantine("edit", waiting, str(file))
    done = CliRunner().invoke(cli, ["quarantine", "replay", waiting])
    assert isinstance(done.exception, Misconfigured)
    assert "broken.yaml:2:" in str(done.exception)
    quarantine("stop", waiting)
    quarantine("discard", waiting)
    quarantine("prune")


@pytest.mark.parametrize(
    "words", [("replay",), ("replay", "x", "--all"), ("prune", "--bodies", "9", "--entries", "1")]
)
def test_wrong_use_exits_2(settings, words):
    assert CliRunner().invoke(cli, ["quarantine", *words]).exit_code == 2


def test_an_entry_that_is_not_there_exits_1(settings):
    done = CliRunner().invoke(cli, ["quarantine", "show", "none"])
    assert "There is no such entry." in str(done.exception)
