"""A case that a hospital opened is taken over by a case system."""

import pytest

from service.values.access.scope import Scope
from tests.flows import river
from tests.flows.hospital import (
    DISCHARGED,
    PATHWAYS,
    PERSON,
    VISIT,
    Hospital,
    after,
    the_case,
)

OFFERED = Scope(source="cms", offered=("general",))


@pytest.fixture
def hospital(house, projection):
    return Hospital(house, projection, PATHWAYS)


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
