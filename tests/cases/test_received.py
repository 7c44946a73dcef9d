"""What hospitals brought stands beside what the case system says, and proposes what follows."""

from dataclasses import replace

import pytest

from service.cases.facts import join
from service.cases.hospital.discharge import condition_id, key_of, moment, person_facts, stay_facts
from service.cases.hospital.received import of_case, of_client, whole, with_referenced_parts
from service.cases.pathways import due
from service.values.inbound.pathways import Pathway, Proposal

VISIT = {"system": "urn:example:visits", "value": "V-1"}
BRAIN = {"system": "urn:icd", "code": "S06.2"}
EVERYBODY = Pathway("everybody", (Proposal("call", "phone-check-in", 2, working=True),))
BRAINS = Pathway("brains", (Proposal("call", "phone-check-in", 1),), diagnoses=(("urn:icd", "S06"),))
GROUP = Pathway("group", (Proposal("visit", "home-visit", 7),), groups=("homelessness",))
SAID = {
    "event": "discharge",
    "recorded": "2026-03-06T10:00:00Z",
    "stay": {
        "identifiers": [VISIT],
        "kind": "inpatient",
        "period": {"end": "2026-03-06T11:00:00+01:00"},
        "conditions": [{"code": BRAIN, "kind": "discharge"}],
        "hospital": {"name": "General"},
    },
    "contacts": [
        {"role": "attending", "names": [{"family": "Known"}], "identifiers": [VISIT]},
        {"role": "primary-care", "names": [{"given": ["No"], "family": "Number"}]},
    ],
}


def link(kind, who):
    if kind == "practitioner" and "identifiers" not in who:
        return None
    return f"{kind}-uuid"


def received(said=SAID, pathways=(EVERYBODY,), **arguments):
    facts = stay_facts(said, moment(said["event"], said["recorded"]), "general")
    arguments_given = {"died": False, "group": None, **arguments}
    return of_case(
        {key_of(said, "general"): facts}, pathways=pathways, links=lambda _: link, **arguments_given
    )


def services(**arguments):
    return [
        (s["kind"], s.get("period", {}).get("end"))
        for s in received(**arguments).get("plan", {}).get("services", [])
    ]


def test_a_discharge_brings_stay_diagnoses_and_people_into_the_case():
    result = received()
    assert result["stays"][0]["conditions"] == [condition_id(BRAIN)]
    assert result["stays"][0]["hospital"] == "hospital-uuid"
    assert [condition["code"] for condition in result["conditions"]] == [BRAIN]
    assert [
        (member["role"], member.get("practitioner", member.get("name"))) for member in result["team"]
    ] == [
        ("hospital-contact", None),
        ("hospital-contact", "practitioner-uuid"),
        ("physician", "No Number"),
    ]


def test_a_discharge_says_who_took_part_in_the_stay_and_why_it_was():
    period, reasons = {"start": "2026-03-02"}, [{"text": "Fell off a bicycle"}]
    first, second = SAID["contacts"]
    stay = {**SAID["stay"], "reasons": reasons}
    (stay,) = received({**SAID, "stay": stay, "contacts": [{**first, "period": period}, second]})["stays"]
    assert stay["reasons"] == reasons
    ids = [participant.pop("id") for participant in stay["participants"]]
    assert len(set(ids)) == len(ids)
    assert stay["participants"] == [
        {"role": "attending", "practitioner": "practitioner-uuid", "period": period},
        {"role": "primary-care", "name": "No Number"},
    ]


def test_whoever_clears_the_reasons_of_a_stay_leaves_none():
    before = stay_facts({**SAID, "stay": {**SAID["stay"], "reasons": [{"text": "x"}]}}, (0, 0, 0), "general")
    after = {**SAID, "event": "update", "cleared": ["stay.reasons"]}
    facts = join(before, stay_facts(after, moment("update", SAID["recorded"]), "general"))
    arguments = {"died": False, "group": None, "pathways": (), "links": lambda _: link}
    assert "reasons" in of_case({"k": before}, **arguments)["stays"][0]
    assert "reasons" not in of_case({"k": facts}, **arguments)["stays"][0]


def test_follow_up_is_proposed_from_the_day_of_discharge():
    assert services() == [("phone-check-in", "2026-03-10")]
    assert services(pathways=(BRAINS, EVERYBODY)) == [("phone-check-in", "2026-03-07")]
    assert services(pathways=(GROUP,)) == []
    assert services(pathways=(GROUP,), group="homelessness") == [("home-visit", "2026-03-13")]


def test_nothing_is_proposed_for_who_is_still_in_hospital_or_has_died():
    assert services(said={**SAID, "event": "admit"}) == []
    assert services(died=True) == []


def test_a_proposal_for_a_diagnosis_names_it():
    service = received(pathways=(BRAINS,))["plan"]["services"][0]
    assert service["necessity"] == {"condition": condition_id(BRAIN), "decision": "pending"}


def test_working_days_leave_out_saturday_and_sunday():
    assert due("2026-03-05", 2, working=True) == "2026-03-09"
    assert due("2026-03-07", 1, working=True) == "2026-03-09"
    assert due("2026-03-05", 2, working=False) == "2026-03-07"


def test_a_service_of_the_case_system_with_a_proposals_id_stands_in_its_place():
    brought = received()
    mine = {"id": brought["plan"]["services"][0]["id"], "kind": "phone-check-in", "status": "planned"}
    body = {"client": "c", "status": "active", "plan": {"title": "T", "status": "active", "services": [mine]}}
    assert whole("case", body, brought)["plan"]["services"] == [mine]


def test_a_diagnosis_that_the_case_system_has_too_is_one():
    body = {"client": "c", "status": "active", "conditions": [{"id": "mine", "code": BRAIN}]}
    result = whole("case", body, received(pathways=(BRAINS,)))
    assert [condition["id"] for condition in result["conditions"]] == ["mine"]
    assert result["stays"][0]["conditions"] == ["mine"]
    assert result["plan"]["services"][0]["necessity"]["condition"] == "mine"


@pytest.mark.parametrize(
    ("mine", "theirs", "one"),
    [
        ({"text": "Traumatic  brain injury."}, {**BRAIN, "display": "traumatic brain injury"}, True),
        ({"text": "Traumatic brain injury"}, {"text": "TRAUMATIC BRAIN INJURY"}, True),
        (
            {"system": "urn:snomed", "code": "1", "text": "Brain injury"},
            {**BRAIN, "text": "Brain injury"},
            True,
        ),
        ({**BRAIN, "code": "S06.3", "text": "Brain injury"}, {**BRAIN, "text": "Brain injury"}, False),
        ({"text": "Brain injury"}, {**BRAIN, "text": "Traumatic brain injury"}, False),
        ({"text": "!"}, {"text": "?"}, False),
        ({"text": "Brain injury"}, BRAIN, False),
    ],
)
def test_a_diagnosis_is_one_where_code_or_words_agree(mine, theirs, one):
    said = {**SAID, "stay": {**SAID["stay"], "conditions": [{"code": theirs, "kind": "discharge"}]}}
    body = {"client": "c", "status": "active", "conditions": [{"id": "mine", "code": mine}]}
    result = whole("case", body, received(said))
    assert result["stays"][0]["conditions"] == (["mine"] if one else [condition_id(theirs)])
    assert [condition["id"] for condition in result["conditions"]] == (
        ["mine"] if one else ["mine", condition_id(theirs)]
    )
    assert body["conditions"] == [{"id": "mine", "code": mine}]


def test_a_holiday_is_no_working_day_but_a_day():
    rested = replace(EVERYBODY, holidays=frozenset({"2026-03-09", "03-10"}))
    assert services(pathways=(rested,)) == [("phone-check-in", "2026-03-12")]
    assert due("2026-03-06", 4, working=False, holidays=frozenset({"03-10"})) == "2026-03-10"


def test_a_diagnosis_in_words_takes_the_code_that_the_hospital_gives_it_and_keeps_its_words():
    said = {**SAID, "stay": {**SAID["stay"], "conditions": [{"code": {**BRAIN, "text": "Brain injury"}}]}}
    body = {"client": "c", "conditions": [{"id": "mine", "code": {"text": "brain injury"}, "onset": "2026"}]}
    result = whole("case", body, received(said))
    assert result["conditions"] == [
        {"id": "mine", "code": {**BRAIN, "text": "brain injury"}, "onset": "2026"}
    ]


def test_what_is_said_no_more_stays_where_the_case_system_names_it():
    before, after = received(), received(said={**SAID, "event": "cancel-discharge"})
    call = before["plan"]["services"][0]["id"]
    assert with_referenced_parts(after, before, set()) == after
    assert with_referenced_parts(after, before, {call})["plan"]["services"][0]["status"] == "cancelled"


def person(discharge, partner="general"):
    return person_facts(discharge, moment(discharge["event"], discharge["recorded"]), partner)


def test_the_case_systems_word_on_a_client_stands_and_the_hospital_fills_what_it_left_out():
    said = {"names": [{"family": "Hospital"}], "gender": "other", "protected_identity": True}
    brought = of_client(person({**SAID, "patient": {"identifiers": [VISIT], **said}}), lambda _: link)
    body = {"names": [{"family": "Case system"}], "identifiers": [VISIT], "protected_identity": False}
    result = whole("client", body, brought)
    assert result["names"] == body["names"]
    assert (result["gender"], result["protected_identity"]) == ("other", True)
    assert result["identifiers"] == [VISIT]


def test_an_insurance_a_hospital_tells_of_is_a_draft():
    payer = {"payer": {"name": "Northern"}, "subscriber_id": "7"}
    client = of_client(person({**SAID, "coverages": [payer]}), lambda _: link)
    assert [(coverage["status"], coverage["payer"]) for coverage in client["coverages"]] == [
        ("draft", "insurer-uuid")
    ]


def test_one_hospital_does_not_take_away_what_another_said():
    mother = {"relationship": "parent", "names": [{"family": "M"}]}
    friend = {"relationship": "friend", "names": [{"family": "F"}]}
    facts = join(
        person({**SAID, "related_persons": [mother]}, "one"),
        person({**SAID, "related_persons": [friend]}, "two"),
    )
    assert [relative["relationship"] for relative in of_client(facts, lambda _: link)["related_persons"]] == [
        "parent",
        "friend",
    ]


def test_a_death_is_the_persons():
    dead = {**SAID, "event": "death", "happened": "2026-03-05", "patient": {"identifiers": [VISIT]}}
    client = of_client(person(dead), lambda _: link)
    assert (client["has_died"], client["deceased"]) == (True, "2026-03-05")
