"""Each answer that discloses something, and each that denies it, is on record before it leaves."""

import json
from ipaddress import ip_network

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, text
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from service.authorize.addresses import address_of
from service.store.store import SqlStore
from service.store.tables import audit, audit_text, document
from service.wiring.access.registered import registered
from service.wiring.doors import doors
from tests.flows import river
from tests.web import conftest
from tests.web.export.exporting import Exporter, path_of
from tests.web.members import matching
from tests.web.sent import PERSON, Mercy, a03, encounter
from tests.web.subscriptions.subscribing import create, subscription

PATCH = "application/merge-patch+json"
LOCATION = {"name": "Clinic by the river"}


@pytest.fixture
def registry(tmp_path):
    """The partners of the other tests; this case system may put back what it reads."""
    path = tmp_path / "partners.yaml"
    writes = "kind: case-system, writes: [CareTeam, CarePlan, EpisodeOfCare]"
    path.write_text(conftest.REGISTRY.replace("kind: case-system", writes, 1), encoding="utf-8")
    return path


def records(engine):
    """The rows of the audit in their order, each with its text."""
    joined = select(audit, audit_text.c.text).join(audit_text, audit_text.c.row == audit.c.row, isouter=True)
    with engine.connect() as connection:
        return connection.execute(joined.order_by(audit.c.row)).all()


def uuid_of(house, kind, id_):
    chosen = select(document.c.uuid).where(document.c.kind == kind, document.c.source_id == id_)
    with house.engine.connect() as connection:
        return connection.execute(chosen).scalar_one()


@pytest.fixture
def operations(app, settings, engine, mappings):
    """The operation of each guarded route, by endpoint and method."""
    cipher, partners = Fernet(Fernet.generate_key()), registered(settings, engine)
    mounted = doors(settings, engine, SqlStore(engine), mappings, cipher, partners)
    guarded = [door for door in mounted if not door.is_public]
    return {route: details for door in guarded for route, details in door.routes(app.url_map).items()}


def of_resources(house):
    """How each route of resources is asked, and which interaction that is."""
    plan = house.one("CarePlan")
    one, match = f"/fhir/CarePlan/{plan['id']}", {"If-Match": 'W/"1"'}
    yield "fhir.read", "read", "GET", one, {}
    yield "fhir.vread", "vread", "GET", f"{one}/_history/1", {}
    yield "fhir.history-instance", "history-instance", "GET", f"{one}/_history", {}
    yield "fhir.history-type", "history-type", "GET", "/fhir/CarePlan/_history", {}
    yield "fhir.history-system", "history-system", "GET", "/fhir/_history?_count=3", {}
    yield "fhir.search", "search-type", "GET", f"/fhir/CarePlan?_id={plan['id']}", {}
    yield "fhir.post-search", "search-type", "POST", "/fhir/Patient/_search", {"data": {"birthdate": "1990"}}
    yield "fhir.search-system", "search-type", "GET", "/fhir?_type=CarePlan", {}
    yield "fhir.post-search-system", "search-type", "POST", "/fhir/_search", {"data": {"_type": "CarePlan"}}
    yield "fhir.search-compartment", "search-type", "GET", "/fhir/Patient/none/CarePlan", {}
    subject, (episode,) = plan["subject"]["reference"], plan["supportingInfo"]
    for whole in (subject, episode["reference"]):
        path, type_ = f"/fhir/{whole}/$everything", whole.partition("/")[0]
        yield f"fhir.everything-{type_}", "operation", "GET", path, {}
        asked = {"json": {"resourceType": "Parameters"}, "content_type": "application/fhir+json"}
        yield f"fhir.everything-{type_}", "operation", "POST", path, asked
    member = {"json": matching.river(), "content_type": "application/fhir+json", "partner": "northern"}
    yield "members.match", "operation", "POST", matching.MATCH, member
    yield "fhir.everything", "operation", "GET", "/fhir/Patient/$everything?_count=3", {}
    yield "fhir.everything", "operation", "POST", "/fhir/Patient/$everything", {}
    for method in ("GET", "POST"):
        yield "validate.validate_one", "operation", method, f"{one}/$validate", {}
    path = f"/fhir/{episode['reference']}/$document"
    yield "fhir.document", "operation", "GET", path, {}
    yield "fhir.document", "operation", "POST", path, {}
    many = matching.begin(house, matching.many(matching.bundle()))
    status = path_of(many.headers["Content-Location"])
    Exporter(house, partner="northern").wait(status)
    yield "matches.status", "operation", "GET", status, {"partner": "northern"}
    yield "matches.file", "operation", "GET", f"{status}/1", {"partner": "northern"}
    export = Exporter(house, partner="cms").manifest("/fhir/$export?_type=CarePlan")
    yield "export.part", "operation", "GET", path_of(export["output"][0]["url"]), {}
    group = house.get("/fhir/Group", partner="northern").json["entry"][0]["resource"]["id"]
    yield "groups.find", "search-type", "GET", "/fhir/Group", {}
    yield "groups.read", "read", "GET", f"/fhir/Group/{group}", {"partner": "northern"}
    yield from of_subscriptions(house)
    for type_ in ("CareTeam", "CarePlan", "EpisodeOfCare"):
        resource = house.one(type_)
        path = f"/fhir/{type_}/{resource['id']}"
        yield f"back.put-{type_}", "update", "PUT", path, {"json": resource, "headers": match}


def of_subscriptions(house):
    """The same of subscriptions."""
    as_json = {"json": subscription(), "content_type": "application/fhir+json"}
    yield "subscriptions.create", "create", "POST", "/fhir/Subscription", as_json
    kept = create(house, subscription(), partner="cms").json
    path = f"/fhir/Subscription/{kept['id']}"
    yield "subscriptions.search", "search-type", "GET", "/fhir/Subscription", {}
    yield "subscriptions.post-search", "search-type", "POST", "/fhir/Subscription/_search", {}
    yield "subscriptions.read", "read", "GET", path, {}
    yield "subscriptions.update", "update", "PUT", path, {**as_json, "json": kept}
    for method in ("GET", "POST"):
        yield "subscriptions.statuses", "operation", method, "/fhir/Subscription/$status", {}
        yield "subscriptions.status", "operation", method, f"{path}/$status", {}
        yield "subscriptions.events", "operation", method, f"{path}/$events", {}


def of_documents(house):
    """The same of each route of documents; what is erased is so last."""
    paths = {
        "client": ("/api/clients", "river", river.CLIENT),
        "case": ("/api/cases", "c1", river.CASE),
        "practitioner": ("/api/directory/practitioner", "nurse", river.NURSE),
        "organization": ("/api/directory/organization", "northern", river.INSURER),
        "location": ("/api/directory/location", "clinic", LOCATION),
    }
    match = {"headers": {"If-Match": "*"}}
    for kind, (path, id_, body) in paths.items():
        one = f"{path}/{id_}"
        put = {"json": body, **match}
        yield f"api.{kind}-put", "update", "PUT", one, put
        patch = {"data": "{}", "content_type": PATCH, **match}
        yield f"api.{kind}-patch", "patch", "PATCH", one, patch
        yield f"api.{kind}-get", "read", "GET", one, {}
        yield f"api.{kind}-find", "search-type", "GET", path, {}
        yield f"api.{kind}-revisions", "history-instance", "GET", f"{one}/revisions", {}
    yield (
        "preview.show",
        "operation",
        "POST",
        "/api/mappings/$preview",
        {"json": {"kind": "case", "id": "c1", "document": river.CASE}},
    )
    alias = {"json": {"identifier": {**PERSON, "value": "R-old"}}}
    yield "api.unmerge", "operation", "POST", "/api/clients/known/unmerge", alias
    for kind in ("location", "case", "client", "practitioner", "organization"):
        path, id_, _ = paths[kind]
        one = f"{path}/{uuid_of(house, kind, id_)}"
        yield f"api.{kind}-erase", "delete", "DELETE", one, {"partner": None}


def of_messages(house):
    """The same of what came in and what goes out."""
    entry = house.get("/api/quarantine", partner=None).json["items"][0]["id"]
    yield "quarantine.body", "read", "GET", f"/api/quarantine/{entry}/body", {"partner": None}
    yield "api.disclosures", "read", "GET", "/api/clients/river/disclosures", {}
    event = house.get("/fhir/AuditEvent", partner=None).json["entry"][0]["resource"]["id"]
    yield "audit.search", "search-type", "GET", "/fhir/AuditEvent?agent=cms", {"partner": None}
    form = {"data": {"agent": "cms"}, "partner": None}
    yield "audit.post-search", "search-type", "POST", "/fhir/AuditEvent/_search", form
    yield "audit.read", "read", "GET", f"/fhir/AuditEvent/{event}", {"partner": None}
    yield "events.events", "search-type", "GET", "/events", {"partner": "engineer"}


@pytest.fixture
def asked(rivers_house):
    """How each route is asked that discloses anything, by endpoint and method, in an order that goes."""
    mercy = Mercy(rivers_house)
    assert (
        mercy.send("/fhir/Encounter", encounter(subject={"reference": "Patient/unknown"})).status_code == 202
    )
    assert rivers_house.put("/api/directory/location/clinic", LOCATION).status_code == 201
    assert rivers_house.put("/api/clients/known", {"identifiers": [PERSON], "names": []}).status_code == 201
    merge = a03("MSG-2", "A40", more="MRG|R-old^^^&urn:example:persons&URI\r").replace(b"\rPV1", b"\rZV1")
    assert b"MSA|AA" in mercy.hl7v2(merge).data
    asked = [*of_resources(rivers_house), *of_messages(rivers_house), *of_documents(rivers_house)]
    return {
        (endpoint, method): (interaction, path, more) for endpoint, interaction, method, path, more in asked
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_route_is_on_record_or_says_why_it_discloses_nothing(rivers_house, operations, asked):
    assert set(asked) == {route for route, operation in operations.items() if not operation.silent}
    for (endpoint, method), (interaction, path, more) in asked.items():
        before = len(records(rivers_house.engine))
        answer = rivers_house.ask(method, path, **more)
        assert answer.status_code < 300, (endpoint, answer.data)
        (row,) = records(rivers_house.engine)[before:]
        partner = more.get("partner", "cms") or "local"
        recorded = (row.interaction, row.partner, row.status, row.address)
        assert recorded == (interaction, partner, answer.status_code, "127.0.0.1"), endpoint


def things(row):
    return json.loads(row.things)


def test_a_record_says_who_was_told_what_of_whom(rivers_house):
    plan, client = rivers_house.one("CarePlan"), uuid_of(rivers_house, "client", "river")
    before, name = len(records(rivers_house.engine)), f"CarePlan/{plan['id']}/_history/1"
    patient = plan["subject"]["reference"]
    rivers_house.get(f"/fhir/CarePlan?patient={patient}&_count=5", partner="northern")
    rivers_house.get(f"/fhir/CarePlan/{plan['id']}", partner="northern", headers={"If-None-Match": 'W/"1"'})
    rivers_house.get("/api/cases/c1")
    rivers_house.get("/fhir/Patient?family=nobody", partner="southern", headers={"X-Correlation-Id": "abc-1"})
    search, read, document_, nothing = records(rivers_house.engine)[before:]
    case = uuid_of(rivers_house, "case", "c1")
    assert things(search) == things(read) == {client: [name]}
    assert search.text == f"CarePlan?patient={patient.replace('/', '%2F')}&_count=5"
    assert (read.partner, read.status, read.text) == ("northern", 304, None)
    assert things(document_) == {client: [f"case/{case}/_history/1"]}
    assert (things(nothing), nothing.text, nothing.correlation) == ({}, "Patient?family=nobody", "abc-1")
    assert (search.text_digest is None, read.text_digest is None) == (False, True)


DENIED = (
    ("southern", "GET", "/fhir/CarePlan/{plan}", 404),
    ("southern", "GET", "/fhir/CarePlan/{plan}/_history?_count=2", 404),
    ("engineer", "GET", "/fhir/CarePlan/{plan}", 403),
    ("other", "GET", "/api/clients/river", 404),
    ("cms", "DELETE", "/api/clients/river", 403),
    ("northern", "PUT", "/api/clients/river", 403),
    ("northern", "GET", "/metrics", 403),
)


def test_what_is_denied_is_on_record_with_what_was_asked(rivers_house):
    plan = rivers_house.one("CarePlan")["id"]
    for partner, method, path, status in DENIED:
        before, asked = len(records(rivers_house.engine)), path.format(plan=plan)
        assert rivers_house.ask(method, asked, partner=partner).status_code == status
        (row,) = records(rivers_house.engine)[before:]
        assert (row.partner, row.status, row.text, things(row)) == (partner, status, asked, {})


def test_what_discloses_nothing_and_whom_nobody_knows_are_not_on_record(rivers_house):
    before = len(records(rivers_house.engine))
    rivers_house.get("/fhir/metadata", partner=None)
    rivers_house.get("/health/live", partner=None)
    rivers_house.get("/metrics", partner=None)
    rivers_house.get("/fhir/ValueSet", partner="northern")
    rivers_house.get("/fhir/CarePlan", partner="stranger")
    rivers_house.get("/fhir/CarePlan?bogus=1", partner="northern")
    rivers_house.ask("OPTIONS", "/fhir/CarePlan", partner="northern")
    assert len(records(rivers_house.engine)) == before


def test_what_cannot_be_put_on_record_is_not_told(rivers_house):
    plan = rivers_house.one("CarePlan")["id"]
    with rivers_house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO gone"))
    for path in (
        f"/fhir/CarePlan/{plan}",
        "/fhir/CarePlan?status=active",
        "/api/clients/river",
        "/api/clients",
    ):
        answer = rivers_house.get(path)
        assert (answer.status_code, b"recorded" in answer.data) == (503, True), answer.data
        assert not any(word in answer.data for word in (b"River", b"bicycle", b"Bundle"))
    assert rivers_house.get("/fhir/metadata").status_code == 200


def test_what_is_searched_for_is_in_no_log(rivers_house, capsys):
    rivers_house.get("/fhir/Patient?family=Canarybird", partner="northern")
    rivers_house.get("/fhir/Patient/Canarybird", partner="southern")
    with rivers_house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO gone"))
    assert rivers_house.get("/fhir/Patient?family=Canarybird", partner="northern").status_code == 503
    logged = "".join(capsys.readouterr())
    assert "audit_not_recorded" in logged
    assert "Canarybird" not in logged


PROXIES = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("peer", "header", "proxies", "address"),
    [
        ("192.0.2.1", None, (), "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", (), "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", PROXIES, "192.0.2.1"),
        ("10.0.0.1", "198.51.100.9", PROXIES, "198.51.100.9"),
        ("10.0.0.1", "203.0.113.5, 198.51.100.9", PROXIES, "198.51.100.9"),
        ("10.0.0.1", "203.0.113.5,198.51.100.9, 10.0.0.2", PROXIES, "198.51.100.9"),
        ("10.0.0.1", None, PROXIES, "10.0.0.1"),
        ("10.0.0.1", "Canary", PROXIES, "10.0.0.1"),
        ("10.0.0.1", "2001:DB8::1", PROXIES, "2001:db8::1"),
    ],
)
def test_the_address_is_that_of_whoever_our_proxies_were_asked_by(peer, header, proxies, address):
    headers = {} if header is None else {"X-Forwarded-For": header}
    environ = EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": peer}).get_environ()
    assert address_of(Request(environ), proxies) == address


def test_an_erasure_leaves_on_record_that_they_were_told_and_not_what_was_searched_for(rivers_house):
    client = uuid_of(rivers_house, "client", "river")
    put = {
        **river.CLIENT,
        "names": [{"family": "Kanarienvogel"}],
        "identifiers": [{**PERSON, "value": "R-4711"}],
    }
    assert rivers_house.put("/api/clients/river", put, headers={"If-Match": "*"}).status_code == 200
    for path in ("/fhir/Patient?family=kanari", "/fhir/CarePlan?status=active"):
        assert rivers_house.get(path, partner="northern").json["total"] == 1
    for path in (
        "Patient?family=kanarienVOGEL",
        "Patient?identifier=urn:example:persons%7CR-4711",
        "CarePlan/R-4711",
    ):
        rivers_house.get(f"/fhir/{path}", partner="southern")
    rivers_house.get("/fhir/Patient?family=Kanarienvogels", partner="southern")
    before = records(rivers_house.engine)
    for path in (f"/api/cases/{uuid_of(rivers_house, 'case', 'c1')}", f"/api/clients/{client}"):
        assert rivers_house.ask("DELETE", path, partner=None).status_code == 204
    after = records(rivers_house.engine)
    assert [row[:-1] for row in before] == [row[:-1] for row in after[: len(before)]]
    assert {row.text for row in after if row.partner in {"northern", "southern"}} == {
        None,
        "Patient?family=Kanarienvogels",
    }
    assert {things(row).keys() & {client} != set() for row in after[-2:]} == {True}
