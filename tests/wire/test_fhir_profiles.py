"""What a profile adds to R4 is looked for in the instance: each miss is named, nothing else is."""

import copy

import pytest

from service.wire.fhir.check.check import check
from service.wire.fhir.check.invariants import evaluate, nodes
from service.wire.fhir.definitions.profiles import RULES, misses, profiles

BASE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
MEMBER = {
    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]},
    "value": "1",
}
CATEGORY = {
    "coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}
    ]
}
PLAN = {
    "coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "code": "assess-plan"}]
}
PATIENT = {"reference": "Patient/1"}
MEET = {
    "patient": {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:x", "value": "1"}],
        "name": [{"family": "Example"}, {"text": "R", "extension": [ABSENT]}],
        "gender": "other",
        "telecom": [{"system": "phone", "value": "1"}],
    },
    "careplan": {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "category": [{"text": "own"}, PLAN],
        "subject": PATIENT,
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    },
    "careteam": {
        "resourceType": "CareTeam",
        "subject": PATIENT,
        "participant": [{"role": [{"text": "nurse"}], "member": {"display": "somebody"}}],
    },
    "goal": {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "walk"},
        "subject": PATIENT,
    },
    "condition-problems-health-concerns": {
        "resourceType": "Condition",
        "category": [CATEGORY, {"text": "own"}],
        "code": {"text": "fracture"},
        "clinicalStatus": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
            ]
        },
        "subject": PATIENT,
    },
    "coverage": {
        "resourceType": "Coverage",
        "status": "active",
        "subscriberId": "1",
        "beneficiary": PATIENT,
        "relationship": {"text": "self"},
        "payor": [{"reference": "Organization/1"}],
    },
    "encounter": {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "IMP"},
        "type": [{"text": "stay"}],
        "subject": PATIENT,
        "identifier": [{"system": "urn:x", "value": "1"}],
    },
}


def changed(name, change):
    """A resource that meets a profile, with elements replaced; None removes."""
    resource = copy.deepcopy(MEET[name]) | change
    return {key: value for key, value in resource.items() if value is not None}


@pytest.mark.parametrize("name", MEET)
def test_a_resource_that_meets_its_profile_misses_nothing(name):
    assert check(MEET[name]) == []
    assert misses(BASE + name, MEET[name]) == []


def test_each_profile_has_one_that_meets_it():
    assert {BASE + name for name in MEET} == set(profiles())


@pytest.mark.parametrize(
    ("name", "change", "missed"),
    [
        ("patient", {"identifier": None}, "Patient.identifier: is missing"),
        ("patient", {"identifier": [{"system": "urn:x"}]}, "Patient.identifier.value: is missing"),
        ("patient", {"identifier": [{"value": "1"}]}, "Patient.identifier.system: is missing"),
        ("patient", {"gender": None}, "Patient.gender: is missing"),
        ("patient", {"name": None}, "Patient.name: is missing"),
        ("patient", {"name": [{"text": "R"}]}, "Patient.name: At least name.given and/or name.family"),
        ("patient", {"name": [{"family": "R", "extension": [ABSENT]}]}, "(us-core-6)"),
        ("patient", {"telecom": [{"value": "1"}]}, "Patient.telecom.system: is missing"),
        ("patient", {"extension": [{"url": f"{BASE}race"}]}, "whose content is not checked"),
        ("careplan", {"category": [{"text": "own"}]}, "CarePlan.category: wants 1 to 1"),
        (
            "careplan",
            {"category": [PLAN, PLAN]},
            "CarePlan.category: wants 1 to 1 with the profile's own code, has 2",
        ),
        ("careplan", {"category": None}, "CarePlan.category: is missing"),
        (
            "careplan",
            {"subject": {"reference": "Group/1"}},
            "CarePlan.subject: refers to something else than Patient",
        ),
        ("careplan", {"subject": {"reference": "http://x.org/fhir/Group/1"}}, "refers to something else"),
        ("careplan", {"subject": {"type": "Group"}}, "refers to something else"),
        (
            "careplan",
            {"text": {"status": "extensions", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}},
            "CarePlan.text.status: has a code",
        ),
        ("careteam", {"participant": None}, "CareTeam.participant: is missing"),
        ("careteam", {"subject": None}, "CareTeam.subject: is missing"),
        ("careteam", {"participant": [{"role": [{"text": "a"}]}]}, "CareTeam.participant.member: is missing"),
        ("careteam", {"participant": [{"member": PATIENT}]}, "CareTeam.participant.role: is missing"),
        (
            "careteam",
            {"participant": [{"role": [{"text": "a"}, {"text": "b"}], "member": PATIENT}]},
            "CareTeam.participant.role: occurs more than 1 times",
        ),
        ("goal", {"subject": {"reference": "Organization/1"}}, "Goal.subject: refers to something else"),
        ("condition-problems-health-concerns", {"category": None}, "Condition.category: is missing"),
        ("condition-problems-health-concerns", {"category": [{"text": "own"}]}, "wants at least 1"),
        ("condition-problems-health-concerns", {"code": None}, "Condition.code: is missing"),
        ("coverage", {"relationship": None}, "Coverage.relationship: is missing"),
        ("coverage", {"subscriberId": None}, "(us-core-15)"),
        ("coverage", {"identifier": [MEMBER, MEMBER]}, "Coverage.identifier: wants 0 to 1"),
        ("coverage", {"payor": [PATIENT, PATIENT]}, "Coverage.payor: occurs more than 1 times"),
        ("encounter", {"type": None}, "Encounter.type: is missing"),
        ("encounter", {"subject": None}, "Encounter.subject: is missing"),
        ("encounter", {"identifier": [{"value": "1"}]}, "Encounter.identifier.system: is missing"),
        ("encounter", {"resourceType": "Patient"}, "Encounter: the profile is about another type"),
    ],
)
def test_each_miss_is_named_with_its_path(name, change, missed):
    missed_elements = misses(BASE + name, changed(name, change))
    assert len(missed_elements) in {1, 2}
    assert missed in " ".join(missed_elements)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("patient", {"gender": None, "_gender": {"extension": [ABSENT]}}),
        ("coverage", {"subscriberId": None, "identifier": [MEMBER]}),
        ("careplan", {"subject": {"identifier": {"value": "1"}}}),
        ("careplan", {"subject": {"reference": "http://x.org/fhir/Patient/1/_history/2"}}),
    ],
)
def test_what_a_profile_lets_be_is_no_miss(name, change):
    assert misses(BASE + name, changed(name, change)) == []


def test_no_value_is_quoted():
    complaints = misses(BASE + "patient", changed("patient", {"name": [{"text": "Secret"}], "gender": None}))
    assert complaints
    assert "Secret" not in " ".join(complaints)


def test_every_rule_of_the_profiles_is_written_out():
    keys = {
        rule["key"] for profile in profiles().values() for rules in profile.rules.values() for rule in rules
    }
    assert keys == set(RULES)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("patient", {"name": name})
        for name in (
            [{"family": "R"}],
            [{"given": ["R"]}],
            [{"text": "R"}],
            [{"text": "R", "extension": [ABSENT]}],
            [{"family": "R", "extension": [ABSENT]}],
        )
    ]
    + [
        ("coverage", {"subscriberId": None} | change)
        for change in ({}, {"identifier": [MEMBER]}, {"identifier": [{"value": "1"}]}, {"subscriberId": "1"})
    ],
)
def test_a_rule_holds_where_its_fhirpath_holds(name, change):
    resource = changed(name, change)
    for path, rules in profiles()[BASE + name].rules.items():
        places = [node for node in nodes(resource) if node.stated_at == path]
        assert places
        for node in places:
            for rule in rules:
                assert RULES[rule["key"]](node.value) == (evaluate(rule["expression"], node) == [True])
