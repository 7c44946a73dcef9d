"""What is wrong is refused at a cost, in time, memory and answer, that grows no faster than what was sent."""

import sys
import tracemalloc

import pytest

from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.wire.json import dump
from service.wiring import rooms, serving
from tests.web.conftest import REGISTRY

FHIR = "application/fhir+json"
STAY = {
    "resourceType": "Encounter",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
}
HEADER = {"resourceType": "MessageHeader", "id": "1", "eventUri": "urn:x", "source": {"endpoint": "urn:x"}}
CMS = {"Casebridge-Partner": "cms"}
COUNT = 500


@pytest.fixture(scope="module")
def client(tmp_path_factory, mappings):
    """Asks one application for all: what is refused changes nothing."""
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/casebridge.db",
        "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
    }
    settings = Settings.from_env(environment)
    engine = rooms.database(settings)
    upgrade(engine)
    client = serving.application(settings, engine, mappings).test_client()
    known = {"names": [{"family": "Known"}]}
    assert client.put("/api/clients/known", json=known, headers=CMS).status_code == 201
    yield client
    engine.dispose()


def bundle(type_, entries):
    return {"resourceType": "Bundle", "type": type_, "entry": entries}


def written(resource, **about):
    return {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}, **about}


def chained(count):
    """Stays that all lead to a chain of places."""
    names = [f"urn:uuid:{number}" for number in range(count // 2)]
    stays = [written({**STAY, "serviceProvider": {"reference": names[0]}}) for _ in names]
    places = [
        written({"resourceType": "Organization", "partOf": {"reference": names[number - 1]}}, fullUrl=name)
        for number, name in enumerate(names)
    ]
    return [*stays, *places]


def of_one_patient(count):
    """Stays of one patient, each of whose insurances is read with each stay."""
    patient = written({"resourceType": "Patient"}, fullUrl="urn:uuid:p")
    subject = {"reference": "urn:uuid:p"}
    insured = {"resourceType": "Coverage", "status": "active", "payor": [{"display": "x"}]}
    stays = [
        {**STAY, "identifier": [{"system": "urn:v", "value": f"{number}"}], "subject": subject}
        for number in range(count // 2)
    ]
    insurances = [{**insured, "beneficiary": subject} for _ in stays]
    return [patient, *(written(resource) for resource in (*stays, *insurances))]


def document(kind, members):
    return "PUT", f"/api/{kind}/c", "cms", "application/json", members


def sent(path, resource):
    return "POST", path, "mercy", FHIR, resource


def many(part, count):
    return [part] * (20 * count)


BODIES = {
    "items past a limit": lambda n: document("clients", {"names": many({}, n)}),
    "texts that are none": lambda n: document("clients", {"names": [{"given": many(1, n)}]}),
    "parts of parts": lambda n: document("clients", {"names": [{"given": [1] * 100}] * (n // 10)}),
    "unknown members": lambda n: document("clients", {f"k{number}": 1 for number in range(5 * n)}),
    "ids twice": lambda n: document("cases", {"plan": {"goals": many({"id": "g"}, n)}}),
    "a merge patch": lambda n: ("PATCH", "/api/clients/known", "cms", "application/merge-patch+json",
                                {"names": many({}, n)}),
    "a preview": lambda n: (
        "POST", "/api/mappings/$preview", "cms", "application/json",
        {"kind": "client", "document": {"names": [{"given": many(1, n)}]}},
    ),
    "an Encounter's identifiers": lambda n: sent("/fhir/Encounter", {**STAY, "identifier": many({}, n)}),
    "unknown elements": lambda n: sent("/fhir/Encounter", STAY | {f"k{i}": 1 for i in range(5 * n)}),
    "a message's entries": lambda n: sent("/fhir/$process-message", bundle(
        "message", [{"resource": HEADER}, *[{"resource": {**STAY, "x": [{}]}}] * n])),
    "a message's header": lambda n: sent("/fhir/$process-message", bundle(
        "message", [{"resource": {**HEADER, "destination": many({}, n)}}])),
    "Parameters": lambda n: sent(
        "/fhir/$process-message", {"resourceType": "Parameters", "parameter": many({}, n)}),
    "a transaction's requests": lambda n: sent("/fhir", bundle("transaction", [{}] * n)),
    "a transaction's resources": lambda n: sent("/fhir", bundle("transaction", [{"resource": 1}] * n)),
    "references to nothing": lambda n: sent("/fhir", bundle("transaction", [written(
        {**STAY, "participant": [{"individual": {"reference": "urn:uuid:1"}}] * n})])),
    "a batch's references": lambda n: sent("/fhir", bundle("batch", chained(2 * n))),
    "one patient's stays": lambda n: sent("/fhir", bundle("transaction", of_one_patient(n))),
    "a terminology's parameters": lambda n: sent(
        "/fhir/ConceptMap/$translate", {"resourceType": "Parameters", "parameter": many({}, n)}),
    "keys twice": lambda n: document("clients", [*many({}, n), {"a": 1}]),
}  # fmt: skip


def steps(work):
    """How many functions are called, Python's and C's."""
    count = 0

    def called(_frame, event, _arg):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(called)
    try:
        answer = work()
    finally:
        sys.setprofile(None)
    return count, answer


@pytest.mark.parametrize("body", BODIES)
def test_what_is_wrong_is_cheap_to_refuse(client, body):
    method, path, partner, kind, _ = BODIES[body](1)
    headers = {"Casebridge-Partner": partner, "Content-Type": kind}
    if method == "PATCH":
        headers["If-Match"] = "*"
    small, large = (dump(BODIES[body](count)[4]) for count in (COUNT, 4 * COUNT))

    def ask(raw):
        return client.open(path, method=method, data=raw, headers=headers)

    ask(small)  # what is compiled at first use is compiled
    few, _ = steps(lambda: ask(small))
    several, _ = steps(lambda: ask(large))
    tracemalloc.start()
    answer = ask(large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 400 <= answer.status_code < 500
    assert several < 5 * few + 20_000, "the cost grows faster than what is sent"
    assert several < 5 * len(large) + 20_000
    assert peak < 100 * len(large) + 5_000_000
    issues = answer.json.get("issues") or answer.json.get("issue") or answer.json["entry"]
    assert len(issues) <= 100
    assert len(answer.data) < 50_000
