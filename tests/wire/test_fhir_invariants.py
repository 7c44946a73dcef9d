"""R4's invariants are evaluated, and what the engine cannot do is known exactly and done by hand."""

from decimal import Decimal

import pytest

from service.wire.fhir.check.by_hand import BY_HAND
from service.wire.fhir.check.invariants import UNSUPPORTED, evaluate, nodes, violations
from service.wire.fhir.check.validate import validate
from service.wire.fhir.definitions.r4 import definitions

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'
UCUM = "http://unitsofmeasure.org"
PATIENT = {"resourceType": "Patient"}
CONDITION = {
    "resourceType": "Condition",
    "code": {"text": "fracture"},
    "subject": {"reference": "Patient/p"},
}
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "distance"}}
TEAM = {"resourceType": "CareTeam"}
BUNDLE = {"resourceType": "Bundle", "type": "collection"}


def named(resource):
    """The keys of the invariants a resource breaks."""
    return [issue.what.rpartition("(")[2].rstrip(")") for issue in violations(resource)]


def extension(**value):
    return PATIENT | {"extension": [{"url": "urn:x"} | value]}


# By invariant: a valid resource it is about, and where one breaks it by hand, that.
HELD = {
    "ele-1": PATIENT | {"name": [{"family": "Example"}]},
    "per-1": CONDITION | {"onsetPeriod": {"start": "2024-01-31", "end": "2024-02"}},
    "bdl-10": BUNDLE | {"type": "document", "timestamp": "2024-01-01T00:00:00Z"},
    "age-1": CONDITION | {"onsetAge": {"value": Decimal("4.5"), "system": UCUM, "code": "a"}},
    "cnt-3": extension(valueCount={"value": 3, "system": UCUM, "code": "1"}),
    "ctm-1": TEAM
    | {
        "participant": [
            {"member": {"reference": "Practitioner/n"}, "onBehalfOf": {"reference": "Organization/o"}}
        ]
    },
    "dom-3": PATIENT
    | {
        "contained": [{"resourceType": "Organization", "id": "o", "name": "N"}],
        "managingOrganization": {"reference": "#o"},
    },
    "rng-2": CONDITION | {"onsetRange": {"low": {"value": 1}, "high": {"value": Decimal("2.0")}}},
    "ref-1": PATIENT | {"managingOrganization": {"display": "Northern Health"}},
    "txt-1": PATIENT | {"text": {"status": "generated", "div": DIV}},
    "txt-2": PATIENT | {"text": {"status": "generated", "div": DIV}},
}
BROKEN_BY_HAND = {
    "per-1": CONDITION
    | {"onsetPeriod": {"start": "2024-01-01T10:00:00+02:00", "end": "2024-01-01T07:59:00Z"}},
    "bdl-10": BUNDLE | {"type": "document"},
    "age-1": CONDITION | {"onsetAge": {"value": 0, "code": "a"}},
    "cnt-3": extension(valueCount={"value": Decimal("1.5"), "code": "1"}),
    "ctm-1": TEAM
    | {
        "participant": [{"member": {"reference": "Patient/p"}, "onBehalfOf": {"reference": "Organization/o"}}]
    },
    "dom-3": PATIENT | {"contained": [{"resourceType": "Organization", "id": "o", "name": "N"}]},
    "rng-2": CONDITION | {"onsetRange": {"low": {"value": 3}, "high": {"value": Decimal("2.0")}}},
    "ref-1": PATIENT | {"managingOrganization": {"reference": "#gone"}},
}


def rule(key):
    """The rule of that key and the path it is stated at."""
    return next(
        (path, rule) for path, rules in definitions().all_rules().items() for rule in rules if rule.key == key
    )


def test_the_lists_of_what_is_done_by_hand_agree():
    assert set(HELD) == set(UNSUPPORTED)
    assert set(BROKEN_BY_HAND) == set(BY_HAND)
    assert set(BY_HAND) == set(UNSUPPORTED) - {"ele-1", "txt-1", "txt-2"}


@pytest.mark.parametrize("key", sorted(set(UNSUPPORTED) - {"txt-1", "txt-2"}))
def test_what_is_listed_as_unsupported_cannot_be_evaluated(key):
    path, stated = rule(key)
    answers = []
    for node in nodes(HELD[key]):
        if path in (node.stated_at, *definitions().bases(node.type)):
            try:
                answers.append(evaluate(stated.expression, node))
            except Exception as exc:  # noqa: BLE001 - the engine raises bare Exception
                answers.append(exc)
    assert answers
    assert any(answer != [True] for answer in answers)


def test_html_checks_cannot_be_evaluated():
    (node, *_) = nodes(PATIENT)
    with pytest.raises(Exception, match="htmlChecks"):
        evaluate("htmlChecks()", node)


@pytest.mark.parametrize("key", sorted(HELD))
def test_what_holds_is_let_through(key):
    assert key not in named(HELD[key])


@pytest.mark.parametrize("key", sorted(BROKEN_BY_HAND))
def test_what_breaks_a_rule_done_by_hand_is_found(key):
    assert key in named(BROKEN_BY_HAND[key])


@pytest.mark.parametrize(
    ("resource", "key", "where"),
    [
        (
            {
                "resourceType": "CarePlan",
                "status": "active",
                "intent": "plan",
                "subject": {"reference": "Patient/p"},
                "activity": [
                    {"reference": {"reference": "Task/t"}},
                    {
                        "reference": {"reference": "Task/t"},
                        "detail": {"status": "scheduled"},
                    },
                ],
            },
            "cpl-3",
            "CarePlan.activity[1]",
        ),
        (PATIENT | {"contact": [{"gender": "other"}]}, "pat-1", "Patient.contact[0]"),
        (PATIENT | {"telecom": [{"value": "1"}]}, "cpt-2", "Patient.telecom[0]"),
        (extension(), "ext-1", "Patient.extension[0]"),
        (
            extension(valueString="a", extension=[{"url": "b", "valueString": "c"}]),
            "ext-1",
            "Patient.extension[0]",
        ),
        ({"resourceType": "Organization"}, "org-1", "Organization"),
        (
            {"resourceType": "Organization", "name": "N", "telecom": [{"use": "home"}]},
            "org-3",
            "Organization.telecom[0]",
        ),
        (
            OBSERVATION | {"valueString": "a", "dataAbsentReason": {"text": "b"}},
            "obs-6",
            "Observation",
        ),
        (
            OBSERVATION | {"valueQuantity": {"value": Decimal("1.50"), "code": "m"}},
            "qty-3",
            "Observation.value",
        ),
        (
            CONDITION | {"abatementString": "over"},
            "con-4",
            "Condition",
        ),
        (
            BUNDLE | {"entry": [{"resource": {"resourceType": "Organization"}}]},
            "org-1",
            "Bundle.entry[0].resource",
        ),
    ],
)
def test_what_breaks_an_invariant_is_found_at_its_place(resource, key, where):
    assert [(key, where)] == [
        (name, issue.where) for name, issue in zip(named(resource), violations(resource), strict=True)
    ]


def test_evaluating_leaves_the_resource_as_it_was():
    resource = extension(valueQuantity={"value": Decimal("1.50")})
    before = repr(resource)
    assert violations(resource) == []
    assert repr(resource) == before


def test_the_oracle_joins_structure_and_invariants():
    assert validate(PATIENT) == []
    assert [issue.code for issue in validate({"resourceType": "Organization"})] == ["invariant"]
    assert validate(PATIENT | {"gender": "bogus"})
