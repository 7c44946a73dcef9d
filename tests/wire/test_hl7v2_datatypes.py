"""Data types of HL7 v2: whatever shape a version or a sender gives a value, it is read as what it says."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import read
from service.wire.hl7v2.json_schema import FIELDS
from service.wire.hl7v2.types.datatypes import READ
from service.wire.hl7v2.types.systems import CodeSystems
from service.wire.hl7v2.view import to_json

ZONE = ZoneInfo("Europe/Copenhagen")
ICD10 = "http://hl7.org/fhir/sid/icd-10"
SYSTEMS = CodeSystems("mercy", {"I10": ICD10, "urn:oid:2.16.840.1.113883.6.3": ICD10}.get)
OURS = "urn:casebridge:coding-system:mercy"
TABLE = "http://terminology.hl7.org/CodeSystem/v2-"


def view(*segments):
    text = "\r".join(("MSH|^~\\&|ADT|HOSP|CB|CB|20240131||ADT^A03|17|P|2.5", *segments))
    (message,) = read(text.encode("utf-8", "replace")).items
    assert isinstance(message, Message)
    return to_json(message, ZONE, SYSTEMS)


def field(place, sent):
    """A field of the first segment of a name, as it is read."""
    name, _, number = place.partition("-")
    segment = view(f"{name}{'|' * int(number)}{sent}").json[name]
    return (segment[0] if isinstance(segment, list) else segment).get(f"f{number}", {})


def read_of(field_read):
    """What was read of components, without these."""
    return {key: value for key, value in field_read.items() if not (key[0] == "c" and key[1:2].isdigit())}


@pytest.mark.parametrize(
    ("sent", "points"),
    [
        ("555-0100", [{"value": "555-0100"}]),
        ("555-0100^PRN^PH", [{"value": "555-0100", "use": [{"code": "PRN"}], "equipment": "PH"}]),
        ("^PRN^PH^^45^22^334455", [{"value": "+45 22 334455", "use": [{"code": "PRN"}], "equipment": "PH"}]),
        ("^^^^+45^^22334455", [{"value": "+45 22334455"}]),
        ("^^^^^11^223344", [{"value": "11 223344"}]),
        ("^^^^45^11^223344^678", [{"value": "+45 11 223344 ext. 678"}]),
        ("^^^^^206^5551212^12^^#", [{"value": "206 5551212 ext. #12"}]),
        ("^WPN^PH^^^^^^^^^555-9999", [{"value": "555-9999", "use": [{"code": "WPN"}], "equipment": "PH"}]),
        (
            "(206)555-1212^PRN^PH^^1^206^5551212",
            [{"value": "+1 206 5551212", "use": [{"code": "PRN"}], "equipment": "PH"}],
        ),
        ("^^^^1^206^5551212^^^^^+12065551212", [{"value": "+12065551212"}]),
        ("^^^^^^^^after five, ask for Bo", [{"value": "after five, ask for Bo"}]),
        (
            "^NET^Internet^bo@example.org",
            [{"value": "bo@example.org", "kind": "email", "use": [{"code": "NET"}], "equipment": "Internet"}],
        ),
        ("bo@example.org", [{"value": "bo@example.org", "kind": "email"}]),
        ("^^^^^^^^^^^bo@example.org", [{"value": "bo@example.org", "kind": "email"}]),
        ("bo@example.org^NET^X.400^bo@example.org", 1),
        ("bo at example^NET", [{"value": "bo at example", "kind": "email", "use": [{"code": "NET"}]}]),
        ("https://example.org/bo^NET^Internet", 1),
        ("(555) 555-2004^^Internet", [{"value": "(555) 555-2004"}]),
        ("^^PH^+4528314167", [{"value": "+4528314167", "equipment": "PH"}]),
        (
            "^^Internet^bo@example.org^45^22^334455^6",
            [
                {"value": "bo@example.org", "kind": "email", "equipment": "Internet"},
                {"value": "+45 22 334455 ext. 6"},
            ],
        ),
        ("^^^5550100", [{"value": "5550100"}]),
        (
            "^PRN^PH^bo@example.org^45^22^334455",
            [
                {"value": "bo@example.org", "kind": "email", "use": [{"code": "PRN"}], "equipment": "PH"},
                {"value": "+45 22 334455", "use": [{"code": "PRN"}], "equipment": "PH"},
            ],
        ),
        ("^PRN^PH", None),
        ("^^^^45", None),
    ],
)
def test_a_contact_point_is_read_in_every_shape(sent, points):
    for place in ("PID-13", "PID-14", "PID-40", "NK1-5", "NK1-6", "NK1-40", "ROL-12", "PRT-15"):
        points_read = field(place, sent).get("points")
        assert (
            points_read == points
            if points is None or isinstance(points, list)
            else len(points_read) == points
        )


def test_a_contact_point_is_told_once_of_a_segment():
    pid = view("PID" + "|" * 13 + "22 33 44~223344~55|22-33-44" + "|" * 26 + "55~66").json["PID"]
    points_read = [repetition.get("points") for number in (13, 14, 40) for repetition in pid[f"r{number}"]]
    assert points_read == [[{"value": "22 33 44"}], None, [{"value": "55"}], None, None, [{"value": "66"}]]


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Ash^Anna", {"family": "Ash", "given": ["Anna"]}),
        ("Ash^Anna^Bea Cia", {"family": "Ash", "given": ["Anna", "Bea Cia"]}),
        ("&von&Ahn^Ida", {"family": "von Ahn", "given": ["Ida"]}),
        ("von Ahn&von&Ahn^Ida", {"family": "von Ahn", "given": ["Ida"]}),
        ("&&Ahn^Ida", {"family": "Ahn", "given": ["Ida"]}),
        ("&&&van&Dam^Ida", {"family": "van Dam", "given": ["Ida"]}),
        (
            "Ash^Anna^^Jr^Dr^MD",
            {"family": "Ash", "given": ["Anna"], "prefix": ["Dr"], "suffix": ["Jr", "MD"]},
        ),
        ("^Anna", {"given": ["Anna"]}),
    ],
)
def test_a_name_is_read_in_every_shape_also_after_a_number(sent, name):
    for place in ("PID-5", "PID-9", "NK1-2", "NK1-30"):
        assert read_of(field(place, sent)) == name
    for place in ("PV1-7", "PV1-17", "PV1-52", "PV2-13", "PD1-4", "ROL-4", "PRT-5"):
        assert read_of(field(place, f"D-1^{sent}")) == name


@pytest.mark.parametrize(
    ("sent", "period"),
    [
        ("Ash^^^^^^^^^20200101&20201231", {"start": "2020-01-01", "end": "2020-12-31"}),
        ("Ash^^^^^^^^^^^20200101^2021", {"start": "2020-01-01", "end": "2021"}),
        ("Ash^^^^^^^^^^^^202106", {"end": "2021-06"}),
        ("Ash^^^^^^^^^^^soon", None),
        ("Ash^^^^^^^^^^^2021^20200101", None),
        ("Ash^^^^^^^^^^^20200101^2020", {"start": "2020-01-01", "end": "2020"}),
    ],
)
def test_a_name_says_since_and_until_when(sent, period):
    assert field("PID-5", sent).get("period") == period
    assert field("PV1-7", f"D-1^{sent.replace('Ash^', 'Ash^^^^^^^')}").get("period") == period


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("Kanalvej 7^^Aarhus", {"line": ["Kanalvej 7"]}),
        ("&Kanalvej&7^^Aarhus", {"line": ["Kanalvej 7"]}),
        ("Kanalvej 7&Kanalvej&7^2nd floor^^^^^^c/o Ash", {"line": ["Kanalvej 7", "2nd floor", "c/o Ash"]}),
        ("^^Aarhus^^8000", {}),
        ("^^Aarhus^^^^^^^^^20200101&2021", {"period": {"start": "2020-01-01", "end": "2021"}}),
        ("^^Aarhus^^^^^^^^^^20200101", {"period": {"start": "2020-01-01"}}),
        ("^^Aarhus^^^^^^^^^^^2021", {"period": {"end": "2021"}}),
    ],
)
def test_an_address_is_read_in_every_shape(sent, read):
    for place in ("PID-11", "NK1-4"):
        assert read_of(field(place, sent)) == read


@pytest.mark.parametrize(
    ("sent", "coding", "text"),
    [
        ("S72.3^Fracture^I10", [{"system": ICD10, "code": "S72.3", "display": "Fracture"}], None),
        (
            "A1^One^KLINIK^S72.3^Fracture^I10^1^2^As told",
            [
                {"system": f"{OURS}:KLINIK", "code": "A1", "display": "One"},
                {"system": ICD10, "code": "S72.3", "display": "Fracture"},
            ],
            "As told",
        ),
        ("^^^^^^^^^S72.3^Fracture^I10", [{"system": ICD10, "code": "S72.3", "display": "Fracture"}], None),
        ("^Fracture", None, "Fracture"),
        ("S72.3^^^^^^^^^^^^^2.16.840.1.113883.6.3", [{"system": ICD10, "code": "S72.3"}], None),
        ("A1^^2.16.840.1.113883.6.3", [{"system": ICD10, "code": "A1"}], None),
        ("A1^^1.2.3.4", [{"system": "urn:oid:1.2.3.4", "code": "A1"}], None),
        ("A1^^urn:oid:1.2.3.4", [{"system": "urn:oid:1.2.3.4", "code": "A1"}], None),
        ("A1^^https://example.org/codes", [{"system": "https://example.org/codes", "code": "A1"}], None),
        ("A1^^LOCAL:DX", [{"system": f"{OURS}:LOCAL%3ADX", "code": "A1"}], None),
        ("A1^^HL70112", [{"system": f"{TABLE}0112", "code": "A1"}], None),
        ("A1^^hl7-0112", [{"system": f"{TABLE}0112", "code": "A1"}], None),
        ("A1^^2.16.840.1.113883.12.112", [{"system": f"{TABLE}0112", "code": "A1"}], None),
        ("A1^^My own/list", [{"system": f"{OURS}:My%20own%2Flist", "code": "A1"}], None),
        ("A1^^L", [{"system": f"{OURS}:L", "code": "A1"}], None),
        ("A1", [{"system": OURS, "code": "A1"}], None),
        ("A  1", [{"system": OURS, "code": "A 1"}], None),
    ],
)
def test_a_concept_has_all_its_codings_and_their_systems(sent, coding, text):
    for place in ("DG1-3", "PV2-3"):
        concept = field(place, sent)
        assert (concept.get("coding"), concept.get("text")) == (coding, text)


@pytest.mark.parametrize(
    ("place", "code", "system"),
    [
        ("PV1-2", "I", f"{TABLE}0004"),
        ("PV1-2", "DAY", f"{OURS}:PV1-2"),
        ("PV1-4", "E", f"{TABLE}0007"),
        ("PV1-4", "7", f"{OURS}:PV1-4"),
        ("PV1-36", "07", f"{TABLE}0112"),
        ("PV1-36", "99", f"{OURS}:PV1-36"),
        ("NK1-3", "Mother", f"{OURS}:NK1-3"),
        ("NK1-7", "C", f"{TABLE}0131"),
        ("NK1-7", "Next", f"{OURS}:NK1-7"),
        ("ROL-3", "Chief", f"{OURS}:ROL-3"),
        ("PID-8", "F", f"{TABLE}0001"),
        ("NK1-3", "SPO", f"{TABLE}0063"),
        ("ROL-3", "PP", f"{TABLE}0443"),
    ],
)
def test_a_code_of_no_stated_system_is_of_the_fields_table_if_that_has_it(place, code, system):
    assert field(place, code)["coding"] == [{"system": system, "code": code}]
    assert field(place, f"{code}^^KLINIK")["coding"][0]["system"] == f"{OURS}:KLINIK"


def test_a_system_that_nobody_knows_is_an_issue_that_names_the_place_and_not_the_value():
    result = view(
        "PV1||DAY^^KLINIK", "DG1|1||A^B^KLINIK", "DG1|2||S72^^I10^A^B^KLINIK", "DG1|3||A^B^L", "DG1|4||A"
    )
    assert [(issue.where, issue.code) for issue in result.issues] == [
        ("PV1-2.3", "code-invalid"),
        ("DG1-3.3", "code-invalid"),
        ("DG1[2]-3.6", "code-invalid"),
    ]
    assert not any("KLINIK" in issue.what for issue in result.issues)
    assert view("PID||||||||F^^KLINIK", "NK1|||SPO^^KLINIK").issues == ()


def test_before_2_4_the_fields_beside_a_diagnosis_say_of_which_system_it_is_and_in_which_words():
    one, other, words = view(
        "DG1|1|I10|S72.3|Broken leg", "DG1|2|X|S72.3^^I10^^^^^^Leg|Broken", "DG1|3|||Hurt"
    ).json["DG1"]
    assert (one["f3"]["coding"], one["f3"]["text"]) == ([{"system": ICD10, "code": "S72.3"}], "Broken leg")
    assert (other["f3"]["coding"][0]["system"], other["f3"]["text"]) == (ICD10, "Leg")
    assert ("f3" in words, words["f4"]["text"]) == (False, "Hurt")


@pytest.mark.parametrize(
    ("sent", "tag"),
    [
        ("fi", "fi"),
        ("FIN^Finnish^ISO639", "fin"),
        ("pt_BR", "pt-BR"),
        ("en-US^^ISO639", "en-US"),
        ("xx-yy^^BCP47", "xx-yy"),
        ("F^Finnish^L", None),
        ("fi^Finnish^KLINIK", None),
        ("und", None),
        ("^Finnish", None),
        ("1^^^smn^^ISO639", "smn"),
    ],
)
def test_a_language_is_a_tag_where_its_code_is_one(sent, tag):
    assert field("PID-15", sent).get("tag") == tag


@pytest.mark.parametrize(
    ("place", "sent", "words"),
    [
        ("PV1-3", "W^12^1^GENERAL", "W 12 1"),
        ("PV1-3", "W^^1", "W 1"),
        ("PV1-3", "W^12^^GENERAL^^^North^2^Ward by the river", "W 12, North, 2, Ward by the river"),
        ("PV1-3", "^^^GENERAL", "GENERAL"),
        ("PV1-37", "Northtown", "Northtown"),
        ("PV1-37", "04&Rehab home Sunny&HL70113^20260301", "Rehab home Sunny"),
        ("PV1-37", "04^Rehab home Sunny", "Rehab home Sunny"),
        ("PV1-37", "04^20260301", "04"),
    ],
)
def test_a_place_is_told_in_words(place, sent, words):
    assert field(place, sent)["words"] == words


@pytest.mark.parametrize(
    ("sent", "number"),
    [("1", 1), ("02", 2), ("0", None), ("P", None), ("1.5", None), ("9" * 30, None), ("²", None)],
)
def test_a_rank_is_a_number(sent, number):
    assert field("DG1-15", sent).get("number") == number


def test_restrictions_that_are_not_taken_back_are_listed():
    message = view(
        "PID|1||7", "ARV|1|A|LOC~PID-7", "ARV|2|D|ALL", "PV1|1", "ARV|3|U|DEM^Demographics", "PID|2||8"
    ).json
    assert message["restricted"] == ["LOC", "PID-7", "DEM"]
    assert "restricted" not in message["patients"][1]


def test_every_field_that_is_read_whole_is_a_field():
    assert all(max(readers) <= FIELDS[name] for name, readers in READ.items())


@given(
    st.sampled_from([(name, number) for name, fields in READ.items() for number in fields]),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("^&~|@+"), max_size=80),
)
def test_any_text_is_read(place, text):
    result = view(f"{place[0]}{'|' * place[1]}{text}")
    assert set(result.json) >= {"MSH", place[0]}
