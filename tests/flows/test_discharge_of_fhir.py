"""What our mapping makes of each shape in which R4 lets a hospital say the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.wire.fhir.definitions.r4 import definitions
from service.wire.fhir.sent.facts import made_of
from tests.flows.fhir_discharges import (
    CLASS,
    CLINICAL,
    DIAGNOSED,
    ENDED,
    KIN,
    LOCAL,
    OPEN,
    PAYER,
    TABLE,
    TYPES,
    USE,
    VERIFICATION,
    at,
    catalogue,
    concept,
    coverage,
    kin,
    made,
    name_of,
)
from tests.web.sent import PERSON, SNOMED


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ({}, ("inactive", "2026-02-01")),
        ({"clinicalStatus": concept((CLINICAL, "remission"))}, ("remission", "2026-02-01")),
        ({"clinicalStatus": concept((CLINICAL, "relapse"))}, ("relapse", None)),
    ],
)
def test_what_has_abated_is_not_active(status, says):
    condition = made({"Condition": {"abatementDateTime": "2026-02-01", **status}})["stay"]["conditions"][0]
    assert (condition.get("clinical_status"), condition.get("abatement")) == says


@pytest.mark.parametrize(("change", "path", "value"), TABLE)
def test_each_shape_says_what_it_says(change, path, value):
    assert at(made(change), path) == value


@pytest.mark.parametrize(
    ("resource", "path", "value"),
    [
        (coverage(), "coverages[0].status", None),
        (coverage("cancelled"), "coverages[0].status", "cancelled"),
        (
            coverage(type=concept((LOCAL, "1"), (CLASS, "PUBLICPOL"))),
            "coverages[0].kind",
            "public",
        ),
        (coverage(type=concept((LOCAL, "1"))), "coverages[0].kind", None),
        (coverage("entered-in-error"), "coverages", None),
        (coverage("entered-in-error"), "cleared", ["coverages"]),
        (coverage(payor=[{"reference": name_of("a1")}]), "coverages", None),
        (
            coverage(
                identifier=[
                    {"value": "1"},
                    {"value": "M-1", "type": concept((LOCAL, "x"), (TYPES, "MB"))},
                ]
            ),
            "coverages[0].member_id",
            "M-1",
        ),
        (kin(active=False, period=ENDED), "related_persons[0].active", False),
        (kin(active=False, period=ENDED), "related_persons[0].period", ENDED),
        (
            kin(relationship=[{"text": "best friend"}, concept((KIN, "FRND"))]),
            "related_persons",
            [
                {
                    "relationship": "friend",
                    "relationships_as_sent": [{"text": "best friend"}, {"system": KIN, "code": "FRND"}],
                    "names": [{"family": "Rider"}],
                }
            ],
        ),
    ],
)
def test_what_is_sent_beside_the_stay_says_how_it_stands(resource, path, value):
    assert at(made({}, PAYER, resource), path) == value


ROLE = {
    "resourceType": "PractitionerRole",
    "id": "a8",
    "active": False,
    "practitioner": {"identifier": {"system": LOCAL, "value": "9"}, "display": "Dr. Oak"},
    "organization": {"reference": name_of("d2")},
    "telecom": [{"system": "phone", "value": "555-0109"}],
}


def test_a_role_says_what_its_practitioner_does_not():
    taking = [{"individual": {"reference": name_of("a8")}, "period": ENDED}]
    assert made({"Encounter": {"participant": taking}}, ROLE, PAYER)["contacts"] == [
        {
            "role": "contact",
            "identifiers": [{"system": LOCAL, "value": "9"}],
            "names": [{"text": "Dr. Oak"}],
            "telecom": [{"system": "phone", "value": "555-0109"}],
            "period": ENDED,
        }
    ]


def test_who_has_only_a_number_counts():
    taking = [{"individual": {"identifier": {"system": LOCAL, "value": "9"}}}]
    assert made({"Encounter": {"participant": taking}})["contacts"] == [
        {"role": "contact", "identifiers": [{"system": LOCAL, "value": "9"}]}
    ]


@pytest.mark.parametrize(
    ("subject", "known"),
    [
        ({"identifier": {**PERSON, "value": "R-9"}}, True),
        ({"identifier": PERSON}, None),
        ({"reference": f"Patient?identifier={PERSON['system']}|{PERSON['value']}9"}, True),
        ({"reference": name_of("a1")}, None),
        ({"display": "River"}, None),
    ],
)
def test_nobody_is_made_of_a_number_alone(subject, known):
    assert made({"Encounter": {"subject": subject}}).get("patient", {}).get("must_be_known") == known


def test_another_diagnosis_of_the_same_use_stands_for_what_was_taken_back():
    wrong = {
        "resourceType": "Condition",
        "id": "c9",
        "subject": {"reference": name_of("a1")},
        "verificationStatus": concept((VERIFICATION, "entered-in-error")),
        "code": concept((SNOMED, "1")),
    }
    both = [DIAGNOSED, {"condition": {"reference": name_of("c9")}}]
    conditions = made({"Encounter": {"diagnosis": both}}, wrong)["stay"]["conditions"]
    assert [condition["code"]["code"] for condition in conditions] == ["127295002"]
    apart = [DIAGNOSED, {**both[1], "use": concept((USE, "DD"))}]
    conditions = made({"Encounter": {"diagnosis": apart}}, wrong)["stay"]["conditions"]
    assert [(condition["code"]["code"], condition.get("action")) for condition in conditions] == [
        ("127295002", None),
        ("1", "delete"),
    ]


CODINGS = st.lists(
    st.builds(dict, system=st.sampled_from([LOCAL, SNOMED, ""]), code=st.sampled_from(["1", "IMP", "MR"])),
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(before=CODINGS, after=CODINGS, period=st.sampled_from([ENDED, OPEN, {"end": "2026-01"}]))
def test_a_coding_that_is_known_counts_among_whatever_others(before, after, period):
    others = [[{k: v for k, v in item.items() if v} for item in side] for side in (before, after)]
    known = {"system": CLINICAL, "code": "remission"}
    status = {"coding": [*others[0], known, *others[1]]}
    kind = {"coding": [*others[0], {"system": TYPES, "code": "PI"}, *others[1]]}
    number = {**PERSON, "type": kind, "period": period}
    discharge = made({"Condition": {"clinicalStatus": status}, "Patient": {"identifier": [number]}})
    assert discharge["stay"]["conditions"][0]["clinical_status"] == "remission"
    assert discharge["patient"]["identifiers"][0] == {**PERSON, "type": "PI", "period": period}


def test_each_fact_is_made_of_something_that_r4_has():
    mapped = zip(catalogue().mappings, catalogue().traces, strict=True)
    traces = [traced for mapping, traced in mapped if mapping.source == "fhir"]
    read = [paths for trace in traces for paths in (*trace.values.values(), *trace.tests.values())]
    reads = {path for paths in read for path in paths if path.startswith("facts.") and path.count(".") > 1}
    assert reads
    unknown = {path: list(made_of(path)) for path in reads}
    assert {path for path, made in unknown.items() if not any(map(is_of_r4, made))} == set()


def is_of_r4(path):
    """Whether a path has an element of R4 at its first step, and leads on from there."""
    type_, first, *_ = path.split(".")
    known = definitions()
    return any(
        first in element.json_names() for base in known.bases(type_) for element in known[base].elements
    )


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(["Observation", "Composition", "HealthcareService", "PractitionerRole", "Basic"]),
    odd=st.dictionaries(
        st.sampled_from(["name", "identifier", "telecom", "code", "organization", "practitioner", "contact"]),
        st.sampled_from(
            ["x", 1, {"text": 5, "coding": 1}, [{"coding": [1]}], None, {"reference": name_of("f0")}]
        ),
    ),
)
def test_what_nobody_has_looked_at_is_taken_as_far_as_it_can_be_read(kind, odd):
    if kind == "PractitionerRole":
        odd = {key: {"reference": name_of("f0")} for key in odd if key in {"organization", "practitioner"}}
    to = {"reference": name_of("f0")}
    change = {
        "participant": [{"individual": to}],
        "serviceProvider": to,
        "location": [{"location": to}],
        "hospitalization": {"destination": to},
        "reasonReference": [to],
        "diagnosis": [{"condition": to}, DIAGNOSED],
    }
    discharge = made(
        {"Encounter": change, "Patient": {"generalPractitioner": [to]}},
        {"resourceType": kind, "id": "f0", **odd},
    )
    assert [condition["code"]["code"] for condition in discharge["stay"]["conditions"]] == ["127295002"]
    assert "contacts" not in discharge
