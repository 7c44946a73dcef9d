"""Who a stay is about when nothing but a reference to the partner's own server says so."""

import pytest

from tests.web.sent import PERSON, VISIT, Mercy, encounter, outcomes, parts

BASE = "https://harbour.example/fhir"
RIVER = {"system": f"{BASE}/Patient", "value": "123"}


@pytest.fixture
def harbour(house):
    return Mercy(house, "harbour")


def alone(reference, visit="V-1", **more):
    """A stay whose patient is a literal reference alone."""
    alone_ = encounter(subject={"reference": reference}, identifier=[{**VISIT, "value": visit}], **more)
    del alone_["contained"]
    return alone_


def clients(house):
    return house.get("/api/clients", partner=None).json["items"]


@pytest.mark.parametrize(
    "again", ["Patient/123", f"{BASE}/Patient/123/_history/2", "http://10.0.0.7/r4/Patient/123"]
)
def test_the_same_reference_finds_the_same_client(harbour, again):
    assert harbour.send("/fhir/Encounter", alone("Patient/123")).status_code == 201
    assert harbour.send("/fhir/Encounter", alone(again, "V-2")).status_code == 201
    assert harbour.send("/fhir/Encounter", alone("Patient/124", "V-3")).status_code == 201
    identifiers_ = [client["document"]["identifiers"] for client in clients(harbour.house)]
    assert sorted(identifiers_, key=str) == [[RIVER], [{**RIVER, "value": "124"}]]
    assert len(harbour.cases()) == 2


def test_who_was_sent_with_their_address_is_found_by_it_later(harbour):
    stay, patient, _ = parts(f"{BASE}/Patient/123")
    del stay["diagnosis"]
    sent = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": resource, "fullUrl": f"{BASE}/{url}", "request": {"method": "PUT", "url": url}}
            for resource, url in ((stay, "Encounter/e1"), (patient, "Patient/123"))
        ],
    }
    assert harbour.send("/fhir", sent).status_code == 200
    assert harbour.send("/fhir/Encounter", alone("Patient/123", "V-2")).status_code == 201
    (client,) = clients(harbour.house)
    assert client["document"]["names"][0]["family"] == "Rider"
    known = [(identifier["system"], identifier["value"]) for identifier in client["document"]["identifiers"]]
    assert set(known) == {tuple(PERSON.values()), tuple(RIVER.values())}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://other.example/fhir/Patient/123",
        "https://harbour.example/fhirPatient/123",
        "urn:uuid:00000000-0000-4000-8000-000000000123",
        "Group/123",
    ],
)
def test_a_reference_to_elsewhere_says_nothing_of_who_it_is(harbour, elsewhere):
    answer = harbour.send("/fhir/Encounter", alone(elsewhere))
    assert answer.status_code == 202
    assert "no-patient" in outcomes(answer)[0][3]


def test_a_partner_without_a_base_names_nobody_by_reference(house):
    answer = Mercy(house).send("/fhir/Encounter", alone("Patient/123"))
    assert (answer.status_code, clients(house)) == (202, [])


def test_the_rule_for_unknown_persons_holds_for_who_is_not_known_by_reference(house):
    hillside = Mercy(house, "hillside")
    answer = hillside.send("/fhir/Encounter", alone("Patient/123"))
    assert answer.status_code == 202
    assert "unknown-person" in outcomes(answer)[0][3]
    assert clients(house) == []
    known = {
        "names": [{"family": "Rider"}],
        "identifiers": [{**RIVER, "system": "https://hillside.example/fhir/Patient"}],
    }
    assert house.put("/api/clients/r", known).status_code == 201
    assert hillside.send("/fhir/Encounter", alone("Patient/123")).status_code == 201


def test_a_stay_without_an_identifier_is_known_by_its_address(harbour):
    stay = alone("Patient/123", id="77")
    del stay["identifier"]
    first = harbour.send("/fhir/Encounter", stay)
    assert first.status_code == 201
    ended = {**stay, "meta": {"lastUpdated": "2026-02-28T15:00:00Z"}}
    assert harbour.send("/fhir/Encounter", ended).status_code == 200
    path = f"/fhir/{first.headers['Location'].partition('/fhir/')[2]}"
    assert harbour.house.get(path, partner=None).json["identifier"] == [
        {"system": f"{BASE}/Encounter", "value": "77"}
    ]
