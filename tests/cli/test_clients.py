"""The operator finds who was taken for somebody else, and parts them."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.access import policy
from service.cases.hospital.discharge import number_path
from service.settings import Settings
from service.store.store import SqlStore
from service.values.inbound.inbox import Answer, InboundMessage
from service.values.kept.facts import Fact
from service.values.kept.resources import Query
from service.wire.json import parse
from service.wiring import compiled, operator, rooms

# the mistake: an account is nobody's number
REGISTRY = "partners: [{name: general, kind: hospital, intake: {identifying_types: [AN]}}]"
AUTHORITY = "urn:casebridge:authority:general"
EVERYTHING = policy.scope(policy.LOCAL)
DISCHARGE = """MSH|^~\\&|HIS|GENERAL|||20260227150000+0100||ADT^A03|{visit}|P|2.5\r
PID|||{number}^^^{authority}^MR{account}||{name}\r
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
    operator.upgrade(settings)
    return settings


class House:
    """Takes discharges of one hospital; gives the documents that come of them."""

    def __init__(self, settings):
        self.engine = rooms.database(settings)
        self.store = SqlStore(self.engine)
        projection = rooms.projecting(settings, compiled.catalogues(settings))
        self.reception = rooms.receiving(settings, self.store, projection)
        (self.general,) = [partner for partner in operator.partners(settings) if partner.name == "general"]

    def __call__(self, kind):
        return self.store.documents(EVERYTHING, kind)

    def discharge(self, visit, **said):
        """Send one; return what became of it."""
        raw = DISCHARGE.format(visit=visit, **said).encode()
        received = InboundMessage(raw, "text", "hl7v2", "mllp", (visit,), visit.rjust(64, "c"))
        outcome = self.reception.receive(self.general, received, lambda _: Answer(200, "text/plain", b"AA"))
        return outcome.state, outcome.reason


@pytest.fixture
def house(settings):
    house = House(settings)
    yield house
    house.engine.dispose()


@pytest.fixture
def joined(house):
    """A client made of two persons."""
    account = "~55001^^^BILLING^AN"
    for visit, numbers in (
        ("V-1", {"number": "M-1", "authority": "WARDS", "name": "Ash^Anna", "code": "S72.3"}),
        ("V-2", {"number": "M-2", "authority": "CLINIC", "name": "Birch^Bert", "code": "I21.9"}),
    ):
        assert house.discharge(visit, account=account, **numbers) == ("accepted", "")
    return house


def clients(*words, code=0):
    done = CliRunner().invoke(cli, ["clients", *words])
    assert done.exit_code == code, done.output
    return done.output or str(done.exception or "")


def test_who_was_joined_by_a_number_that_is_nobodys_is_found_and_parted(joined):
    (client,) = joined("client")
    lines = clients("suspects", code=1)
    assert f"no-person        {client.uuid}  {AUTHORITY}:BILLING#AN" in lines
    assert "Ash" not in lines
    assert "55001" not in lines
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
    other = next(other_client for other_client in joined("client") if other_client.uuid != client.uuid)
    assert other.uuid in said
    assert {identifier["value"] for identifier in other.received["identifiers"]} == {"M-2"}
    left = next(kept_client for kept_client in joined("client") if kept_client.uuid == client.uuid)
    assert {identifier["value"] for identifier in left.received["identifiers"]} == {"M-1", "55001"}
    cases = {case.client: case for case in joined("case")}
    codes = {
        uuid: [condition["code"]["code"] for condition in case.received["conditions"]]
        for uuid, case in cases.items()
    }
    assert codes == {client.uuid: ["S72.3"], other.uuid: ["I21.9"]}
    # both are the hospital's to tell of, and its case system's to take over
    assert {document.source for document in (left, other, *cases.values())} == {"general"}


def test_a_case_whose_stays_were_all_parted_is_cancelled(joined):
    (client,) = joined("client")
    visits = [word for number in ("V-1", "V-2") for word in ("--visit", f"{AUTHORITY}:VISITS", number)]
    clients("part", client.uuid, "--identifier", f"{AUTHORITY}:CLINIC", "M-2", *visits)
    statuses = {case.client == client.uuid: case.body["status"] for case in joined("case")}
    assert statuses == {True: "cancelled", False: "planned"}


def test_what_is_not_there_is_not_parted(joined):
    (client,) = joined("client")
    assert "No hospital sent" in clients("part", client.uuid, "--identifier", "urn:x", "1", code=1)
    visit = ("--visit", "urn:x", "1")
    lines = clients("part", client.uuid, "--identifier", f"{AUTHORITY}:CLINIC", "M-2", *visit, code=1)
    assert "no stay" in lines
    assert len(joined("client")) == 1


def test_nobody_is_suspect_of_whom_all_is_well(settings):
    assert clients("suspects") == ""


ANNA = {"authority": "WARDS", "name": "Ash^Anna", "code": "S72.3", "account": "~55001^^^BILLING^AN"}


def of_before(house, client, types, stem=None):
    """Store a client as the release before did: the systems of its numbers end in these types."""

    def story(unit):
        document = unit.documents.lock(EVERYTHING, "client", client.source, client.uuid)
        part = document.service
        facts = {path: fact for path, fact in part.facts.items() if not path.startswith("identifiers.")}
        before = [
            {"system": f"{stem or number['system'].partition('#')[0]}:{type_}", "value": number["value"]}
            for number, type_ in zip(numbers_of(document), types, strict=True)
        ]
        facts |= {number_path(number): Fact((0, 0, 0), number) for number in before}
        finding = tuple((number["system"], number["value"]) for number in before)
        received = {**part.received, "identifiers": before}
        part = replace(part, facts=facts, identifying=finding, received=received)
        renamed = replace(document, service=part, revision=document.revision + 1)
        unit.documents.update(renamed, cause="receive", partner="general")

    house.store.transact(story)


def numbers_of(client):
    facts = client.service.facts
    return [fact.value for path, fact in facts.items() if path.startswith("identifiers.")]


def systems(client):
    return {identifier["system"] for identifier in client.received["identifiers"]}


def test_numbers_of_before_get_the_systems_of_today_and_are_told_of(house):
    assert house.discharge("V-1", number="M-1", **ANNA) == ("accepted", "")
    (client,) = house("client")
    types = ["MR" if number["value"] == "M-1" else "AN" for number in numbers_of(client)]
    of_before(house, client, types)
    assert systems(house("client")[0]) == {f"{AUTHORITY}:WARDS:MR", f"{AUTHORITY}:BILLING:AN"}
    assert "1 clients have" in clients("rename-systems", "--dry-run")
    assert systems(house("client")[0]) == {f"{AUTHORITY}:WARDS:MR", f"{AUTHORITY}:BILLING:AN"}
    assert "1 clients had" in clients("rename-systems")
    (client,) = house("client")
    assert systems(client) == {f"{AUTHORITY}:WARDS", f"{AUTHORITY}:BILLING#AN"}
    patient = house.store.search(EVERYTHING, Query("Patient")).entries[0]
    assert {identifier["system"] for identifier in parse(patient.body)["identifier"]} == systems(client)
    assert "0 clients had" in clients("rename-systems")
    assert house.discharge("V-2", number="M-1", **ANNA) == ("accepted", "")
    assert len(house("client")) == 1


def test_renaming_joins_nobody_and_lists_who_would_have_one_number(house):
    one = {**ANNA, "account": ""}
    other = {**one, "name": "Birch^Bert", "authority": "CLINIC"}
    assert house.discharge("V-1", number="M-1", **one) == ("accepted", "")
    assert house.discharge("V-2", number="M-1", **other) == ("accepted", "")
    both = house("client")
    assert len(both) == 2
    for client, type_ in zip(both, ("MR", "PI"), strict=True):
        of_before(house, client, [type_], stem=f"{AUTHORITY}:WARDS")
    lines = clients("rename-systems", code=1)
    assert f"same-number      {' '.join(sorted(client.uuid for client in both))}  {AUTHORITY}:WARDS" in lines
    assert "M-1" not in lines
    assert [systems(client) for client in house("client")] == [
        {f"{AUTHORITY}:WARDS:{type_}"} for type_ in ("MR", "PI")
    ]
