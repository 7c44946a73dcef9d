"""Breaking the glass: one person is opened to a hospital for a reason, and that is on record and told."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import text

from service.access import registry
from service.cli.access import smart_client
from service.store.relay.outbox import Outbox
from tests.contracts.published import check_fed
from tests.flows import river
from tests.web import smart
from tests.web.export.exporting import Exporter
from tests.web.seen.test_consent import MERCY, condition

PERSONS = "urn:example:persons"
REASON = "Brought in without consciousness by the ambulance"
DENY = {"status": "active", "decision": "deny"}
READ = ("Patient", "CarePlan", "Condition", "Coverage", "Practitioner")


@pytest.fixture
def settings(tmp_path, database_url):
    entries = [smart.entry(name) for name in smart.KINDS if name != "mercy"]
    mercy = {"identifiers": MERCY["identifiers"], "break_the_glass": True, "writes": ["CarePlan"]}
    return smart.settings(database_url, smart.registry(tmp_path, *entries, smart.entry("mercy", **mercy)))


@pytest.fixture
def house(settings, engine, mappings):
    return smart.House(settings, engine, mappings)


@pytest.fixture
def rivers_house(house):
    """River, who denies nearly all; Robin, too, also in an emergency; and Ash, whom the hospital treats."""
    put(house, "/api/directory/organization/northern", river.INSURER)
    put(house, "/api/directory/organization/mercy", MERCY)
    put(house, "/api/directory/practitioner/nurse", river.NURSE)
    denied = [{**DENY, "id": "all"}, {**DENY, "id": "treatment", "purposes": ["TREAT"]}]
    person(house, "river", *denied)
    person(house, "robin", {**DENY, "id": "emergency", "purposes": ["BTG"], "recipient": "mercy"})
    person(house, "ash", team=[{"id": "h", "role": "hospital-contact", "organization": "mercy"}])
    return house


def put(house, path, document):
    answer = house.ask("PUT", path, partner="cms", json=document)
    assert answer.status_code == 201, answer.json
    return answer.headers["Casebridge-Id"]


def person(house, name, *consents, **case):
    numbers = [{"system": PERSONS, "value": name}]
    put(house, f"/api/clients/{name}", {**river.CLIENT, "identifiers": numbers, "consents": list(consents)})
    whole = {**river.CASE, "client": name, "identifiers": numbers, **condition("F32.1"), **case}
    put(house, f"/api/cases/{name}", whole)


def asked(house, name="river", reason=REASON, partner="mercy", scope=None, extensions=None):
    """The answer to a hospital that breaks the glass."""
    extensions = extensions or smart_client.emergency(reason, PERSONS, name)
    form = smart_client.form(partner, smart.KEYS[partner], smart.TOKEN, scope, extensions)
    return house.client.post("/oauth2/token", data=form)


def opened(house, name="river"):
    answer = asked(house, name)
    assert answer.status_code == 200, answer.json
    return answer.json["access_token"]


def names_of(house, token):
    bundle = house.get("/fhir/Patient?_total=accurate", token=token).json
    names = {entry["resource"]["identifier"][0]["value"] for entry in bundle.get("entry", [])}
    assert len(names) == bundle["total"]
    return names


def paths(house):
    """Where all is that is made of whom, by the number of the person."""
    by_person = {}
    for type_ in READ:
        for entry in house.get(f"/fhir/{type_}?_count=100", partner="desk").json["entry"]:
            resource = entry["resource"]
            person = resource.get("subject", resource.get("beneficiary", {})).get("reference")
            by_person.setdefault(person or f"{type_}/{resource['id']}", []).append(
                f"/fhir/{type_}/{resource['id']}"
            )
    return by_person


def of(house, name):
    id_ = house.get(f"/fhir/Patient?identifier={name}", partner="desk").json["entry"][0]["resource"]["id"]
    return paths(house)[f"Patient/{id_}"] + [
        f"/fhir/Patient/{id_}/_history",
        f"/fhir/Patient/{id_}/_history/1",
    ]


def test_one_person_is_opened_with_what_is_sensitive_and_denied_and_nobody_else(rivers_house):
    assert names_of(rivers_house, rivers_house.token("mercy")) == {"ash"}
    token = opened(rivers_house)
    assert names_of(rivers_house, token) == {"river"}
    rivers = of(rivers_house, "river")
    assert len(rivers) == 6
    for path in rivers:
        assert rivers_house.get(path, token=token).status_code == 200, path
        assert rivers_house.get(path, partner="mercy").status_code == 404
    never = rivers_house.get("/fhir/Patient/never", token=token)
    for path in of(rivers_house, "ash") + of(rivers_house, "robin"):
        assert (
            rivers_house.get(path, token=token).status_code,
            rivers_house.get(path, token=token).json,
        ) == (
            404,
            never.json,
        )
    (nurse,) = rivers_house.get("/fhir/Practitioner", token=token).json["entry"]
    assert nurse["resource"]["name"][0]["family"] == "Example"


def test_of_the_directory_that_is_opened_which_the_persons_data_refers_to(rivers_house):
    put(rivers_house, "/api/directory/practitioner/stranger", {"names": [{"family": "Stranger"}]})
    put(rivers_house, "/api/directory/practitioner/other", {"names": [{"family": "Other"}]})
    person(rivers_house, "kim", care_manager="other")
    entries = rivers_house.get("/fhir/Practitioner", partner="desk").json["entry"]
    ids = {entry["resource"]["name"][0]["family"]: entry["resource"]["id"] for entry in entries}
    token = opened(rivers_house)
    for family, status in {"Example": 200, "Stranger": 404, "Other": 404}.items():
        for end in ("", "/_history/1"):
            path = f"/fhir/Practitioner/{ids[family]}{end}"
            assert rivers_house.get(path, token=token).status_code == status, (family, end)
    shown = rivers_house.get("/fhir/Practitioner?_total=accurate", token=token).json
    assert (shown["total"], [entry["resource"]["id"] for entry in shown["entry"]]) == (1, [ids["Example"]])


def test_everything_of_the_person_is_had_at_once_and_nothing_is_exported(rivers_house):
    id_ = of(rivers_house, "river")[-1].split("/")[3]
    token = opened(rivers_house)
    entries = rivers_house.get(f"/fhir/Patient/{id_}/$everything", token=token).json["entry"]
    assert {"Patient", "Condition", "CarePlan"} <= {entry["resource"]["resourceType"] for entry in entries}
    ordinary, emergency = Exporter(rivers_house, partner="mercy"), Exporter(rivers_house, token=token)
    begun = ordinary.begun()
    assert ordinary.wait(begun)["output"]
    assert emergency.begin().status_code == 403
    for end in ("", "/1"):
        assert rivers_house.get(begun + end, token=token).status_code == 403
        assert rivers_house.get(begun + end, partner="mercy").status_code == 200


def test_a_denial_that_names_emergencies_holds_in_one(rivers_house):
    assert names_of(rivers_house, opened(rivers_house, "robin")) == set()


def test_a_token_for_an_emergency_only_reads(rivers_house):
    answer = asked(rivers_house)
    assert answer.json["scope"] == "system/*.rs"
    assert answer.json["expires_in"] <= 300
    assert asked(rivers_house, scope="system/Patient.rs").json["scope"] == "system/Patient.rs"
    assert asked(rivers_house, scope="casebridge/discharges").json["error"] == "invalid_scope"
    token = answer.json["access_token"]
    plan = rivers_house.get("/fhir/CarePlan", token=token).json["entry"][0]["resource"]
    for method, path in (
        ("PUT", f"/fhir/CarePlan/{plan['id']}"),
        ("POST", "/fhir/Encounter"),
        ("GET", "/api/quarantine"),
    ):
        assert rivers_house.ask(method, path, token=token, json=plan).status_code == 403


BAD = {
    "no reason": smart_client.emergency(" ", PERSONS, "river"),
    "a long reason": smart_client.emergency("x" * 1_001, PERSONS, "river"),
    "a number": {
        "hl7-b2b": {"purpose_of_use": ["BTG"], "reason": 7, "patient": {"system": "s", "value": "v"}}
    },
    "no patient": {"hl7-b2b": {"purpose_of_use": ["BTG"], "reason": REASON}},
    "no system": {"hl7-b2b": {"purpose_of_use": ["BTG"], "reason": REASON, "patient": {"value": "river"}}},
    "nobody": smart_client.emergency(REASON, PERSONS, "nobody"),
    "another system": smart_client.emergency(REASON, "urn:example:clients", "river"),
    "for more": {
        "hl7-b2b": {
            **smart_client.emergency(REASON, PERSONS, "river")["hl7-b2b"],
            "purpose_of_use": ["BTG", "TREAT"],
        }
    },
}


@pytest.mark.parametrize("bad", BAD)
def test_without_a_reason_and_a_person_nothing_is_opened(rivers_house, bad):
    answer = asked(rivers_house, extensions=BAD[bad])
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert messages(rivers_house) == []


def test_who_may_not_break_the_glass_is_told_so_and_learns_nothing(rivers_house):
    for name in ("river", "nobody"):
        answer = asked(rivers_house, name, partner="northern")
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
        assert "expected codes" in answer.json["error_description"]
    assert messages(rivers_house) == []


def messages(house):
    Outbox(house.engine).number()
    every = house.get("/events?_count=1000", partner="engineer").json
    return [message for message in every if message["type"] == "org.casebridge.client.glass-broken.v1"]


@pytest.fixture(autouse=True)
def database(house, engine):
    house.engine = engine


def test_it_is_told_without_personal_data_in_the_order_of_the_client(rivers_house):
    opened(rivers_house)
    opened(rivers_house)
    first, second = messages(rivers_house)
    for message in (first, second):
        check_fed(message)
        assert message["data"] == {"reference": message["subject"], "partner": "mercy"}
        assert message["partitionkey"] == message["subject"]
        assert "river" not in json.dumps(message)
        assert REASON not in json.dumps(message)
    assert int(second["sequence"]) == int(first["sequence"]) + 1
    client = {**river.CLIENT, "identifiers": [{"system": PERSONS, "value": "river"}], "gender": "female"}
    answer = rivers_house.ask(
        "PUT", "/api/clients/river", partner="cms", json=client, headers={"If-Match": 'W/"1"'}
    )
    assert answer.status_code == 200
    Outbox(rivers_house.engine).number()
    every = rivers_house.get("/events?_count=1000", partner="engineer").json
    numbers = [int(event["sequence"]) for event in every if event["partitionkey"] == first["subject"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_it_is_on_record_with_its_reason_before_the_token_is_given_and_so_is_what_is_read(rivers_house):
    token = opened(rivers_house)
    id_ = of(rivers_house, "river")[-1].split("/")[3]
    assert rivers_house.get(f"/fhir/Patient/{id_}", token=token).status_code == 200
    events = rivers_house.get(f"/fhir/AuditEvent?patient={id_}&agent=mercy", partner="desk").json["entry"]
    read, broken = (entry["resource"] for entry in events)
    assert broken["type"]["code"] == "110113"
    assert broken["subtype"][0]["code"] == "110127"
    (purpose,) = broken["purposeOfEvent"]
    assert (purpose["coding"][0]["code"], purpose["text"]) == ("BTG", REASON)
    assert broken["agent"][0]["network"]["address"] == "127.0.0.1"
    assert [entity["role"]["code"] for entity in broken["entity"] if "role" in entity] == ["4", "1"]
    assert read["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    items = rivers_house.get("/api/clients/river/disclosures", partner="cms").json["items"]
    mine = [(item["interaction"], item["purposes"]) for item in items if item["partner"] == "mercy"]
    assert mine == [("read", ["BTG"]), ("emergency-override", ["BTG"])]


def test_without_a_record_there_is_no_message_and_no_token(rivers_house, engine):
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_text RENAME TO audit_text_away"))
    assert asked(rivers_house).status_code in {500, 503}
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_text_away RENAME TO audit_text"))
    assert messages(rivers_house) == []


def test_an_erasure_forgets_why(rivers_house, engine):
    opened(rivers_house)
    for kind in ("cases", "clients"):
        uuid = rivers_house.get(f"/api/{kind}/river", partner="cms").headers["Casebridge-Id"]
        assert rivers_house.ask("DELETE", f"/api/{kind}/{uuid}", partner="desk").status_code == 204
    with engine.connect() as connection:
        texts = connection.execute(text("SELECT text FROM audit_text")).scalars().all()
    assert not any(REASON in text for text in texts)


def test_a_hospital_that_may_no_longer_is_let_in_with_no_such_token(settings, engine, mappings, rivers_house):
    partners = dict(registry.load(settings.partners))
    house = smart.House(settings, engine, mappings, partners=partners)
    token = opened(house)
    assert names_of(house, token) == {"river"}
    partners["mercy"] = replace(partners["mercy"], breaks_glass=False)
    answer = house.get("/fhir/Patient", token=token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
