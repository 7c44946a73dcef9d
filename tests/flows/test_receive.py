"""A hospital's message comes to one correct case, or is kept, and is answered the same again."""

from dataclasses import replace

import pytest

from service.errors import Malformed
from service.flows.discharge.intake import Intake
from service.flows.discharge.receive import Reception
from service.values.access.scope import Partner, Scope
from service.values.inbound.inbox import UnderstoodMessage
from service.values.inbound.intake import IntakeSettings
from service.wire.json import parse
from tests.flows import river
from tests.flows.conftest import ALL
from tests.flows.hospital import (
    ADMITTED,
    BRAIN,
    DISCHARGED,
    GENERAL,
    PATHWAYS,
    PERSON,
    VISIT,
    Hospital,
    after,
    message,
    render,
    understand,
)

OFFERED = Scope(source="cms", offered=("general",))


@pytest.fixture
def hospital(house, projection):
    return Hospital(house, projection, PATHWAYS)


def the_case(house):
    (case,) = house.documents.find(ALL, "case", partner="local")
    return case


def test_a_discharge_opens_one_planned_case_with_stay_diagnosis_team_and_follow_up(hospital, house):
    outcome = hospital.send(DISCHARGED)
    assert (outcome.state, outcome.issues) == ("accepted", ())
    case = the_case(house)
    assert (case.uuid,) == outcome.cases
    assert (case.body["status"], case.source) == ("planned", "general")
    encounter = house.one("Encounter")
    assert encounter["status"] == "finished"
    assert encounter["period"] == {"end": "2026-02-27T14:00:00+01:00"}
    assert encounter["identifier"] == [VISIT]
    assert house.one("Condition")["code"]["coding"][0]["code"] == BRAIN["code"]
    names = [participant["member"].get("display") for participant in house.one("CareTeam")["participant"]]
    assert names == [None, "Doctor"]
    assert house.one("Organization")["name"] == "General Hospital"
    request = house.one("ServiceRequest")
    assert (request["intent"], request["status"]) == ("proposal", "draft")
    assert request["occurrencePeriod"] == {"start": "2026-02-27", "end": "2026-03-03"}
    assert house.one("Patient")["name"] == [{"family": "Rider", "given": ["River"]}]


def test_every_reference_of_a_hospitals_case_resolves(hospital, house):
    hospital.send(DISCHARGED)
    types = (
        "EpisodeOfCare",
        "CareTeam",
        "Encounter",
        "Condition",
        "ServiceRequest",
        "Patient",
        "Organization",
    )
    resources = [resource for type_ in types for resource in house.of(type_)]
    there = {f"{resource['resourceType']}/{resource['id']}" for resource in resources}

    def references(node):
        if isinstance(node, dict):
            yield from [node["reference"]] if "reference" in node else []
            for below in node.values():
                yield from references(below)
        elif isinstance(node, list):
            for below in node:
                yield from references(below)

    assert {reference for resource in resources for reference in references(resource)} <= there


def test_engineers_are_told_of_admission_discharge_and_its_cancelling(hospital, house):
    hospital.send(ADMITTED)
    hospital.send(DISCHARGED)
    hospital.send(after(DISCHARGED, 5, event="cancel-discharge"))
    messages = [(key, message["data"]) for key, message in house.new_messages() if key.startswith("case.")]
    assert [key for key, _ in messages] == [
        "case.opened",
        "case.admitted",
        "case.discharged",
        "case.discharge-cancelled",
    ]
    assert {data.get("stay") for _, data in messages[1:]} == {f"Encounter/{house.one('Encounter')['id']}"}


def test_the_same_again_is_answered_byte_for_byte_and_changes_nothing(hospital, house):
    first = hospital.send(DISCHARGED, "M-1")
    house.new_messages()
    again = hospital.send(DISCHARGED, "M-1")
    assert (again.state, again.entry) == ("duplicate", first.entry)
    assert again.answer == first.answer
    assert house.new_messages() == []


def test_a_message_with_other_content_under_the_same_key_is_used_and_flagged(hospital, house):
    hospital.send(ADMITTED, "M-1")
    other = hospital.send(DISCHARGED, "M-1")
    assert (other.state, other.flagged) == ("accepted", True)
    assert [issue.code for issue in other.issues] == ["duplicate"]
    assert house.one("Encounter")["status"] == "finished"


def test_another_partner_may_use_the_same_key(hospital):
    hospital.send(ADMITTED, "M-1")
    other = replace(GENERAL, name="other")
    assert not hospital.send({**ADMITTED, "patient": {"identifiers": [VISIT]}}, "M-1", partner=other).flagged


def test_the_bytes_are_kept_word_for_word(hospital):
    outcome = hospital.send(DISCHARGED)
    entry = hospital.entry(outcome)
    assert entry.inbound.raw == message(DISCHARGED, "x").raw
    assert (entry.state, entry.partner, entry.inbound.way) == ("accepted", "general", "http")


def test_the_same_discharge_by_two_ways_is_one_stay(hospital, house):
    hospital.send(DISCHARGED, "Bundle-1")
    hospital.send({**DISCHARGED, "recorded": "2026-02-27T15:00:01Z"}, "MSH-1")
    assert house.one("Encounter")["status"] == "finished"
    assert len(house.of("EpisodeOfCare")) == 1


def test_what_fails_is_kept_with_its_place_and_the_same_again_is_processed_anew(hospital, house):
    nobody = {**DISCHARGED, "patient": {"names": [{"family": "Nobody"}]}}
    first = hospital.send(nobody, "M-1")
    assert (first.state, first.reason) == ("quarantined", "no-patient")
    assert first.issues[0].where == "/patient/identifiers"
    assert hospital.entry(first).inbound.raw == message(nobody, "M-1").raw
    hospital.reception.forms["discharge"] = lambda *_: UnderstoodMessage((DISCHARGED,))
    second = hospital.send(nobody, "M-1")
    assert (second.state, second.entry) == ("accepted", first.entry)
    assert (hospital.entry(second).state, hospital.entry(second).reason) == ("accepted", "")
    assert hospital.send(nobody, "M-1").answer == second.answer
    assert len(house.of("Encounter")) == 1


def test_what_does_not_fit_the_contract_is_kept_with_a_pointer(hospital):
    outcome = hospital.send({**DISCHARGED, "event": "bogus"})
    assert (outcome.state, outcome.reason) == ("quarantined", "not-understood")
    assert [issue.where for issue in outcome.issues] == ["/event"]


def test_what_cannot_be_read_is_refused_and_not_kept(hospital, house):
    def unreadable(*_):
        raise Malformed("No JSON.")

    hospital.reception.forms["discharge"] = unreadable
    with pytest.raises(Malformed):
        hospital.send(DISCHARGED)
    assert house.store.look(lambda unit: unit.inbox.entries()) == []


def test_of_several_discharges_in_one_message_all_are_used_or_none(hospital, house):
    bad = {**DISCHARGED, "stay": {"kind": "inpatient"}}
    outcome = hospital.send([ADMITTED, bad])
    assert (outcome.state, outcome.reason) == ("quarantined", "no-stay")
    assert house.of("Patient") == []
    assert hospital.send([ADMITTED, DISCHARGED]).state == "accepted"


def test_nothing_in_a_message_is_kept_and_ignored(hospital):
    outcome = hospital.send([])
    assert (outcome.state, outcome.reason) == ("ignored", "nothing-to-do")
    assert hospital.send([], "M-1").state == "duplicate"


def test_a_test_message_opens_no_case(hospital, house):
    outcome = hospital.send({**DISCHARGED, "processing": "training"})
    assert (outcome.state, outcome.reason) == ("ignored", "other-processing")
    assert house.of("Patient") == []


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


class TestTakingOver:
    def test_a_case_system_finds_the_case_by_visit_or_person_and_takes_it_over_by_our_id(
        self, hospital, house
    ):
        hospital.send(DISCHARGED)
        for identifier in (VISIT, PERSON):
            pair = (identifier["system"], identifier["value"])
            (case,) = house.documents.find(OFFERED, "case", partner="cms", identifier=pair)
        plan = {"title": "Home again", "status": "active", "services": []}
        body = {"client": case.client, "status": "active", "plan": plan, "received": case.body["received"]}
        saved = house.documents.put(OFFERED, "cms", "case", case.uuid, body, {case.revision})
        assert (saved.document.source, saved.created) == ("cms", False)
        assert house.one("Encounter")["status"] == "finished"
        assert house.one("CarePlan")["activity"][0]["reference"]["reference"].startswith("ServiceRequest/")

    def test_a_case_system_that_puts_its_own_ids_takes_over_client_and_case(self, hospital, house):
        hospital.send(DISCHARGED)
        river_ = {**river.CLIENT, "coverages": []}
        client = house.documents.put(OFFERED, "cms", "client", "river", river_, None)
        assert not client.created
        case = house.documents.put(
            OFFERED, "cms", "case", "c1", {"client": "river", "status": "active"}, None
        )
        assert (case.created, case.document.source_id) == (False, "c1")
        assert len(house.of("Patient")) == len(house.of("EpisodeOfCare")) == 1
        assert house.documents.get(OFFERED, "cms", "case", "c1").body["received"]["stays"]

    def test_a_case_system_to_which_nothing_is_offered_sees_nothing(self, hospital, house):
        hospital.send(DISCHARGED)
        assert house.documents.find(Scope(source="other"), "case", partner="other") == []

    def test_what_a_hospital_brought_cannot_be_removed_or_changed(self, hospital, house):
        from service.errors import Rejected

        hospital.send(DISCHARGED)
        case = the_case(house)
        changed = {**case.body, "received": {**case.body["received"], "stays": []}}
        with pytest.raises(Rejected) as caught:
            house.documents.put(OFFERED, "cms", "case", case.uuid, changed, {case.revision})
        assert [issue.where for issue in caught.value.issues] == ["/received/stays"]
        copied = {"client": case.client, "status": "active", "stays": case.body["received"]["stays"]}
        with pytest.raises(Rejected) as caught:
            house.documents.put(OFFERED, "cms", "case", case.uuid, copied, {case.revision})
        assert [issue.where for issue in caught.value.issues] == ["/stays/0/id"]

    def test_a_proposal_is_accepted_by_its_id_and_told_of_when_its_discharge_is_cancelled(
        self, hospital, house
    ):
        hospital.send(DISCHARGED)
        case = the_case(house)
        (proposed,) = case.body["received"]["plan"]["services"]
        plan = {"title": "T", "status": "active", "services": [{**proposed, "status": "planned"}]}
        body = {"client": case.client, "status": "active", "plan": plan}
        house.documents.put(OFFERED, "cms", "case", case.uuid, body, {case.revision})
        assert house.one("ServiceRequest")["intent"] == "plan"
        hospital.send(after(DISCHARGED, 5, event="cancel-discharge"))
        assert the_case(house).body["received"]["unfounded"] == [proposed["id"]]
        assert house.one("ServiceRequest")["intent"] == "plan"

    def test_a_proposal_nobody_accepted_is_withdrawn_with_its_discharge(self, hospital, house):
        hospital.send(DISCHARGED)
        hospital.send(after(DISCHARGED, 5, event="cancel-discharge"))
        assert house.one("ServiceRequest")["status"] == "entered-in-error"

    def test_the_case_systems_own_parts_may_name_what_a_hospital_brought(self, hospital, house):
        hospital.send(DISCHARGED)
        case = the_case(house)
        (condition,) = case.body["received"]["conditions"]
        goal = {"id": "g", "status": "active", "description": "Read", "conditions": [condition["id"]]}
        body = {
            "client": case.client,
            "status": "active",
            "plan": {"title": "T", "status": "active", "goals": [goal]},
        }
        house.documents.put(OFFERED, "cms", "case", case.uuid, body, {case.revision})
        hospital.send(
            after(DISCHARGED, 5, event="update", stay={"identifiers": [VISIT]}, cleared=["stay.conditions"])
        )
        assert house.one("Goal")["addresses"][0]["reference"] == f"Condition/{house.one('Condition')['id']}"


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


def test_a_client_put_hastens_what_waits_for_it(hospital, house):
    careful = replace(GENERAL, intake=IntakeSettings(unknown_person="quarantine"))
    waiting = hospital.send(DISCHARGED, partner=careful)
    due = hospital.entry(waiting).due
    house.put("client", "river", {**river.CLIENT, "coverages": []})
    assert hospital.entry(waiting).due < due


def test_the_story_takes_any_form(house, projection):
    reception = Reception(
        house.store, Intake(projection, ()), house.documents.clock, {"discharge": understand}
    )
    assert (
        parse(reception.receive(GENERAL, message(ADMITTED, "k"), render).answer.body)["state"] == "accepted"
    )
