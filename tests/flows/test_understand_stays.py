"""What PV1, PV2 and DG1 come to by the inbound mapping, and a note of what is not used."""

from itertools import permutations

import pytest

from service.values.inbound.inbox import InboundMessage
from tests.flows.segments import ACT_CODE, ICD10, LOCAL, MERCY, PID, SNOMED, TABLE, at, places


@pytest.mark.parametrize(
    ("sent", "kind", "types", "notes"),
    [
        ("I", "inpatient", None, []),
        ("e", "emergency", None, []),
        ("S", "short-stay", None, []),
        ("IMP^^HL7ACT", "inpatient", None, [("PV1-2.3", "code-invalid")]),
        ("N", "unknown", None, []),
        ("U", "unknown", None, []),
        ("", None, None, []),
        (
            "DAY^Day surgery",
            "unknown",
            [{"system": f"{LOCAL}:PV1-2", "code": "DAY", "display": "Day surgery"}],
            1,
        ),
    ],
)
def test_a_class_that_nobody_mapped_is_a_type_of_stay_and_no_class_is_made_up(
    understood, sent, kind, types, notes
):
    reading = understood(PID, at("PV1", f1="1", f2=sent))
    stay = reading.discharges[0]["stay"]
    assert (stay.get("kind"), stay.get("types")) == (kind, types)
    assert places(reading) == ([("PV1-2.1", "code-invalid")] if notes == 1 else notes)


@pytest.mark.parametrize(
    ("sent", "code", "display"),
    [
        ("I", "IMP", "inpatient encounter"),
        ("B", "IMP", "inpatient encounter"),
        ("E", "EMER", "emergency"),
        ("O", "AMB", "ambulatory"),
        ("P", "PRENC", "pre-admission"),
        ("R", "AMB", "ambulatory"),
    ],
)
def test_a_class_is_kept_as_hl7_maps_it(made, sent, code, display):
    assert made(PID, at("PV1", f2=sent))["stay"]["class_as_sent"] == {
        "system": ACT_CODE,
        "code": code,
        "display": display,
    }


@pytest.mark.parametrize("sent", ["C", "N", "U", "DAY^Day surgery", ""])
def test_a_class_that_hl7_maps_to_nothing_is_not_kept_as_one(made, sent):
    assert "class_as_sent" not in made(PID, at("PV1", f1="1", f2=sent))["stay"]


def test_what_kind_of_admission_a_stay_was_is_a_type(made):
    assert made(PID, at("PV1", f4="E^Emergency^HL70007"))["stay"]["types"] == [
        {"system": f"{TABLE}0007", "code": "E", "display": "Emergency"}
    ]


def test_a_diagnosis_is_told_of_whole(made):
    conditions = made(
        PID,
        at(
            "DG1",
            f3="X1^Hip^KLINIK^S72.3^Fracture of femur^ICD-10^^^Broke her hip^71620000^Fracture^SNOMED-CT",
            f5="20260210",
            f6="F",
            f15="1",
            f19="202602111200",
            f21="A",
        ),
        at("DG1", f3="E11^Diabetes^I10", f4="Sugar", f6="a^Admitting^HL70052", f15="0", f21="D"),
        at("DG1", f4="Wound", f6="W"),
        at("DG1", f3="I10", f6="Z"),
    )["stay"]["conditions"]
    assert conditions == [
        {
            "code": {
                "system": ICD10,
                "code": "S72.3",
                "display": "Fracture of femur",
                "text": "Broke her hip",
                "alternates": [
                    {"system": SNOMED, "code": "71620000", "display": "Fracture"},
                    {"system": f"{LOCAL}:KLINIK", "code": "X1", "display": "Hip"},
                ],
            },
            "kind": "discharge",
            "rank": 1,
            "action": "add",
            "onset": "2026-02-10",
            "recorded": "2026-02-11T12:00:00+00:00",
        },
        {
            "code": {"system": ICD10, "code": "E11", "display": "Diabetes", "text": "Sugar"},
            "kind": "admission",
            "action": "delete",
        },
        {"code": {"text": "Wound"}, "kind": "working"},
        {"code": {"system": LOCAL, "code": "I10"}, "kind": "other"},
    ]


@pytest.mark.parametrize("order", list(permutations(["S72.3^Fracture^I10", "X1^Hip^KLINIK", "^^"])))
@pytest.mark.parametrize("place", ["DG1-3", "PV2-3", "PV1-4", "PV1-36"])
def test_a_code_is_kept_wherever_it_stands_and_the_public_one_is_used(made, order, place):
    name, number = place.split("-")
    first, second, third = order
    stay = made(PID, at(name, **{f"f{number}": f"{first}^{second}^^^^{third}"}))["stay"]
    said = {
        "DG1-3": lambda: stay["conditions"][0]["code"],
        "PV2-3": lambda: stay["reasons"][0],
        "PV1-4": lambda: stay["types"][0],
        "PV1-36": lambda: stay["disposition"],
    }[place]()
    assert (said["system"], said["code"], said["display"]) == (ICD10, "S72.3", "Fracture")
    assert said["alternates"] == [{"system": f"{LOCAL}:KLINIK", "code": "X1", "display": "Hip"}]


@pytest.mark.parametrize(
    ("name", "system"),
    [
        *((name, ICD10) for name in ("I10", "ICD10", "ICD-10", "icd 10", "icd10", "2.16.840.1.113883.6.3")),
        *(
            (name, "http://hl7.org/fhir/sid/icd-10-cm")
            for name in ("ICD-10-CM", "ICD10CM", "icd10cm", "ICD_10_CM", "I10C", "2.16.840.1.113883.6.90")
        ),
        *((name, "http://hl7.org/fhir/sid/icd-9-cm") for name in ("I9C", "I9", "ICD-9", "ICD-9-CM")),
        *((name, "http://fhir.de/CodeSystem/bfarm/icd-10-gm") for name in ("ICD10GM", "ICD-10-GM", "I10G")),
        *(
            (name, SNOMED)
            for name in ("SCT", "sct", "SNOMED-CT", "SNOMED CT", "SNM", "2.16.840.1.113883.6.96", SNOMED)
        ),
        *((name, "http://loinc.org") for name in ("LN", "ln", "LOINC", "2.16.840.1.113883.6.1")),
        ("urn:oid:2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("1.2.208.176.2.4", "urn:oid:1.2.208.176.2.4"),
        ("HL70005", f"{TABLE}0005"),
        ("99ZZZ", f"{LOCAL}:99ZZZ"),
    ],
)
def test_a_coding_system_is_found_however_it_is_spelt(understood, name, system):
    reading = understood(PID, at("DG1", f3=f"A1^One^{name}"))
    assert reading.discharges[0]["stay"]["conditions"][0]["code"]["system"] == system
    assert reading.notes == ()


def test_a_coding_system_that_nobody_knows_is_the_senders_own_and_told_of(understood):
    reading = understood(PID, at("DG1", f3="A1^One^ICD 11 draft"), at("PV2", f3="7^Fall^KLINIK"))
    (said,) = reading.discharges
    assert said["stay"]["conditions"][0]["code"]["system"] == f"{LOCAL}:ICD%2011%20draft"
    assert said["stay"]["reasons"] == [{"system": f"{LOCAL}:KLINIK", "code": "7", "display": "Fall"}]
    assert sorted(places(reading)) == [("DG1-3.3", "code-invalid"), ("PV2-3.3", "code-invalid")]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("01", {"system": f"{TABLE}0112", "code": "01"}),
        ("01^Home^HL70112", {"system": f"{TABLE}0112", "code": "01", "display": "Home", "text": "Home"}),
        (
            "H^Home^KLINIK^01^Home^HL70112",
            {
                "system": f"{TABLE}0112",
                "code": "01",
                "display": "Home",
                "text": "Home",
                "alternates": [{"system": f"{LOCAL}:KLINIK", "code": "H", "display": "Home"}],
            },
        ),
        ("^Home", {"text": "Home"}),
    ],
)
def test_a_disposition_keeps_all_that_is_said_of_it(made, sent, meant):
    assert made(PID, at("PV1", f36=sent))["stay"]["disposition"] == meant


def test_where_somebody_is_and_goes_is_told_in_words(made):
    stay = made(PID, at("PV1", f3="W^12^1^GENERAL^^^North", f37="04^Rehab home Sunny"))["stay"]
    assert (stay["location"], stay["destination"]) == ("W 12 1, North", "Rehab home Sunny")


def test_a_stay_that_is_planned_begins_when_it_is_expected_to(made):
    expected = at("PV2", f8="20260401", f9="20260405")
    for trigger in ("A05", "A14"):
        discharge = made(PID, at("PV1", f2="P"), expected, trigger=trigger)
        assert (discharge["event"], discharge["stay"]["period"]) == ("plan", {"start": "2026-04-01"})
    assert "period" not in made(PID, at("PV1", f2="I"), expected, trigger="A01")["stay"]


def test_a_diagnosis_that_is_unchanged_is_told_alone(made):
    conditions = made(PID, at("DG1", f3="I10^^I10", f20="D-1^MERCY", f21="X"))["stay"]["conditions"]
    assert [(condition["action"], condition["entry"]) for condition in conditions] == [("update", "D-1")]


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ("Final", "discharge"),
        ("ADMITTING", "admission"),
        ("AD", "admission"),
        ("Working", "working"),
        ("X^Discharge diagnosis^L", "discharge"),
    ],
)
def test_a_type_of_diagnosis_is_read_as_senders_write_it(understood, sent, kind):
    reading = understood(PID, at("DG1", f3="I10^^I10", f6=sent))
    assert reading.discharges[0]["stay"]["conditions"][0]["kind"] == kind
    assert reading.notes == ()


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("ICD10GM2026", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"),
        ("ICD-10-GM-2024", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"),
        ("ICD-10-CM 2025", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("I10-2019", ICD10),
        ("ICD-10-AM", "http://hl7.org/fhir/sid/icd-10-am"),
    ],
)
def test_a_yearly_edition_is_of_its_coding_system(understood, name, system):
    reading = understood(PID, at("DG1", f3=f"I10^^{name}"))
    assert reading.discharges[0]["stay"]["conditions"][0]["code"]["system"] == system
    assert reading.notes == ()


def test_a_planned_stay_starts_when_its_event_is_planned_where_no_more_is_said(understanding):
    head = "MSH|^~\\&|ADT|MERCY|||20260301151500+0100||ADT^A05|1|P|2.8\rEVN|A05|20260301151500+0100|20260310|"
    for segment, start in ((at("PV2", f1=""), "2026-03-10"), (at("PV2", f8="20260311"), "2026-03-11")):
        raw = "\r".join((head, PID, at("PV1", f2="I", f19="V-1"), segment)).encode()
        (discharge,) = understanding.hl7v2(MERCY, InboundMessage(raw, "", "hl7v2", "http", (), "")).discharges
        assert discharge["stay"]["period"] == {"start": start}
