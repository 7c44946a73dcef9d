"""What is another's is as if it never existed: whoever asks is answered as in a world without it."""

import json
import re

import pytest

from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.wiring import serving
from tests.contracts.answered import CheckedClient
from tests.flows import river
from tests.web.conftest import House
from tests.web.sent import ER7, FHIR, PERSON, VISIT, Mercy, a03, encounter, entry, parts

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
INSTANT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")
MADE = re.compile(r"[0-9a-f]{20}|20\d{12}(\.\d+)?[+-]\d{4}")
OF_THE_SERVER = {"Date", "Last-Modified", "X-Correlation-Id", "Content-Length"}
ACCOUNT = {"system": "urn:example:accounts", "value": "A-1"}
MERGE = "application/merge-patch+json"


def visit(number):
    return {**VISIT, "value": f"V-{number}"}


def stay(number, **more):
    return encounter(identifier=[visit(number)], **more)


def of(person):
    """A patient contained, who is known by a number and by that of an account that others have too."""
    account = {**ACCOUNT, "type": {"coding": [{"code": "AN"}]}}
    known = [{**PERSON, "value": person}, account]
    return {"contained": [{"resourceType": "Patient", "id": "p", "identifier": known}]}


@pytest.fixture
def populated(house):
    """Mercy's stays of two persons, what it has in quarantine, and a case system's River; and their ids."""
    mercy, ids = Mercy(house), {}
    for number in range(1, 10):
        person = of("R-1" if number < 8 else "R-2")
        assert mercy.send("/fhir/Encounter", stay(number, **person)).status_code == 201
    waits = mercy.send("/fhir/Encounter", stay(99, subject={"reference": "Patient/unknown"}))
    assert waits.status_code == 202
    ids["entry"] = house.get("/api/quarantine", partner=None).json["items"][0]["id"]
    for path, document in river.STORY:
        answer = house.put(path, document)
        ids.setdefault(path.split("/")[2].removesuffix("s"), answer.headers["Casebridge-Id"])
    for type_ in ("CarePlan", "CareTeam", "EpisodeOfCare", "Patient"):
        ids[type_] = house.get(f"/fhir/{type_}").json["entry"][0]["resource"]["id"]
    return house, ids


@pytest.fixture
def bare(settings, mappings, tmp_path):
    """The same house with nothing in it."""
    engine = connect(f"sqlite:///{tmp_path / 'bare.db'}")
    upgrade(engine)
    app = serving.application(settings, engine, mappings)
    app.test_client_class = CheckedClient
    yield House(app, engine)
    engine.dispose()


def probes(ids):
    """What partners ask for that is not theirs: (partner, method, path, what else is sent)."""
    yield from of_hospitals()
    yield from of_quarantines(ids)
    yield from of_documents(ids)
    yield from of_resources(ids)


def of_hospitals():
    def sends(method, path, body, kind=FHIR, **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return "lakeside", method, path, {"data": raw, "content_type": kind, "headers": named}

    def new(number):
        return f"identifier={VISIT['system']}|V-{number}"

    # another's number, of its patient and of one of our own
    for number, person in ((1, "R-1"), (2, "R-77")):
        sent = stay(number, **of(person))
        yield sends("POST", "/fhir/Encounter", sent, If_None_Exist=new(number))
        leaves = {**sent, "status": "onleave", "meta": {"lastUpdated": "2026-02-28T15:00:00Z"}}
        yield sends("POST", "/fhir/Encounter", leaves)
    yield sends("POST", "/fhir/Encounter", stay(3, **of("R-1")))
    yield sends("POST", "/fhir/Encounter", stay(4, **of("R-78")))
    for number, tag in ((5, 'W/"1"'), (5, 'W/"2"'), (5, "*")):
        path = f"/fhir/Encounter?{new(number)}"
        yield sends("PUT", path, stay(number, **of("R-1")), If_Match=tag)
    yield sends("POST", "/hl7v2", a03(visit="V-6"), ER7)
    yield sends("POST", "/hl7v2", a03("MSG-2", person="R-79", visit="V-6"), ER7)
    for criteria in (f"{PERSON['system']}|R-1", f"{ACCOUNT['system']}|A-1"):
        encounter_, patient, brain = parts()
        encounter_["identifier"] = [visit(7)]
        patient["identifier"] = [{**PERSON, "value": "R-80"}]
        entries = [
            entry(encounter_, method="POST", url="Encounter", ifNoneExist=new(7)),
            entry(patient, method="POST", url="Patient", ifNoneExist=f"identifier={criteria}"),
            entry(brain, method="POST", url="Condition"),
        ]
        for kind in ("transaction", "batch"):
            yield sends("POST", "/fhir", {"resourceType": "Bundle", "type": kind, "entry": entries})


def of_quarantines(ids):
    mine = ids["entry"]
    for query in (f"?after={mine}", f"?after={mine}&state=all", f"?after={mine}&partner=mercy"):
        yield "lakeside", "GET", f"/api/quarantine{query}", {}
    for path in ("", "/body", "/body?edited"):
        yield "lakeside", "GET", f"/api/quarantine/{mine}{path}", {}


def of_documents(ids):
    for name, kind in (("clients", "client"), ("cases", "case"), ("directory/organization", "directory")):
        path = f"/api/{name}/{ids[kind]}"
        yield "other", "GET", path, {}
        yield "other", "GET", f"{path}/revisions", {}
        yield "other", "GET", f"/api/{name}?after=0", {}
        patch = {"data": b"{}", "content_type": MERGE, "headers": {"If-Match": 'W/"1"'}}
        yield "other", "PATCH", path, patch
        yield "other", "DELETE", path, {}
    for query in (f"client={ids['client']}", "identifier=urn:example:cases|C-1", "status=active"):
        yield "other", "GET", f"/api/cases?{query}", {}
    yield "other", "GET", "/api/clients?identifier=urn:example:clients|R-1", {}
    yield "other", "POST", f"/api/clients/{ids['client']}/unmerge", {}
    names_it = {**river.CASE, "client": ids["client"]}
    yield "other", "PUT", "/api/cases/mine", {"json": names_it}
    for more in ({}, {"id": ids["case"]}):
        preview = {"kind": "case", "document": names_it, **more}
        yield "other", "POST", "/api/mappings/$preview", {"json": preview}
    match = {"If-Match": 'W/"1"'}
    client = {"names": [{"family": "River"}], "identifiers": river.CLIENT["identifiers"]}
    yield "other", "PUT", f"/api/clients/{ids['client']}", {"json": client, "headers": match}
    yield "other", "PUT", "/api/clients/mine", {"json": client}


def of_resources(ids):
    for partner in ("other", "southern"):
        for type_ in ("CarePlan", "Patient"):
            path = f"/fhir/{type_}/{ids[type_]}"
            for more in ("", "/_history", "/_history/1", "/_history/9"):
                yield partner, "GET", f"{path}{more}", {}
            yield partner, "GET", f"/fhir/{type_}?_id={ids[type_]}", {}
        yield partner, "GET", f"/fhir/CarePlan?patient={ids['Patient']}", {}
    sent = {"resourceType": "CarePlan", "id": ids["CarePlan"], "status": "active", "intent": "plan"}
    for tag in ({}, {"If-Match": 'W/"1"'}):
        put = {"data": json.dumps(sent), "content_type": FHIR, "headers": tag}
        yield "other", "PUT", f"/fhir/CarePlan/{ids['CarePlan']}", put


def answered(house, ids):
    """The answers to all probes: what is random or a time is told by its place in the order of such."""
    answers = []
    for partner, method, path, options in probes(ids):
        headers = options.pop("headers", {})
        answer = house.ask(method, path, partner=partner, headers=headers.items(), **options)
        headers_ = [f"{k}: {v}" for k, v in sorted(answer.headers.items()) if k not in OF_THE_SERVER]
        text = "\n".join([*headers_, answer.get_data(as_text=True)])
        known: dict[str, str] = {uuid: name for name, uuid in ids.items()}
        text = UUID.sub(lambda match: known.setdefault(match[0], f"#{len(known)}"), text)  # noqa: B023
        text = MADE.sub("?", INSTANT.sub("?", text))
        answers.append((partner, method, path, headers, answer.status_code, text))
    return answers


def test_what_is_anothers_is_as_if_it_never_existed(populated, bare):
    house, ids = populated
    there, not_there = answered(house, ids), answered(bare, ids)
    assert len(there) >= 70
    for one, other in zip(there, not_there, strict=True):
        assert one == other
    statuses = {status for *_, status, _ in there}
    assert {200, 201, 400, 404, 412, 422} <= statuses
