"""Which client and which case a hospital's stay comes to, and what becomes of the case."""

from dataclasses import replace

import pytest

from service.values.access.scope import Partner, Scope
from service.values.inbound.intake import IntakeSettings
from tests.flows import river
from tests.flows.conftest import ALL
from tests.flows.hospital import (
    ADMITTED,
    DISCHARGED,
    GENERAL,
    PATHWAYS,
    PERSON,
    VISIT,
    Hospital,
    after,
    the_case,
)


@pytest.fixture
def hospital(house, projection):
    return Hospital(house, projection, PATHWAYS)


@pytest.mark.parametrize(("setting", "state"), [("quarantine", "quarantined"), ("ignore", "ignored")])
def test_somebody_unknown_is_what_the_partners_settings_say(hospital, house, setting, state):
    careful = replace(GENERAL, intake=IntakeSettings(unknown_person=setting))
    outcome = hospital.send(DISCHARGED, partner=careful)
    assert (outcome.state, outcome.reason) == (state, "unknown-person")
    assert house.of("Patient") == []


def test_identifiers_of_two_clients_are_kept_never_guessed(hospital, house):
    house.put("client", "river", {**river.CLIENT, "coverages": []})
    other = {"system": PERSON["system"], "value": "R-2"}
    house.put("client", "other", {"names": [{"family": "Other"}], "identifiers": [other]})
    outcome = hospital.send({**DISCHARGED, "patient": {"identifiers": [PERSON, other]}})
    assert (outcome.state, outcome.reason) == ("quarantined", "several-clients")


def test_two_persons_with_the_same_name_on_a_server_are_kept_apart(hospital, house):
    theirs = replace(GENERAL, intake=IntakeSettings(bases=("https://ehr.example/fhir",)))
    own = {"system": "https://ehr.example/fhir/Patient", "value": "17"}
    hospital.send({**ADMITTED, "patient": {"identifiers": [PERSON, own]}}, partner=theirs)
    other = {"system": PERSON["system"], "value": "R-2"}
    outcome = hospital.send({**DISCHARGED, "patient": {"identifiers": [other, own]}}, partner=theirs)
    assert (outcome.state, outcome.reason) == ("quarantined", "other-person")
    assert len(house.of("Patient")) == 1


def test_two_persons_with_a_placeholder_for_a_number_are_two(hospital, house):
    nothing = {"system": "urn:example:social-security", "value": "000-00-0000"}
    other = {"system": PERSON["system"], "value": "R-2"}
    visit = {**ADMITTED["stay"], "identifiers": [{"system": "urn:example:visits", "value": "V-2"}]}
    hospital.send({**ADMITTED, "patient": {"identifiers": [PERSON, nothing]}})
    hospital.send({**ADMITTED, "patient": {"identifiers": [other, nothing]}, "stay": visit})
    assert len(house.of("Patient")) == 2


def test_a_number_of_a_visit_among_a_persons_numbers_finds_nobody(hospital, house):
    number = {"system": PERSON["system"], "value": "R-9"}
    visit = {**number, "type": "VN"}
    hospital.send({**ADMITTED, "patient": {"identifiers": [PERSON, visit]}})
    other = {**ADMITTED["stay"], "identifiers": [{**VISIT, "value": "V-9"}]}
    assert (
        hospital.send({**ADMITTED, "patient": {"identifiers": [number]}, "stay": other}).state == "accepted"
    )
    assert len(house.of("Patient")) == 2


def test_a_stay_comes_into_no_case_that_lost_its_only_one(rivers_house, projection):
    hospital = Hospital(rivers_house, projection, PATHWAYS)
    numbers = [{**VISIT, "value": number} for number in ("V-1", "V-2", "V-3")]

    def admit(minutes, *identifiers):
        stay = {**ADMITTED["stay"], "identifiers": list(identifiers)}
        return hospital.send(after(ADMITTED, minutes, stay=stay)).cases

    (first,) = admit(0, numbers[0])
    closed = {"status": "finished", "closure": {"reason": "goals-met", "date": "2026-03-01"}}
    rivers_house.put("case", "c1", {**river.CASE, **closed}, if_match=2)
    (second,) = admit(5, numbers[1])
    assert first != second
    # one stay has both numbers
    admit(10, *numbers[:2])
    (third,) = admit(15, numbers[2])
    statuses = {
        document.uuid: document.body["status"]
        for document in rivers_house.store.documents(ALL, "case", count=100)
    }
    assert (statuses[second], statuses[third]) == ("cancelled", "planned")


def test_a_visit_number_of_another_client_is_kept(hospital):
    hospital.send(ADMITTED)
    somebody = {"identifiers": [{"system": PERSON["system"], "value": "R-2"}]}
    outcome = hospital.send({**DISCHARGED, "patient": somebody})
    assert (outcome.state, outcome.reason) == ("quarantined", "stay-elsewhere")


def test_a_known_client_gets_the_stay_into_the_live_case(rivers_house, projection):
    hospital = Hospital(rivers_house, projection, PATHWAYS)
    hospital.send(DISCHARGED)
    case = the_case(rivers_house)
    assert (case.source, case.body["status"]) == ("cms", "active")
    assert case.body["received"]["stays"][0]["status"] == "finished"
    assert len(rivers_house.one("CarePlan")["activity"]) == len(river.CASE["plan"]["services"]) + 1


def test_an_outpatient_visit_opens_no_case_until_it_becomes_a_stay(hospital, house):
    visit = {**ADMITTED, "event": "register", "stay": {**ADMITTED["stay"], "kind": "outpatient"}}
    assert hospital.send(visit).state == "accepted"
    assert house.of("EpisodeOfCare") == []
    inpatient = {"identifiers": [VISIT], "kind": "inpatient"}
    hospital.send(after(visit, 5, event="change-class", stay=inpatient, contacts=[]))
    encounter = house.one("Encounter")
    assert (encounter["class"]["code"], encounter["status"]) == ("IMP", "in-progress")
    assert encounter["period"] == {"start": "2026-02-20T09:00:00+01:00"}


def test_a_cancelled_admission_cancels_the_case_nobody_took_over(hospital, house):
    hospital.send(ADMITTED)
    hospital.send(after(ADMITTED, 5, event="cancel-admit"))
    assert the_case(house).body["status"] == "cancelled"
    assert house.one("Encounter")["status"] == "cancelled"


def test_a_death_ends_stay_and_case_and_proposes_nothing(hospital, house):
    hospital.send(ADMITTED)
    hospital.send(after(ADMITTED, 5, event="death", happened="2026-02-20T10:04:00Z"))
    assert the_case(house).body["closure"] == {"reason": "died", "date": "2026-02-20"}
    assert house.one("Patient")["deceasedDateTime"] == "2026-02-20T10:04:00Z"
    assert house.of("ServiceRequest") == []


def test_a_disposition_of_death_ends_the_case_and_proposes_nothing_until_it_is_taken_back(hospital, house):
    expired = {"system": "http://terminology.hl7.org/CodeSystem/discharge-disposition", "code": "exp"}
    stay = {**DISCHARGED["stay"], "disposition": expired}
    hospital.send({**DISCHARGED, "stay": stay})
    assert the_case(house).body["closure"] == {"reason": "died", "date": "2026-02-27"}
    assert "plan" not in the_case(house).received
    hospital.send(after(DISCHARGED, 5, event="cancel-discharge", stay=ADMITTED["stay"]))
    assert the_case(house).body["status"] == "planned"


def test_a_death_that_was_told_by_a_flag_is_taken_back(hospital, house):
    hospital.send({**ADMITTED, "patient": {**ADMITTED["patient"], "has_died": True}})
    assert the_case(house).body["status"] == "finished"
    hospital.send(after(ADMITTED, 5, event="update", cleared=["patient.deceased"]))
    assert the_case(house).body["status"] == "planned"


def test_an_insurance_a_hospital_tells_of_discloses_nothing(hospital, house):
    payer = {"name": "Northern", "identifiers": [{"system": "urn:example:payers", "value": "northern"}]}
    hospital.send({**DISCHARGED, "coverages": [{"payer": payer, "subscriber_id": "7"}]})
    assert house.one("Coverage")["status"] == "draft"
    northern = Scope(payers=(("urn:example:payers", "northern"),))
    assert house.store.document(northern, "client", "x", the_case(house).client) is None
    from service.values.kept.resources import Query

    assert house.disclosure.search(northern, Query("Patient")).total == 0


def test_whereabouts_are_held_back_when_a_hospital_says_so(rivers_house, projection):
    hospital = Hospital(rivers_house, projection, PATHWAYS)
    hospital.send({**ADMITTED, "stay": {**ADMITTED["stay"], "location": "Ward 3"}})
    assert rivers_house.one("Encounter")["location"] == [{"location": {"display": "Ward 3"}}]
    secret = {"identifiers": [PERSON], "protected_identity": True}
    hospital.send(after(ADMITTED, 5, event="update", patient=secret))
    assert "location" not in rivers_house.one("Encounter")
    assert "telecom" not in rivers_house.one("Patient")


def test_what_another_hospital_says_leaves_alone_whom_the_first_named(hospital, house, projection):
    """General Hospital has no identifier here, and is found again as the word of who named it."""
    hospital.send(DISCHARGED)
    other = Partner("lakeside", "hospital")
    second = {**ADMITTED["stay"], "identifiers": [{"system": VISIT["system"], "value": "V-2"}]}
    hospital.send(after(ADMITTED, 5, stay=second), partner=other)
    hospital.send(after(DISCHARGED, 5))
    assert len(house.of("Organization")) == 2
    versions = {
        organization["id"]: organization["meta"]["versionId"] for organization in house.of("Organization")
    }
    assert set(versions.values()) == {"1"}
    providers = {
        encounter["identifier"][0]["value"]: encounter["serviceProvider"]
        for encounter in house.of("Encounter")
    }
    assert providers["V-1"] != providers["V-2"]


def test_what_is_erased_is_erased_from_the_inbox_and_does_not_come_back(hospital, house):
    sent = hospital.send(DISCHARGED, "M-1")
    case = the_case(house)
    house.documents.erase(ALL, "local", "case", case.uuid)
    house.documents.erase(ALL, "local", "client", case.client)
    entry = hospital.entry(sent)
    assert (entry.state, entry.inbound.raw, entry.answer) == ("erased", b"", None)
    assert hospital.send(DISCHARGED, "M-1").state == "duplicate"
    assert house.of("Patient") == []


def test_what_is_in_quarantine_about_somebody_erased_is_erased_too(hospital, house):
    hospital.send(ADMITTED)
    waiting = hospital.send({**DISCHARGED, "stay": {}})
    case = the_case(house)
    house.documents.erase(ALL, "local", "case", case.uuid)
    house.documents.erase(ALL, "local", "client", case.client)
    assert hospital.entry(waiting).state == "erased"
