"""Clients are merged, and a wrong merge is undone."""

from datetime import UTC, datetime

import pytest

from service.access.policy import LOCAL
from service.errors import Conflict, NotFound
from service.flows.case.identity.merging import Unmerging
from service.values.access.scope import Partner, Scope
from tests.flows import river
from tests.flows.conftest import ALL
from tests.flows.hospital import ADMITTED, DISCHARGED, PATHWAYS, PERSON, VISIT, Hospital, after

OLD = {"system": PERSON["system"], "value": "R-old"}
MERGE = {
    "event": "merge",
    "recorded": "2026-02-28T10:00:00Z",
    "patient": {"identifiers": [PERSON], "merged_from": [OLD]},
}
OTHER = {
    **ADMITTED,
    "patient": {"identifiers": [OLD]},
    "stay": {**ADMITTED["stay"], "identifiers": [{"system": VISIT["system"], "value": "V-2"}]},
}


def bare(resource):
    return {key: value for key, value in resource.items() if key != "meta"}


@pytest.fixture
def hospital(house, projection):
    return Hospital(house, projection, PATHWAYS)


class TestMerging:
    def live(self, house):
        (client,) = [
            e for e in house.documents.find(ALL, "case", partner="x") if e.body["status"] == "planned"
        ]
        return client

    def test_a_merged_client_is_inactive_with_a_link_and_its_stays_follow(self, hospital, house):
        hospital.send(OTHER)
        hospital.send(DISCHARGED)
        hospital.send(MERGE)
        old, new = sorted(house.of("Patient"), key=lambda patient: patient.get("active", True))
        assert (old["active"], old["link"]) == (
            False,
            [{"other": {"reference": f"Patient/{new['id']}"}, "type": "replaced-by"}],
        )
        assert len(self.live(house).body["received"]["stays"]) == 2

    def test_whom_a_late_message_names_by_the_old_number_is_the_same(self, hospital, house):
        hospital.send(MERGE)
        hospital.send(OTHER)
        hospital.send(DISCHARGED)
        assert len(house.of("Patient")) == 1
        assert len(self.live(house).body["received"]["stays"]) == 2
        hospital.send(MERGE)
        assert len(house.of("Patient")) == 1

    def test_a_number_that_replaces_another_is_no_other_persons(self, hospital, house):
        national = {"system": "urn:example:nation", "value": "N-1"}
        hospital.send({**ADMITTED, "patient": {"identifiers": [OLD, national]}})
        replaced = {"identifiers": [PERSON, national], "merged_from": [OLD]}
        assert hospital.send({**MERGE, "patient": replaced}).state == "accepted"
        assert hospital.send(DISCHARGED).state == "accepted"
        assert len(house.of("Patient")) == 1

    def test_after_a_merge_the_old_number_still_finds_who_stays(self, hospital, house):
        hospital.send(OTHER)
        hospital.send(DISCHARGED)
        hospital.send(MERGE)
        assert hospital.send(after(OTHER, 5, event="discharge")).state == "accepted"
        assert hospital.send(after(MERGE, 5)).state == "accepted"
        statuses = {stay["status"] for stay in self.live(house).body["received"]["stays"]}
        assert statuses == {"finished"}

    def test_a_case_systems_case_moves_to_who_stays(self, rivers_house, projection):
        hospital = Hospital(rivers_house, projection, PATHWAYS)
        old = {"system": PERSON["system"], "value": "R-1"}
        new = {"system": PERSON["system"], "value": "R-new"}
        hospital.send({**ADMITTED, "patient": {"identifiers": [new]}})
        hospital.send({**MERGE, "patient": {"identifiers": [new], "merged_from": [old]}})
        case = rivers_house.documents.get(ALL, "cms", "case", "c1")
        assert len(case.body["received"]["stays"]) == 1
        plan = rivers_house.one("CarePlan")
        (survivor,) = [patient for patient in rivers_house.of("Patient") if patient.get("active", True)]
        assert plan["subject"]["reference"] == f"Patient/{survivor['id']}"
        rivers_house.put("case", "c1", {**river.CASE, "status": "onhold"}, if_match=case.revision)


class TestUnmerging:
    """A wrong merge is undone by whoever owns the merged client, or the operator."""

    @pytest.fixture
    def unmerging(self, house, projection):
        return Unmerging(house.store, projection, PATHWAYS, lambda: datetime(2026, 3, 2, tzinfo=UTC))

    def clients(self, house):
        return {patient["identifier"][0]["value"]: patient for patient in house.of("Patient")}

    def cases(self, house):
        """Of each live case the client and the visits of its stays."""
        return {
            case.client: sorted(stay["identifiers"][0]["value"] for stay in case.body["received"]["stays"])
            for case in house.documents.find(ALL, "case", partner="x")
            if case.body["status"] == "planned"
        }

    def merged(self, house):
        (client,) = [
            client
            for client in house.documents.find(ALL, "client", partner="x")
            if house.documents.get(ALL, "x", "client", client.uuid).body["identifiers"][0]["value"] == "R-old"
        ]
        return client.uuid

    def test_both_are_as_they_were_and_each_has_its_cases_again(self, hospital, house, unmerging):
        hospital.send(OTHER)
        hospital.send(DISCHARGED)
        before, cases = self.clients(house), self.cases(house)
        hospital.send(MERGE)
        assert self.cases(house) != cases
        client = unmerging.undo(ALL, LOCAL, self.merged(house))
        assert client.own["identifiers"][0]["value"] == "R-old"
        assert {key: bare(client) for key, client in self.clients(house).items()} == {
            key: bare(value) for key, value in before.items()
        }
        assert self.cases(house) == cases
        for plan in house.of("EpisodeOfCare"):
            if plan["status"] == "planned":
                assert plan["patient"]["reference"].removeprefix("Patient/") in {
                    client["id"] for client in self.clients(house).values()
                }

    def test_who_stays_says_again_what_the_merge_overruled(self, hospital, house, unmerging):
        hospital.send(DISCHARGED)
        (patient,) = self.clients(house).values()
        assert (patient["gender"], patient.get("birthDate")) == ("other", None)
        later = {"gender": "male", "birth_date": "1980-01-01"}
        hospital.send(after(DISCHARGED, 5, patient={"identifiers": [OLD], **later}, stay=OTHER["stay"]))
        hospital.send(MERGE)
        merged = self.clients(house)["R-1"]
        assert (merged["gender"], merged["birthDate"]) == ("male", "1980-01-01")
        unmerging.undo(ALL, LOCAL, self.merged(house))
        clients = self.clients(house)
        assert bare(clients["R-1"]) == bare(patient)
        assert (clients["R-old"]["gender"], clients["R-old"]["birthDate"]) == ("male", "1980-01-01")

    def test_what_was_said_of_who_stays_since_the_merge_stays(self, hospital, house, unmerging):
        hospital.send(DISCHARGED)
        hospital.send(
            after(DISCHARGED, 5, patient={"identifiers": [OLD], "gender": "male"}, stay=OTHER["stay"])
        )
        hospital.send(MERGE)
        hospital.send(after(MERGE, 5, event="update", patient={"identifiers": [PERSON], "gender": "female"}))
        unmerging.undo(ALL, LOCAL, self.merged(house))
        genders = {value: client["gender"] for value, client in self.clients(house).items()}
        assert genders == {"R-1": "female", "R-old": "male"}

    def test_what_was_said_of_a_stay_since_the_merge_goes_with_it(self, hospital, house, unmerging):
        hospital.send(OTHER)
        hospital.send(DISCHARGED)
        hospital.send(MERGE)
        hospital.send(after(OTHER, 5, event="discharge"))
        cases = self.cases(house)
        unmerging.undo(ALL, LOCAL, self.merged(house))
        assert sorted(self.cases(house).values()) == [["V-1"], ["V-2"]]
        # the one that is withdrawn is the stay as it stood in the other's case
        statuses = sorted(encounter["status"] for encounter in house.of("Encounter"))
        assert statuses == ["entered-in-error", "finished", "finished"]
        assert len(cases) == 1
        # and the old number finds its own person again
        hospital.send(after(OTHER, 20, event="update", patient={"identifiers": [OLD], "gender": "male"}))
        genders = {value: client.get("gender") for value, client in self.clients(house).items()}
        assert genders == {"R-1": "other", "R-old": "male"}

    def test_since_when_a_stay_was_what_goes_with_it_into_the_other_case_and_back(
        self, hospital, house, unmerging
    ):
        def histories():
            return {
                encounter["identifier"][0]["value"]: [
                    past["status"] for past in encounter.get("statusHistory", [])
                ]
                for encounter in house.of("Encounter")
                if encounter["status"] != "entered-in-error"
            }

        hospital.send(DISCHARGED)
        hospital.send(OTHER)
        hospital.send(after(OTHER, 5, event="leave"))
        hospital.send(after(OTHER, 10, event="return"))
        before = histories()
        assert before == {"V-1": [], "V-2": ["in-progress", "onleave"]}
        hospital.send(MERGE)
        assert histories() == before
        hospital.send(after(OTHER, 15, event="discharge"))
        unmerging.undo(ALL, LOCAL, self.merged(house))
        assert histories() == {"V-1": [], "V-2": ["in-progress", "onleave", "in-progress"]}

    def test_a_number_of_somebody_unknown_is_taken_off_again(self, hospital, house, unmerging):
        hospital.send(DISCHARGED)
        hospital.send(MERGE)
        (client,) = house.documents.find(ALL, "client", partner="x")
        alias = (OLD["system"], OLD["value"])
        assert {identifier["value"] for identifier in house.one("Patient")["identifier"]} == {"R-1", "R-old"}
        with pytest.raises(Conflict, match="No merge gave"):
            unmerging.part(ALL, LOCAL, client.uuid, (PERSON["system"], PERSON["value"]))
        unmerging.part(ALL, LOCAL, client.uuid, alias)
        assert [identifier["value"] for identifier in house.one("Patient")["identifier"]] == ["R-1"]
        with pytest.raises(Conflict, match="No merge gave"):
            unmerging.part(ALL, LOCAL, client.uuid, alias)
        hospital.send(MERGE, "resent")
        hospital.send(OTHER)
        assert sorted(self.cases(house).values()) == [["V-1"], ["V-2"]]

    def test_the_same_merge_said_anew_merges_again_and_can_be_undone_again(self, hospital, house, unmerging):
        hospital.send(OTHER)
        hospital.send(DISCHARGED)
        for minutes in (0, 5):
            hospital.send(after(MERGE, minutes))
            assert len(self.cases(house)) == 1
            unmerging.undo(ALL, LOCAL, self.merged(house))
            assert len(self.cases(house)) == 2

    def test_a_case_systems_case_returns_with_its_plan(self, rivers_house, projection):
        hospital = Hospital(rivers_house, projection, PATHWAYS)
        new = {"system": PERSON["system"], "value": "R-new"}
        hospital.send({**ADMITTED, "patient": {"identifiers": [new]}})
        before = rivers_house.one("CarePlan")
        hospital.send({**MERGE, "patient": {"identifiers": [new], "merged_from": [PERSON]}})
        unmerging = Unmerging(
            rivers_house.store, projection, PATHWAYS, lambda: datetime(2026, 3, 2, tzinfo=UTC)
        )
        unmerging.undo(Scope(source="cms"), Partner("cms", "case-system"), "river")
        assert rivers_house.one("CarePlan")["subject"] == before["subject"]
        case = rivers_house.documents.get(ALL, "cms", "case", "c1")
        assert "received" not in case.body
        (other,) = [
            e for e in rivers_house.documents.find(ALL, "case", partner="x") if e.body["status"] == "planned"
        ]
        assert len(other.body["received"]["stays"]) == 1

    def test_what_cannot_be_undone_is_refused_with_the_reason(self, hospital, house, unmerging):
        hospital.send(OTHER)
        hospital.send(DISCHARGED)
        with pytest.raises(Conflict, match="not merged"):
            unmerging.undo(ALL, LOCAL, self.merged(house))
        with pytest.raises(NotFound):
            unmerging.undo(Scope(source="cms"), Partner("cms", "case-system"), self.merged(house))
        hospital.send(MERGE)
        third = {"system": PERSON["system"], "value": "R-third"}
        stay = {**ADMITTED["stay"], "identifiers": [{"system": VISIT["system"], "value": "V-3"}]}
        hospital.send({**ADMITTED, "patient": {"identifiers": [third]}, "stay": stay})
        hospital.send(after({**MERGE, "patient": {"identifiers": [third], "merged_from": [PERSON]}}, 5))
        with pytest.raises(Conflict, match="undo that first"):
            unmerging.undo(ALL, LOCAL, self.merged(house))
