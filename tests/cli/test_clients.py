"""The operator finds who was taken for somebody else, and parts them."""

import pytest
from click.testing import CliRunner

from service import wiring
from service.__main__ import cli
from service.access import policy
from service.settings import Settings
from service.store.store import SqlStore
from service.values.inbox import Answer, Received
from service.wire.json import dump, parse

# the mistake: an account is nobody's number
REGISTRY = "partners: [{name: general, kind: hospital, intake: {identifying_types: [AN]}}]"
AUTHORITY = "urn:casebridge:authority:general"
DISCHARGE = """MSH|^~\\&|HIS|GENERAL|||20260227150000+0100||ADT^A03|{visit}|P|2.5\r
PID|||{number}^^^{authority}^MR~55001^^^BILLING^AN||{name}\r
PV1||I|||||||||||||||||{visit}^^^VISITS|||||||||||||||||||||||||20260220|20260227\r
DG1|1||{code}^Diagnosis^I10\r
"""


@pytest.fixture
def settings(tmp_path, database_url, monkeypatch):
    registry = tmp_path / "partners.yaml"
    registry.write_text(REGISTRY, encoding="utf-8")
    for name, value in (("AUTH", "off"), ("DATABASE_URL", database_url), ("PARTNERS", str(registry))):
        monkeypatch.setenv(f"CASEBRIDGE_{name}", value)
    settings = Settings.from_env()
    wiring.upgrade(settings)
    return settings


@pytest.fixture
def joined(settings):
    """A client made of two persons; what reads the documents."""
    engine = wiring.database(settings)
    store = SqlStore(engine, dump=dump, parse=parse)
    reception = wiring.receiving(settings, store, wiring.projecting(settings, wiring.catalogues(settings)))
    (general,) = [each for each in wiring.partners(settings) if each.name == "general"]
    for given in (
        {"number": "M-1", "authority": "WARDS", "name": "Ash^Anna", "visit": "V-1", "code": "S72.3"},
        {"number": "M-2", "authority": "CLINIC", "name": "Birch^Bert", "visit": "V-2", "code": "I21.9"},
    ):
        raw = DISCHARGE.format(**given).encode()
        received = Received(raw, "text", "hl7v2", "mllp", (given["visit"],), given["visit"].rjust(64, "c"))
        outcome = reception.receive(general, received, lambda _: Answer(200, "text/plain", b"AA"))
        assert outcome.state == "accepted"
    yield lambda kind: store.documents(policy.scope(policy.LOCAL), kind)
    engine.dispose()


def clients(*words, code=0):
    done = CliRunner().invoke(cli, ["clients", *words])
    assert done.exit_code == code, done.output
    return done.output or str(done.exception or "")


def test_who_was_joined_by_a_number_that_is_nobodys_is_found_and_parted(joined):
    (client,) = joined("client")
    told = clients("suspects", code=1)
    assert f"no-person        {client.uuid}  {AUTHORITY}:BILLING#AN" in told
    assert "Ash" not in told
    assert "55001" not in told
    said = clients(
        "part",
        client.uuid,
        "--identifier",
        f"{AUTHORITY}:CLINIC",
        "M-2",
        "--visit",
        f"{AUTHORITY}:VISITS",
        "V-2",
    )
    other = next(each for each in joined("client") if each.uuid != client.uuid)
    assert other.uuid in said
    assert {each["value"] for each in other.received["identifiers"]} == {"M-2"}
    left = next(each for each in joined("client") if each.uuid == client.uuid)
    assert {each["value"] for each in left.received["identifiers"]} == {"M-1", "55001"}
    cases = {each.client: each for each in joined("case")}
    codes = {
        uuid: [each["code"]["code"] for each in case.received["conditions"]] for uuid, case in cases.items()
    }
    assert codes == {client.uuid: ["S72.3"], other.uuid: ["I21.9"]}
    # both are the hospital's to tell of, and its case system's to take over
    assert {each.source for each in (left, other, *cases.values())} == {"general"}


def test_a_case_whose_stays_were_all_parted_is_cancelled(joined):
    (client,) = joined("client")
    visits = [word for each in ("V-1", "V-2") for word in ("--visit", f"{AUTHORITY}:VISITS", each)]
    clients("part", client.uuid, "--identifier", f"{AUTHORITY}:CLINIC", "M-2", *visits)
    statuses = {each.client == client.uuid: each.body["status"] for each in joined("case")}
    assert statuses == {True: "cancelled", False: "planned"}


def test_what_is_not_there_is_not_parted(joined):
    (client,) = joined("client")
    assert "No hospital sent" in clients("part", client.uuid, "--identifier", "urn:x", "1", code=1)
    visit = ("--visit", "urn:x", "1")
    told = clients("part", client.uuid, "--identifier", f"{AUTHORITY}:CLINIC", "M-2", *visit, code=1)
    assert "no stay" in told
    assert len(joined("client")) == 1


def test_nobody_is_suspect_of_whom_all_is_well(settings):
    assert clients("suspects") == ""
