"""What an ADT message comes to by the inbound mapping: each fact whole, and a note of what is not used."""

from itertools import permutations

import pytest

from service.flows.discharge.understand import Understanding
from service.settings import Settings
from service.values.access.scope import Partner
from service.values.inbound.inbox import InboundMessage
from service.wiring import compiled

MERCY = Partner("mercy", "hospital")
TABLE = "http://terminology.hl7.org/CodeSystem/v2-"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
SNOMED = "http://snomed.info/sct"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
LOCAL = "urn:casebridge:coding-system:mercy"
GONE = (
    "A45",
    "A41",
    "A42",
    "A35",
    "A50",
    "A24",
    "A37",
    "A09",
    "A10",
    "A15",
    "A16",
    "A25",
    "A26",
    "A29",
    "A32",
    "A60",
)


@pytest.fixture(scope="module")
def understanding():
    return Understanding(compiled.inbounds(Settings.from_env({})))


@pytest.fixture
def understood(understanding):
    """What some segments come to, after MSH and EVN."""

    def understood(*segments, trigger="A03"):
        at = "20260301151500+0100"
        head = f"MSH|^~\\&|ADT|MERCY|||{at}||ADT^{trigger}|1|P|2.8", f"EVN|{trigger}|{at}"
        raw = "\r".join((*head, *segments)).encode()
        return understanding.hl7v2(MERCY, InboundMessage(raw, "", "hl7v2", "http", (), ""))

    return understood


@pytest.fixture
def made(understood):
    """The one discharge that some segments come to."""

    def made(*segments, **more):
        (discharge,) = understood(*segments, **more).discharges
        return discharge

    return made


def at(name, **fields):
    """A segment with some fields by number, `f8="F"`."""
    numbered = {int(key[1:]): value for key, value in fields.items()}
    return "|".join((name, *(numbered.get(number, "") for number in range(1, max(numbered) + 1))))


def places(understood_):
    return [(note.where, note.code) for note in understood_.notes]


PID = at("PID", f3="4711^^^MERCY^MR")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        *(
            ("F", "female"),
            ("f", "female"),
            ("female", "female"),
            ("FEMALE", "female"),
            ("F^Female^HL70001", "female"),
        ),
        *(
            ("M", "male"),
            ("Male", "male"),
            ("X^man^L", "male"),
            ("O", "other"),
            ("A", "other"),
            ("N", "other"),
        ),
        *(("U", "unknown"), ("unknown", "unknown"), ("", None)),
    ],
)
def test_a_sex_is_read_by_a_table_of_codes_and_words(understood, sent, meant):
    reading = understood(at("PID", f3="1", f8=sent))
    assert reading.discharges[0]["patient"].get("gender") == meant
    assert reading.notes == ()


def test_a_sex_that_nobody_mapped_is_unknown_and_told_of_by_its_place(understood):
    reading = understood(at("PID", f3="1", f8="Q7"))
    assert reading.discharges[0]["patient"]["gender"] == "unknown"
    assert places(reading) == [("PID-8.1", "code-invalid")]
    assert "Q7" not in reading.notes[0].what


@pytest.mark.parametrize(
    ("sent", "tag"),
    [
        *(
            ("fi", "fi"),
            ("fi^Finnish^ISO639", "fi"),
            ("FIN", "fi"),
            ("ger^German^ISO639", "de"),
            ("deu", "de"),
        ),
        *(
            ("EN^ENGLISH^HL70296", "en"),
            ("ENGLISH", "en"),
            ("^Finnish", "fi"),
            ("x^Finnish^L", "fi"),
            ("sme", "sme"),
        ),
        *(("pt-BR", "pt-BR"), ("1", None)),
    ],
)
def test_a_language_is_a_tag(understood, sent, tag):
    reading = understood(at("PID", f3="1", f15=sent))
    assert reading.discharges[0]["patient"].get("language") == tag
    assert places(reading) == ([] if tag else [("PID-15.1", "code-invalid")])


def test_a_person_is_told_of_whole(made):
    patient = made(
        at(
            "PID",
            f3="1",
            f5="&von&Ahn^Ida^Eva^Jr^Dr^MD^L^^^20200101&2024~Ash^Ida^^^^^M",
            f9="Idi^^^^^^N",
            f11="&Kanalvej&7^2nd floor^Aarhus^Midt^8000^DK^H^c/o Ash^Aarhus"
            "~Old Lane 1^^^^^^BA^^^^^^20200101^2021",
            f13="^PRN^PH^^45^22^334455~^PRN^CP^^^^555-1234~^NET^Internet^ida@example.org",
            f14="^^FX^^45^22^334456",
            f40="^PRN^PH^^45^22^334455~^ORN^PH^^^^777",
        )
    )["patient"]
    assert patient["names"] == [
        {
            "use": "official",
            "family": "von Ahn",
            "given": ["Ida", "Eva"],
            "prefix": ["Dr"],
            "suffix": ["Jr", "MD"],
            "period": {"start": "2020-01-01", "end": "2024"},
        },
        {"use": "maiden", "family": "Ash", "given": ["Ida"]},
        {"use": "nickname", "family": "Idi"},
    ]
    assert patient["addresses"] == [
        {
            "use": "home",
            "line": ["Kanalvej 7", "2nd floor", "c/o Ash"],
            "city": "Aarhus",
            "district": "Aarhus",
            "state": "Midt",
            "postal_code": "8000",
            "country": "DK",
        },
        {"use": "old", "line": ["Old Lane 1"], "period": {"start": "2020-01-01", "end": "2021"}},
    ]
    assert patient["telecom"] == [
        {"system": "phone", "value": "+45 22 334455", "use": "home"},
        {"system": "phone", "value": "555-1234", "use": "mobile"},
        {"system": "email", "value": "ida@example.org"},
        {"system": "fax", "value": "+45 22 334456", "use": "work"},
        {"system": "phone", "value": "777", "use": "home"},
    ]


@pytest.mark.parametrize(
    ("segments", "is_protected"),
    [
        ((at("PD1", f12="Y"),), True),
        ((at("PD1", f12="N"),), False),
        ((at("ARV", f2="A", f3="LOC"),), True),
        ((at("ARV", f2="U", f3="PID-7~DEM^Demographics"),), True),
        ((at("ARV", f2="A", f3="PID-7"),), False),
        ((at("ARV", f2="D", f3="ALL"),), False),
        ((at("PV1", f2="I"), at("ARV", f2="X", f3="ALL")), True),
    ],
)
def test_who_is_protected_is_so_by_pd1_or_arv(made, segments, is_protected):
    assert ("protected_identity" in made(PID, *segments)["patient"]) == is_protected


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


DOCTOR = {"family": "Pott", "given": ["Ole"], "prefix": ["Dr"], "suffix": ["PhD"]}


@pytest.mark.parametrize(
    ("segment", "role"),
    [
        *(
            (("PV1", number), role)
            for number, role in ((7, "attending"), (8, "referring"), (9, "consulting"))
        ),
        *((("PV1", number), role) for number, role in ((17, "admitting"), (52, "contact"))),
        (("PV2", 13), "referring"),
        (("PD1", 4), "primary-care"),
    ],
)
def test_a_doctor_has_a_name_and_a_number_or_one_of_them(made, segment, role):
    name, number = segment
    sent = (
        "D-1^Pott^Ole^^^Dr^PhD^^&urn:example:doctors&URI~^Pott~D-2^^^^^^^^&urn:example:doctors&URI~^^^^^^MD"
    )
    contacts = made(PID, at(name, **{f"f{number}": sent}))["contacts"]
    for one in (identifier for contact in contacts for identifier in contact.get("identifiers", [])):
        assert one.pop("known_as")[-1] == "urn:casebridge:authority:mercy"
    assert contacts == [
        {"role": role, "identifiers": [{"system": "urn:example:doctors", "value": "D-1"}], "names": [DOCTOR]},
        {"role": role, "names": [{"family": "Pott"}]},
        {"role": role, "identifiers": [{"system": "urn:example:doctors", "value": "D-2"}]},
    ]


@pytest.mark.parametrize(
    ("sent", "action"),
    [
        *(
            ("AD", "add"),
            ("A", "add"),
            ("LI", "add"),
            ("UP", "update"),
            ("CO", "update"),
            ("UC", "update"),
            ("", None),
        ),
        *(("DE", "delete"), ("D", "delete"), ("UN", "delete")),
    ],
)
def test_who_takes_part_says_what_is_to_be_done_of_them(understood, sent, action):
    role = at(
        "ROL",
        f2=sent,
        f3="x^Own^L^PP^Primary Care Provider^HL70443",
        f4="^Pott",
        f5="20260101",
        f12="^WPN^PH^^^^7",
    )
    part = at("PRT", f2=sent, f4="AT", f5="^Pott", f8="Clinic by the river", f11="20260101", f15="7")
    reading = understood(PID, role, part)
    more = {"action": action} if action else {}
    pott = {"names": [{"family": "Pott"}], "telecom": [{"system": "phone", "value": "7", "use": "work"}]}
    period = {"period": {"start": "2026-01-01"}}
    own = {"system": f"{LOCAL}:L", "code": "x", "display": "Own"}
    primary = {
        "system": f"{TABLE}0443",
        "code": "PP",
        "display": "Primary Care Provider",
        "alternates": [own],
    }
    attending = {"system": f"{TABLE}0912", "code": "AT"}
    assert reading.discharges[0]["contacts"] == [
        {"role": "primary-care", "role_as_sent": primary, **more, **pott, **period},
        {"role": "attending", "role_as_sent": attending, **more, **pott, **period},
    ]
    assert reading.notes == ()


def test_an_action_that_nobody_knows_is_told_of(understood):
    segments = at("ROL", f2="QQ", f3="PP", f4="^Pott"), at("DG1", f3="A1^^I10", f21="QQ")
    assert sorted(places(understood(PID, *segments))) == [
        ("DG1-21.1", "code-invalid"),
        ("ROL-2.1", "code-invalid"),
    ]


@pytest.mark.parametrize(
    ("sent", "relationship", "as_sent"),
    [
        ("SPO", "spouse", {"system": f"{TABLE}0063", "code": "SPO"}),
        (
            "SPO^Ægtefælle",
            "spouse",
            {"system": f"{TABLE}0063", "code": "SPO", "display": "Ægtefælle"},
        ),
        (
            "MTH^MOTHER^HL70063",
            "parent",
            {"system": f"{TABLE}0063", "code": "MTH", "display": "MOTHER"},
        ),
        ("Father", "parent", {"system": f"{LOCAL}:NK1-3", "code": "Father"}),
        ("MOTHER", "parent", {"system": f"{LOCAL}:NK1-3", "code": "MOTHER"}),
        ("^Wife", "spouse", {"text": "Wife"}),
        ("DOMPART^^RoleCode", "partner", {"system": ROLE_CODE, "code": "DOMPART"}),
        ("7^Neighbour^L", "neighbour", {"system": f"{LOCAL}:L", "code": "7", "display": "Neighbour"}),
        (
            "EMC^Emergency contact",
            "other",
            {"system": f"{TABLE}0063", "code": "EMC", "display": "Emergency contact"},
        ),
        ("", "other", None),
    ],
)
def test_a_relationship_is_read_by_a_table_of_codes_and_words_and_kept_as_it_was_sent(
    made, sent, relationship, as_sent
):
    (kin,) = made(PID, at("NK1", f2="Ash^Bo", f3=sent))["related_persons"]
    assert kin["relationship"] == relationship
    assert kin.get("relationships_as_sent") == (as_sent and [as_sent])


def test_what_somebody_is_to_be_asked_for_stands_beside_what_they_are(made):
    (kin,) = made(PID, at("NK1", f2="Ash^Bo", f3="SPO", f7="C^Emergency contact^HL70131"))["related_persons"]
    assert kin["relationship"] == "spouse"
    assert kin["relationships_as_sent"] == [
        {"system": f"{TABLE}0063", "code": "SPO"},
        {"system": f"{TABLE}0131", "code": "C", "display": "Emergency contact"},
    ]


def test_next_of_kin_are_told_of_whole_also_without_a_name(made):
    named, nameless, organisation, unknown = (
        at(
            "NK1",
            f2="&von&Ahn^Bo^^Jr~Ash^Bo^^^^^M",
            f3="SPO",
            f4="&Kanalvej&7^^Aarhus",
            f5="^PRN^PH^^45^22^334455~^NET^Internet^bo@example.org",
            f6="^WPN^PH^^45^44^556677",
            f8="20200101",
            f9="20251231",
            f15="M",
            f40="^PRN^CP^^^^9",
        ),
        at("NK1", f3="FND", f5="555-0102"),
        at("NK1", f3="EMC", f13="Clinic", f30="Pott^Ole", f31="7"),
        at("NK1", f1="1", f3="FND"),
    )
    assert made(PID, named, nameless, organisation, unknown)["related_persons"] == [
        {
            "relationship": "spouse",
            "relationships_as_sent": [{"system": f"{TABLE}0063", "code": "SPO"}],
            "names": [
                {"family": "von Ahn", "given": ["Bo"], "suffix": ["Jr"]},
                {"use": "maiden", "family": "Ash", "given": ["Bo"]},
            ],
            "telecom": [
                {"system": "phone", "value": "+45 22 334455", "use": "home"},
                {"system": "email", "value": "bo@example.org"},
                {"system": "phone", "value": "+45 44 556677", "use": "work"},
                {"system": "phone", "value": "9", "use": "mobile"},
            ],
            "addresses": [{"line": ["Kanalvej 7"], "city": "Aarhus"}],
            "gender": "male",
            "period": {"start": "2020-01-01", "end": "2025-12-31"},
        },
        {
            "relationship": "friend",
            "relationships_as_sent": [{"system": f"{TABLE}0063", "code": "FND"}],
            "telecom": [{"system": "phone", "value": "555-0102", "use": "home"}],
        },
        {
            "relationship": "other",
            "relationships_as_sent": [{"system": f"{TABLE}0063", "code": "EMC"}],
            "names": [{"family": "Pott", "given": ["Ole"]}],
            "telecom": [{"system": "phone", "value": "7"}],
        },
        {"relationship": "friend", "relationships_as_sent": [{"system": f"{TABLE}0063", "code": "FND"}]},
    ]


def test_what_ends_before_it_starts_has_no_end(made):
    (kin,) = made(PID, at("NK1", f2="Ash^Bo", f8="20200101", f9="2019"))["related_persons"]
    assert kin["period"] == {"start": "2020-01-01"}


@pytest.mark.parametrize(
    ("fields", "payer", "subscriber"),
    [
        ({"f4": "Northern Health", "f36": "M-1"}, "Northern Health", "M-1"),
        ({"f15": "Medicare", "f36": "M-1"}, "Medicare", "M-1"),
        ({"f2": "P-7^Basic", "f36": "M-1"}, "Basic", "M-1"),
        ({"f35": "^Company plan", "f49": "M-2"}, "Company plan", "M-2"),
    ],
)
def test_an_insurance_is_told_of_with_what_it_has(made, fields, payer, subscriber):
    (coverage,) = made(PID, at("IN1", **fields))["coverages"]
    assert (coverage["payer"]["name"], coverage["subscriber_id"]) == (payer, subscriber)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("SEL", "self"),
        ("Self", "self"),
        ("x^Self^L", "self"),
        ("SPO", "spouse"),
        ("DOM", "partner"),
        ("CHD", None),
    ],
)
def test_what_somebody_is_to_the_subscriber_is_told_where_it_is_so_both_ways(made, sent, meant):
    (coverage,) = made(PID, at("IN1", f4="Northern", f17=sent))["coverages"]
    assert coverage.get("relationship") == meant


@pytest.mark.parametrize(
    ("triggers", "event"),
    [
        (("A05", "A14"), "plan"),
        (("A11", "A27", "A38"), "cancel-admit"),
        (("A02", "A17"), "transfer"),
        (("A08", "A54", "A55", "A28", "A31"), "update"),
        (("A21", "A53"), "leave"),
        (("A22", "A52"), "return"),
        (("A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47"), "merge"),
    ],
)
def test_a_trigger_says_what_has_happened(made, triggers, event):
    for trigger in triggers:
        discharge = made(PID, at("MRG", f1="4712^^^MERCY^MR"), at("PV1", f2="I", f19="V-1"), trigger=trigger)
        assert (trigger, discharge["event"]) == (trigger, event)


@pytest.mark.parametrize("trigger", ["A28", "A31"])
def test_what_tells_of_a_person_alone_tells_of_no_stay(understood, trigger):
    person = at("PID", f3="1", f18="V-9", f29="20260305", f30="Y")
    stay = at("PV1", f1="1", f2="N", f3="W", f19="V-1", f36="20", f44="20260301"), at("DG1", f3="I10^^I10")
    reading = understood(person, *stay, at("IN1", f4="Northern"), trigger=trigger)
    (said,) = reading.discharges
    assert said["stay"] == {"hospital": {"name": "MERCY"}}
    assert (said["patient"]["deceased"], said["patient"]["has_died"]) == ("2026-03-05", True)
    assert said["coverages"] == [{"payer": {"name": "Northern"}}]
    assert reading.notes == ()


def test_a_swap_moves_each_of_two_patients(understood):
    two = [
        segment
        for n in (1, 2)
        for segment in (at("PID", f3=str(n)), at("PV1", f2="I", f3=f"W^{n}", f19=f"V-{n}"))
    ]
    discharges = understood(*two, trigger="A17").discharges
    assert [(discharge["event"], discharge["stay"]["location"]) for discharge in discharges] == [
        ("transfer", "W 1"),
        ("transfer", "W 2"),
    ]


@pytest.mark.parametrize("trigger", GONE)
def test_a_trigger_that_is_not_used_is_told_so_and_nothing_else_is(understood, trigger):
    reading = understood(PID, at("MRG", f1="2"), at("PV1", f2="%%"), trigger=trigger)
    assert reading.discharges == ()
    assert [(note.what, note.where, note.code) for note in reading.notes] == [
        (f"Trigger {trigger} is not used here: nothing was changed.", "MSH-9.2", "not-supported")
    ]


def test_a_trigger_that_is_none_is_not_repeated(understood):
    (note,) = understood(PID, trigger="RIVER^EXAMPLE").notes
    assert note.what == "This trigger is not used here: nothing was changed."


@pytest.mark.parametrize(("sent", "meant"), [("Y", True), ("y", True), ("N", False), ("", None), ("U", None)])
def test_a_death_is_told_and_taken_back_by_its_flag(made, sent, meant):
    assert made(at("PID", f3="1", f30=sent))["patient"].get("has_died") == meant


def test_a_list_that_is_to_be_deleted_is_cleared_unless_something_else_is_said_of_it(made):
    nothing = at("PID", f3="1", f11='""', f13='""', f15='""')
    assert made(nothing)["cleared"] == ["patient.telecom", "patient.addresses", "patient.language"]
    assert "cleared" not in made(at("PID", f3="1", f11='""~Lane 1', f13='""~555'))
    assert "cleared" not in made(at("PID", f3="1", f13='""', f40="555"))


@pytest.mark.parametrize(
    ("sent", "meant", "noted"),
    [
        *((text, True, False) for text in ("yes", "T", "true", "1", "J", "ja")),
        *((text, False, False) for text in ("No", "F", "0", "nein")),
        *((("UNK", None, False)), ("Q7", None, True)),
    ],
)
def test_a_flag_is_read_as_senders_write_it_and_told_of_where_nobody_knows_it(understood, sent, meant, noted):
    reading = understood(at("PID", f3="1", f30=sent), at("PD1", f12=sent))
    patient = reading.discharges[0]["patient"]
    assert patient.get("has_died") == meant
    assert patient.get("protected_identity", False) == bool(meant)
    assert places(reading) == [(place, "code-invalid") for place in ("PID-30.1", "PD1-12.1") if noted]


@pytest.mark.parametrize(
    ("segment", "path"),
    [
        (at("PV1", f7='""'), "contacts.attending"),
        (at("PV1", f8='""'), "contacts.referring"),
        (at("PV1", f9='""'), "contacts.consulting"),
        (at("PV1", f17='""'), "contacts.admitting"),
        (at("NK1", f1="1", f2='""'), "related_persons"),
        (at("IN1", f1="1", f3='""', f4='""'), "coverages"),
    ],
)
def test_a_list_is_cleared_by_the_one_item_that_is_to_be_deleted(made, segment, path):
    assert made(PID, segment)["cleared"] == [path]
    assert "cleared" not in made(PID, segment.replace('""', "1^Ash^Bo"))


def test_a_diagnosis_that_is_unchanged_is_told_alone(made):
    conditions = made(PID, at("DG1", f3="I10^^I10", f20="D-1^MERCY", f21="X"))["stay"]["conditions"]
    assert [(condition["action"], condition["entry"]) for condition in conditions] == [("update", "D-1")]


@pytest.mark.parametrize(("flag", "use"), [("Y", "temp"), ("N", "official"), ("", "official")])
def test_the_name_of_somebody_whom_nobody_has_recognised_is_one_for_the_time_being(made, flag, use):
    (name,) = made(at("PID", f3="1", f5="Doe^John^^^^^L", f31=flag))["patient"]["names"]
    assert name["use"] == use


@pytest.mark.parametrize(
    ("sent", "uses"),
    [
        ("555^WPN", ["work", "work"]),
        ("555^Business", ["work", "work"]),
        ("555^HOME", ["home", "home"]),
        ("555^Cell", ["mobile", "mobile"]),
        # what nobody knows is not taken for a home's
        ("555^Q7", [None, "work"]),
        ("555", ["home", "work"]),
    ],
)
def test_the_use_of_a_number_is_read_as_senders_write_it_and_not_made_up(made, sent, uses):
    telecoms = [made(at("PID", f3="1", **{field: sent}))["patient"]["telecom"] for field in ("f13", "f14")]
    assert [name.get("use") for (name,) in telecoms] == uses


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


def test_an_insurance_of_which_nothing_says_who_pays_is_told_of(understood):
    reading = understood(PID, at("IN1", f4="Northern"), at("IN1", f36="M-1"))
    assert len(reading.discharges[0]["coverages"]) == 1
    assert places(reading) == [("IN1[2]-4", "required")]


def test_what_somebody_is_to_the_subscriber_is_told_of_where_it_is_not_used(understood):
    reading = understood(PID, at("IN1", f4="Northern", f17="CHD"), at("IN1", f4="Southern", f17="18"))
    assert [coverage.get("relationship") for coverage in reading.discharges[0]["coverages"]] == [None, "self"]
    assert places(reading) == [("IN1-17.1", "code-invalid")]


def test_the_organisation_of_a_contact_is_told_of_where_a_person_is_named(understood):
    reading = understood(PID, at("NK1", f2="Ash^Bo", f13="Sunny Home"), at("NK1", f13="Harbour Home"))
    assert reading.discharges[0]["related_persons"][1]["names"] == [{"text": "Harbour Home"}]
    assert places(reading) == [("NK1-13", "informational")]


def test_a_planned_stay_starts_when_its_event_is_planned_where_no_more_is_said(understanding):
    head = "MSH|^~\\&|ADT|MERCY|||20260301151500+0100||ADT^A05|1|P|2.8\rEVN|A05|20260301151500+0100|20260310|"
    for segment, start in ((at("PV2", f1=""), "2026-03-10"), (at("PV2", f8="20260311"), "2026-03-11")):
        raw = "\r".join((head, PID, at("PV1", f2="I", f19="V-1"), segment)).encode()
        (discharge,) = understanding.hl7v2(MERCY, InboundMessage(raw, "", "hl7v2", "http", (), "")).discharges
        assert discharge["stay"]["period"] == {"start": start}
