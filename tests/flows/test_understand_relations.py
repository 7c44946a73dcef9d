"""What doctors, next of kin and insurances come to by the inbound mapping, and a note of what is not used."""

import pytest

from tests.flows.segments import LOCAL, PID, ROLE_CODE, TABLE, at, places

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
