"""The compiled checker refuses what R4's definitions refuse, and says where."""

from decimal import Decimal
from typing import Any

import pytest

from service.wire.fhir.check.check import check

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
PLAN: dict[str, Any] = {
    "resourceType": "CarePlan",
    "id": "plan-1",
    "text": {"status": "generated", "div": DIV.format("<p>Plan</p>")},
    "identifier": [{"system": "urn:oid:1.2.3", "value": "7"}],
    "status": "active",
    "intent": "plan",
    "title": "Back on the bicycle",
    "subject": {"reference": "Patient/p-1"},
    "period": {"start": "2024-02-29"},
    "created": "2024-05-01T10:00:00+02:00",
    "goal": [{"reference": "Goal/g-1"}],
    "activity": [{"reference": {"reference": "ServiceRequest/s-1"}}],
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "Walking distance"},
}
CONDITION: dict[str, Any] = {"resourceType": "Condition", "subject": {"reference": "Patient/p-1"}}
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def places(resource: dict[str, Any]) -> list[str]:
    return [issue.where for issue in check(resource)]


def test_a_valid_plan_has_no_issue():
    assert check(PLAN) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"status": "bogus"}, "CarePlan.status"),
        ({"status": 1}, "CarePlan.status"),
        ({"status": None}, "CarePlan.status"),
        ({"colour": "red"}, "CarePlan.colour"),
        ({"_subject": {"id": "a"}}, "CarePlan.subject"),
        ({"goal": {"reference": "Goal/g-1"}}, "CarePlan.goal"),
        ({"title": ["a"]}, "CarePlan.title"),
        ({"subject": [{"reference": "Patient/p-1"}]}, "CarePlan.subject"),
        ({"goal": []}, "CarePlan.goal"),
        ({"period": {}}, "CarePlan.period"),
        ({"period": {"id": "only"}}, "CarePlan.period"),
        ({"title": ""}, "CarePlan.title"),
        ({"title": "\n "}, "CarePlan.title"),
        ({"title": "a\x07"}, "CarePlan.title"),
        ({"id": "a b"}, "CarePlan.id"),
        ({"id": "a" * 65}, "CarePlan.id"),
        ({"language": " en"}, "CarePlan.language"),
        ({"created": "2023-02-29"}, "CarePlan.created"),
        ({"created": "2024-05-01T10:00:00"}, "CarePlan.created"),
        ({"created": "2024-05-01T24:00:00Z"}, "CarePlan.created"),
        ({"created": "0000"}, "CarePlan.created"),
        ({"created": "2024-05-01T10:00:00Z\n"}, "CarePlan.created"),
        ({"created": "٢٠٢٤"}, "CarePlan.created"),
        ({"instantiatesUri": ["a b"]}, "CarePlan.instantiatesUri[0]"),
        ({"subject": {"reference": "Location/1"}}, "CarePlan.subject"),
        ({"subject": {"reference": "https://example.org/fhir/Location/1"}}, "CarePlan.subject"),
        ({"subject": {"reference": "Patient"}}, "CarePlan.subject"),
        ({"subject": {"reference": "Nonsense/1"}}, "CarePlan.subject"),
        ({"subject": {"type": "Location"}}, "CarePlan.subject"),
        (
            {"activity": [PLAN["activity"][0], {"reference": {"reference": "Communication/c"}}]},
            "CarePlan.activity[1].reference",
        ),
        ({"extension": [{"valueCode": "x"}]}, "CarePlan.extension[0].url"),
        (
            {"extension": [{"url": "urn:x", "valueCode": "x", "valueString": "y"}]},
            "CarePlan.extension[0].value",
        ),
        (
            {"_title": {"extension": [{"url": "urn:x", "valueColour": "red"}]}},
            "CarePlan.title.extension[0].valueColour",
        ),
        ({"instantiatesUri": ["urn:a", None]}, "CarePlan.instantiatesUri[1]"),
        ({"contained": [{"resourceType": "Wish"}]}, "CarePlan.contained[0]"),
        (
            {
                "contained": [
                    {"resourceType": "Goal", "lifecycleStatus": "proposed", "subject": PLAN["subject"]}
                ]
            },
            "CarePlan.contained[0].description",
        ),
        ({"text": {"status": "generated", "div": "<div>no namespace</div>"}}, "CarePlan.text.div"),
        ({"text": {"status": "generated", "div": DIV.format("<p>open")}}, "CarePlan.text.div"),
        ({"text": {"status": "generated", "div": DIV.format(" ")}}, "CarePlan.text.div"),
        ({"text": {"status": "generated", "div": DIV.format("<script>1</script>")}}, "CarePlan.text.div"),
        ({"text": {"status": "generated", "div": DIV.format('<p onclick="x()">a</p>')}}, "CarePlan.text.div"),
        (
            {"text": {"status": "generated", "div": DIV.format('<a href="javascript:x">a</a>')}},
            "CarePlan.text.div",
        ),
        ({"text": {"status": "generated", "div": f"<!DOCTYPE a>{DIV.format('a')}"}}, "CarePlan.text.div"),
        ({"text": {"div": DIV.format("a")}}, "CarePlan.text.status"),
    ],
)
def test_one_fault_in_a_plan_is_found_at_its_place(change, where):
    assert places(PLAN | change) == [where]


@pytest.mark.parametrize("key", ["status", "intent", "subject"])
def test_a_missing_required_element_is_found(key):
    plan = {name: value for name, value in PLAN.items() if name != key}
    assert [(issue.where, issue.code) for issue in check(plan)] == [(f"CarePlan.{key}", "required")]


@pytest.mark.parametrize(
    "change",
    [
        {"subject": {"reference": "#p"}},
        {"subject": {"reference": "urn:uuid:0d5c5e3c-8f3f-4b6c-a1cb-111111111111"}},
        {"subject": {"reference": "https://example.org/fhir/Patient/1/_history/2"}},
        {"subject": {"reference": "https://example.org/anything"}},
        {"subject": {"reference": "Patient?identifier=urn:oid:1.2.3|7"}},
        {"subject": {"type": "Patient", "display": "the client"}},
        {"created": "2024"},
        {"created": "2024-05"},
        {"created": "2024-12-31T23:59:60.123-11:30"},
        {"title": "Grüße\nzweite Zeile"},
        {"_title": {"extension": [{"url": "urn:x", "valueDecimal": Decimal("1.50")}]}},
        {"instantiatesUri": ["urn:a", None], "_instantiatesUri": [None, {"id": "x"}]},
        {"contained": [{"resourceType": "Medication", "id": "m"}]},
        {"text": {"status": "generated", "div": DIV.format('<img src="#a" alt="b"/>')}},
    ],
)
def test_what_r4_allows_is_let_through(change):
    assert check(PLAN | change) == []


def test_a_required_element_may_be_an_extension_alone():
    plan = {name: value for name, value in PLAN.items() if name != "status"}
    assert check(plan | {"_status": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}}) == []


@pytest.mark.parametrize("value", [True, "1", Decimal("NaN"), float("inf")])
def test_what_is_no_number_is_no_decimal(value):
    assert places(OBSERVATION | {"valueQuantity": {"value": value}}) == ["Observation.value.value"]


@pytest.mark.parametrize("value", [1, Decimal("1.50"), -0.5])
def test_numbers_are_decimals(value):
    assert check(OBSERVATION | {"valueQuantity": {"value": value}}) == []


@pytest.mark.parametrize("value", [True, 1.0, Decimal(1), 2**31, "1"])
def test_only_a_small_whole_number_is_an_integer(value):
    assert places(OBSERVATION | {"valueInteger": value}) == ["Observation.value"]


def test_a_choice_is_made_once():
    assert places(OBSERVATION | {"valueInteger": 1, "valueString": "a"}) == ["Observation.value"]
    assert check(OBSERVATION | {"valueString": "a", "_valueString": {"id": "x"}}) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"coding": [{"system": CLINICAL, "code": "active"}]}, []),
        ({"coding": [{"system": "urn:own", "code": "1"}, {"system": CLINICAL, "code": "relapse"}]}, []),
        ({"coding": [{"system": "urn:own", "code": "active"}]}, ["Condition.clinicalStatus"]),
        ({"coding": [{"system": CLINICAL, "code": "better"}]}, ["Condition.clinicalStatus"]),
        ({"text": "active"}, ["Condition.clinicalStatus"]),
    ],
)
def test_a_bound_concept_needs_a_coding_of_its_value_set(status, expected):
    assert places(CONDITION | {"clinicalStatus": status}) == expected


@pytest.mark.parametrize("resource", [{}, [], None, {"resourceType": "Wish"}, {"resourceType": ["Patient"]}])
def test_what_is_no_resource_is_one_issue(resource):
    assert places(resource) == ["resourceType"]


def test_a_resource_in_a_bundle_is_checked_in_its_place():
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PLAN | {"status": "x"}}]}
    assert places(bundle) == ["Bundle.entry[0].resource.status"]


def test_no_issue_quotes_a_value_or_an_odd_key():
    secret = "010190-0101"
    changes = ({"status": secret}, {"created": secret}, {secret: 1}, {"subject": {"reference": secret}})
    for change in changes:
        (issue,) = check(PLAN | change)
        assert secret not in issue.what + issue.where
