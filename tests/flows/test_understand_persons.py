"""What PID, PD1 and ARV come to by the inbound mapping, and a note of what is not used."""

import pytest

from tests.flows.segments import PID, at, places


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
