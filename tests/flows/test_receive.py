"""A hospital's message comes to one correct case, or is kept, and is answered the same again."""

from dataclasses import replace

import pytest

from service.errors import Malformed
from service.flows.discharge.intake import Intake
from service.flows.discharge.receive import Reception
from service.values.inbound.inbox import UnderstoodMessage
from service.values.inbound.intake import IntakeSettings
from service.wire.json import parse
from tests.flows import river
from tests.flows.hospital import (
    ADMITTED,
    BRAIN,
    DISCHARGED,
    GENERAL,
    PATHWAYS,
    VISIT,
    Hospital,
    after,
    message,
    render,
    the_case,
    understand,
)


@pytest.fixture
def hospital(house, projection):
    return Hospital(house, projection, PATHWAYS)


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
