"""What clients deny and what is sensitive, nobody sees who may not: not in totals, histories or versions."""

from datetime import UTC, datetime, timedelta

import pytest

from service.values.ids import resource_id
from tests.flows import river
from tests.web.sent import Mercy

TODAY = datetime.now(UTC).date()
ICD = "http://hl7.org/fhir/sid/icd-10"
REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - name: cleared
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    labels: [PSY, HIV]
  - name: managing
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    purpose: CAREMGT
  - {name: mercy, kind: hospital, identifiers: [{system: "urn:example:hospitals", value: mercy}], labels: [V]}
"""
MERCY = {
    "name": "Mercy",
    "kind": "hospital",
    "identifiers": [{"system": "urn:example:hospitals", "value": "mercy"}],
}
TEAM = [{"id": "hospital", "role": "hospital-contact", "organization": "mercy"}]


def day(ago):
    return (TODAY - timedelta(days=ago)).isoformat()


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


@pytest.fixture
def staffed(house):
    nobody = {"name": "No number", "kind": "other"}
    directory = {
        "organization/nobody": nobody,
        "organization/mercy": MERCY,
        "organization/northern": river.INSURER,
    }
    for path, document in {**directory, "practitioner/nurse": river.NURSE}.items():
        assert house.put(f"/api/directory/{path}", document).status_code == 201
    return house


def put(house, name, *consents, case=None):
    numbers = [{"system": "urn:example:persons", "value": name}]
    client = {**river.CLIENT, "identifiers": numbers}
    client |= {"consents": [{"id": f"c{n}", "status": "active", **c} for n, c in enumerate(consents)]}
    assert house.put(f"/api/clients/{name}", client).status_code == 201
    case = {**river.CASE, "client": name, "identifiers": numbers, "team": TEAM, **(case or {})}
    assert house.put(f"/api/cases/{name}", case).status_code == 201


def seen(house, partner, type_="Patient"):
    bundle = house.get(f"/fhir/{type_}", partner=partner).json
    names = {entry["resource"]["identifier"][0]["value"] for entry in bundle.get("entry", [])}
    assert len(names) == bundle["total"]
    return names


DENY = {"decision": "deny"}
# of each client's consents, whom they keep out
DENIED = {
    "all": ([DENY], {"northern", "managing", "mercy"}),
    "insurer": ([{**DENY, "recipient": "northern"}], {"northern", "managing"}),
    "nobody-known": ([{**DENY, "recipient": "nobody"}], {"northern", "managing", "mercy"}),
    "hospital": ([{**DENY, "recipient": "mercy"}], {"mercy"}),
    "payment": ([{**DENY, "purposes": ["HPAYMT"]}], {"northern"}),
    "operations": ([{**DENY, "purposes": ["HOPERAT"]}], {"managing"}),
    "emergency": ([{**DENY, "purposes": ["ETREAT", "BTG"]}], set()),
    "permitted": ([{"decision": "permit"}, {**DENY, "recipient": "mercy"}], {"mercy"}),
    "over": ([{**DENY, "period": {"end": day(1)}}], set()),
    "to-come": ([{**DENY, "period": {"start": day(-1)}}], set()),
    "today": ([{**DENY, "period": {"start": day(0), "end": day(0)}}], {"northern", "managing", "mercy"}),
    "inactive": ([{**DENY, "status": "inactive"}], set()),
    "sensitive": ([{**DENY, "labels": ["PSY"]}], set()),
}


def test_a_consent_denies_by_recipient_purpose_and_period_and_deny_wins(staffed):
    for name, (consents, _) in DENIED.items():
        put(staffed, name, *consents)
    for partner in ("northern", "managing", "mercy"):
        left = {name for name, (_, kept_out) in DENIED.items() if partner not in kept_out}
        for type_ in ("Patient", "CarePlan", "EpisodeOfCare", "CareTeam"):
            assert seen(staffed, partner, type_) == left
    assert seen(staffed, "cms") == set(DENIED)
    everyone = staffed.get("/fhir/Patient", partner=None).json["entry"]
    ids = {entry["resource"]["identifier"][0]["value"]: entry["resource"]["id"] for entry in everyone}
    for end in ("", "/_history", "/_history/1"):
        assert staffed.get(f"/fhir/Patient/{ids['all']}{end}", partner="northern").status_code == 404
        assert staffed.get(f"/fhir/Patient/{ids['hospital']}{end}", partner="northern").status_code == 200


def test_a_consent_holds_at_once_and_no_longer_than_it_is_there(staffed):
    put(staffed, "river")
    put(staffed, "other", DENY)
    client, headers = {**river.CLIENT, "consents": []}, {"If-Match": 'W/"1"'}
    client["identifiers"] = [{"system": "urn:example:persons", "value": "river"}]
    denied = {**client, "consents": [{"id": "c", "status": "active", "decision": "deny"}]}
    assert staffed.put("/api/clients/river", denied, headers=headers).status_code == 200
    assert seen(staffed, "northern") == set()
    path = staffed.get("/fhir/Patient?identifier=river", partner=None).json["entry"][0]["resource"]["id"]
    nurse = staffed.get("/fhir/CarePlan", partner=None).json["entry"][0]["resource"]["author"]["reference"]
    # nobody of whom something is seen refers to her
    assert staffed.get(f"/fhir/{nurse}", partner="northern").status_code == 404
    assert staffed.put("/api/clients/river", client, headers={"If-Match": 'W/"2"'}).status_code == 200
    assert seen(staffed, "northern") == {"river"}
    assert staffed.get(f"/fhir/Patient/{path}", partner="northern").status_code == 200
    assert staffed.get(f"/fhir/{nurse}", partner="northern").status_code == 200


def condition(code, system=ICD):
    return {
        "conditions": [{"id": "c", "code": {"system": system, "code": code}, "clinical_status": "active"}]
    }


def condition_of(house, name):
    plans = house.get("/fhir/CarePlan", partner=None).json["entry"]
    (plan,) = [p["resource"] for p in plans if p["resource"]["identifier"][0]["value"] == name]
    return f"/fhir/{plan['addresses'][0]['reference']}"


def test_who_has_the_number_of_a_partner_in_another_system_is_somebody_else(staffed):
    for name in ("northern", "mercy"):
        number = {"system": "urn:example:elsewhere", "value": name}
        alike = {"name": name, "kind": "other", "identifiers": [number]}
        assert staffed.put(f"/api/directory/organization/alike-{name}", alike).status_code == 201
    put(staffed, "denying", {**DENY, "recipient": "alike-northern"}, {**DENY, "recipient": "alike-mercy"})
    team = [{**TEAM[0], "organization": "alike-mercy"}]
    coverage = {"id": "main", "status": "active", "payer": "alike-northern"}
    client = {
        **river.CLIENT,
        "identifiers": [{"system": "urn:x", "value": "theirs"}],
        "coverages": [coverage],
    }
    assert staffed.put("/api/clients/theirs", client).status_code == 201
    case = {**river.CASE, "client": "theirs", "identifiers": [], "team": team}
    assert staffed.put("/api/cases/theirs", case).status_code == 201
    for partner in ("northern", "mercy"):
        assert seen(staffed, partner) == {"denying"}


@pytest.mark.parametrize(
    ("code", "labels", "readers"),
    [
        ("S72.3", [], {"northern", "cleared", "mercy"}),
        ("F32.1", ["PSY", "R"], {"cleared"}),
        ("F10.2", ["SUD", "R"], set()),
        ("B20", ["HIV", "R"], {"cleared"}),
    ],
)
def test_a_sensitive_diagnosis_is_labelled_and_seen_by_who_is_cleared_for_it(staffed, code, labels, readers):
    put(staffed, "river", case=condition(code))
    path = condition_of(staffed, "river")
    security = staffed.get(path, partner=None).json["meta"].get("security", [])
    assert [label["code"] for label in security] == labels
    for partner in ("northern", "cleared", "mercy"):
        for end in ("", "/_history", "/_history/1"):
            status = staffed.get(path + end, partner=partner).status_code
            assert status == (200 if partner in readers else 404), (partner, end)


def test_a_diagnosis_that_becomes_sensitive_was_so_before(staffed):
    put(staffed, "river", case=condition("S72.3"))
    path = condition_of(staffed, "river")
    assert staffed.get(f"{path}/_history/1", partner="northern").status_code == 200
    case = {**river.CASE, "client": "river", "team": TEAM, **condition("F32.1")}
    assert staffed.put("/api/cases/river", case, headers={"If-Match": 'W/"1"'}).status_code == 200
    for end in ("", "/_history", "/_history/1", "/_history/2"):
        assert staffed.get(path + end, partner="northern").status_code == 404
        assert staffed.get(path + end, partner="cleared").status_code == 200


def test_a_plan_that_lists_a_sensitive_service_in_words_is_as_sensitive(staffed):
    service = {"id": "talk", "kind": "mental-health-service", "status": "active"}
    put(staffed, "river", case={"plan": {**river.CASE["plan"], "services": [service]}})
    put(staffed, "robin")
    assert seen(staffed, "northern", "CarePlan") == {"robin"}
    assert seen(staffed, "cleared", "CarePlan") == {"river", "robin"}
    assert seen(staffed, "northern", "EpisodeOfCare") == {"river", "robin"}


def test_a_client_denies_what_is_sensitive_even_to_who_is_cleared(staffed):
    put(staffed, "river", {**DENY, "labels": ["PSY"]}, case=condition("F32.1"))
    put(staffed, "robin", {**DENY, "labels": ["HIV"]}, case=condition("F32.1"))
    for name, status in (("river", 404), ("robin", 200)):
        assert staffed.get(condition_of(staffed, name), partner="cleared").status_code == status
    assert seen(staffed, "cleared") == {"river", "robin"}


def test_everything_of_a_patient_leads_to_nobody_by_what_is_withheld(staffed):
    therapist = {**river.NURSE, "names": [{"family": "Therapist"}]}
    assert staffed.put("/api/directory/practitioner/therapist", therapist).status_code == 201
    service = {"id": "talk", "kind": "mental-health-service", "status": "active", "practitioner": "therapist"}
    put(staffed, "river", case={"plan": {**river.CASE["plan"], "services": [service]}})
    patient = staffed.get("/fhir/Patient", partner="cleared").json["entry"][0]["resource"]["id"]

    def families(partner, query):
        bundle = staffed.get(f"/fhir/Patient/{patient}/$everything{query}", partner=partner).json
        named = [entry["resource"] for entry in bundle.get("entry", ())]
        return {
            resource["name"][0]["family"] for resource in named if resource["resourceType"] == "Practitioner"
        }

    for query in ("", "?_type=Practitioner"):
        assert families("cleared", query) == {"Example", "Therapist"}
        assert families("northern", query) == {"Example"}


def test_whom_only_what_is_withheld_names_is_withheld_too(staffed):
    therapist = {**river.NURSE, "names": [{"family": "Therapist"}]}
    answer = staffed.put("/api/directory/practitioner/therapist", therapist)
    service = {"id": "talk", "kind": "mental-health-service", "status": "active", "practitioner": "therapist"}
    put(staffed, "river", case={"plan": {**river.CASE["plan"], "services": [service]}})
    path = f"/fhir/Practitioner/{resource_id(answer.headers['Casebridge-Id'], 'Practitioner', '')}"
    for partner, status, total in (("cleared", 200, 2), ("northern", 404, 1), ("mercy", 404, 1)):
        for end in ("", "/_history", "/_history/1"):
            assert staffed.get(path + end, partner=partner).status_code == status, (partner, end)
        assert staffed.get("/fhir/Practitioner?_total=accurate", partner=partner).json["total"] == total


def test_a_document_tells_nothing_that_is_withheld_and_bears_the_labels_of_what_it_tells(staffed):
    service = {"id": "talk", "kind": "mental-health-service", "status": "active"}
    diagnosis = condition("F32.1")["conditions"]
    put(
        staffed,
        "river",
        case={"plan": {**river.CASE["plan"], "services": [service]}, "conditions": diagnosis},
    )
    (episode,) = staffed.get("/fhir/EpisodeOfCare", partner="cleared").json["entry"]
    address = f"/fhir/EpisodeOfCare/{episode['resource']['id']}/$document"
    cleared, northern = (staffed.get(address, partner=partner) for partner in ("cleared", "northern"))
    assert {label["code"] for label in cleared.json["meta"]["security"]} == {"PSY", "R"}
    assert "meta" not in northern.json
    for words in ("mental health service", "F32.1", "Back on the bicycle"):
        assert (words in cleared.get_data(as_text=True), words in northern.get_data(as_text=True)) == (
            True,
            False,
        )
    assert "Example" in northern.get_data(as_text=True)


def merge(house, one, into):
    """Have a hospital say that two numbers are one person's; the first is no longer used."""
    message = (
        f"MSH|^~\\&|ADT|MERCY|||20260301150000+0000||ADT^A40|M-{one}|P|2.5\r"
        f"EVN|A40|20260301150000+0000\r"
        f"PID|1||{into}^^^&urn:example:persons&URI\r"
        f"MRG|{one}^^^&urn:example:persons&URI\r"
    )
    answer = Mercy(house).hl7v2(message.encode())
    assert (answer.status_code, b"MSA|AA" in answer.data) == (200, True), answer.data


def test_what_somebody_denied_holds_of_whom_they_have_become_and_no_longer_once_that_is_undone(staffed):
    put(staffed, "river")
    put(staffed, "robin", DENY)
    put(staffed, "ash", {**DENY, "recipient": "northern"})
    assert seen(staffed, "northern") == {"river"}
    merge(staffed, "robin", "river")
    assert seen(staffed, "northern", "EpisodeOfCare") == set()
    assert seen(staffed, "northern") == set()
    robin = {**river.CLIENT, "identifiers": [{"system": "urn:example:persons", "value": "robin"}]}
    for consents, left in (([], {"river", "robin"}), ([{"id": "c", "status": "active", **DENY}], set())):
        match = {"If-Match": staffed.get("/api/clients/robin").headers["ETag"]}
        answer = staffed.put("/api/clients/robin", robin | {"consents": consents}, headers=match)
        assert answer.status_code == 200, answer.json
        assert seen(staffed, "northern") == left
    assert staffed.ask("POST", "/api/clients/robin/unmerge").status_code == 200
    assert seen(staffed, "northern") == {"river"}


def test_what_somebody_denies_holds_of_the_record_that_they_were(staffed):
    put(staffed, "river", DENY)
    put(staffed, "robin")
    assert seen(staffed, "northern") == {"robin"}
    merge(staffed, "robin", "river")
    assert seen(staffed, "northern") == set()
    assert staffed.ask("POST", "/api/clients/robin/unmerge").status_code == 200
    assert seen(staffed, "northern") == {"robin"}
