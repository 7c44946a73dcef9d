"""What is told in a message and read by nothing is named, by field and place; what it says never is."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access import policy
from service.flows.discharge.understand import Understanding
from service.flows.discharge.unused import NOT_USED, unused_issues
from service.mapping.author.reading import reading
from service.settings import Settings
from service.values.inbound.inbox import InboundMessage, Unused
from service.wire.fhir.definitions.r4 import definitions
from service.wire.fhir.exchange.bundles import USED
from service.wire.fhir.sent.incoming import stays
from service.wire.fhir.sent.reported import unused as in_fhir
from service.wire.hl7v2 import unused as in_hl7v2
from service.wire.hl7v2.er7.answer import answer
from service.wire.hl7v2.er7.parse import parse
from service.wire.hl7v2.json_schema import FIELDS
from service.wire.hl7v2.view import INSIDE
from service.wire.json import dump
from service.wire.outcomes import outcome
from service.wiring import compiled

GOLDEN = Path("mappings/golden")
UNDERSTANDING = Understanding(compiled.inbounds(Settings.from_env({})))
READING = UNDERSTANDING.reading
MESSAGE = (GOLDEN / "discharge-of-hl7v2" / "sent.hl7").read_text(encoding="utf-8").replace("\n", "\r")
BUNDLE = json.loads((GOLDEN / "discharge-of-fhir" / "sent.json").read_bytes())
NOW = datetime(2026, 2, 27, tzinfo=UTC)
SECRET = st.text("QWZXJ", min_size=6, max_size=300)


def of_message(text):
    message = parse(text.encode())
    return message, READING.hl7v2(policy.LOCAL, message)


def of_bundle(sent):
    copy = json.loads(json.dumps(sent))
    stays(copy)
    return READING.fhir(policy.LOCAL, copy)


BEFORE = of_message(MESSAGE)[1]
KNOWN = next(iter(READING.of_messages.values())).segments
OF_BUNDLE = of_bundle(BUNDLE)
ELEMENTS = next(iter(READING.of_resources.values()))


def with_field(text, segment, field, value):
    """The message with a field of the last segment of a name, which is added where there is none."""
    lines = text.rstrip("\r").split("\r")
    if not any(line.startswith(segment) for line in lines):
        lines.append(segment)
    number = max(number for number, line in enumerate(lines) if line.startswith(segment))
    fields = lines[number].split("|")
    fields += [""] * (field + 1 - len(fields))
    fields[field] = value
    lines[number] = "|".join(fields)
    sequence = sum(line.startswith(segment) for line in lines)
    return "\r".join(lines) + "\r", f"{segment}[{sequence}]" if sequence > 1 else segment


def unread_fields():
    for segment, count in FIELDS.items():
        # what stands in another segment is read there
        if any(segment in inside for inside in INSIDE.values()) and segment not in KNOWN:
            continue
        for field in range(1, count + 1):
            read = KNOWN.get(segment, {}).get(field)
            if f"{segment}-{field}" in {place.field for place in BEFORE}:
                continue
            if not in_hl7v2.is_structure(segment, field) and (
                read is None or not (read.components or read.whole)
            ):
                yield segment, field


def unread_elements():
    numbers = {entry["resource"]["resourceType"]: n for n, entry in enumerate(BUNDLE["entry"])}
    for type_ in sorted(set(numbers) & USED):
        known = {"resourceType", *ELEMENTS[type_], *BUNDLE["entry"][numbers[type_]]["resource"]}
        for element in (
            element for base in definitions().bases(type_) for element in definitions()[base].elements
        ):
            for name in element.json_names():
                if name not in known and f"{type_}.{name}" not in {place.field for place in OF_BUNDLE}:
                    yield type_, numbers[type_], name


@given(st.sampled_from(sorted(unread_fields())), SECRET)
def test_a_field_that_nothing_reads_is_named_whatever_it_says(place, secret):
    segment, field = place
    text, standing = with_field(MESSAGE, segment, field, secret)
    message, unused = of_message(text)
    named = f"{segment}-{field}" if segment in KNOWN else segment
    where = f"{standing}-{field}" if segment in KNOWN else standing
    assert set(unused) - set(BEFORE) == {Unused(named, where)}
    answered = answer(message.header, "accept", unused_issues(unused, 20), now=NOW, control_id="A1")
    assert secret.encode() not in answered
    assert where.partition("-")[0].partition("[")[0].encode() in answered


@given(st.sampled_from(sorted(unread_elements())), SECRET, st.sampled_from(["text", "list", "deep"]))
def test_an_element_that_nothing_reads_is_named_whatever_it_says(place, secret, shape):
    type_, number, name = place
    value = {"text": secret, "list": [{"value": secret}], "deep": {"coding": [{"code": secret}]}}[shape]
    sent = json.loads(json.dumps(BUNDLE))
    sent["entry"][number]["resource"][name] = value
    unused = of_bundle(sent)
    assert set(unused) - set(OF_BUNDLE) == {
        Unused(f"{type_}.{name}", f"Bundle.entry[{number}].resource.{name}")
    }
    assert secret.encode() not in dump(outcome(unused_issues(unused, 20), "information"))


@pytest.mark.parametrize(
    ("field", "value", "places"),
    [
        (
            ("PID", 5),
            "Rider^River^R.^Jr.^Dr.^MD^L^A^N^^G^2020^2021^RN^Rio",
            ["PID-5.9", "PID-5.14", "PID-5.15"],
        ),
        (("PID", 5), "Rider&van&Rider&von&Stray&X^River&Rio&R.^R.", ["PID-5.1.6", "PID-5.2.2", "PID-5.2.3"]),
        (("PID", 5), "Rider^River~Rider^Rio^^Sr.^^^^^N", ["PID-5[2].9"]),
        (("PID", 3), "R-1^9^M11^WARD&1.2.3&ISO^MR^CLINIC", []),
        (("PID", 8), "F^Female^HL70001", []),
        (("PID", 8), "F^Female^HL70001^W^Woman^LOCAL^2.9^1^Female", []),
        (("PID", 11), "1 Long Street&Long Street&1^^Aarhus^^8000^^^Upstairs^^T-1", ["PID-11.10"]),
        (
            ("PID", 13),
            "1^PRN^PH^a@b.example^45^1^1^1^x^1^S^1^2020^2021^R",
            ["PID-13.9", "PID-13.11", "PID-13.15"],
        ),
        (("PID", 13), "^PRN^PH^^45^1^1^^ask for Ann", ["PID-13.9"]),
        (("PID", 13), "^PRN^PH^^^^^^12 34 56", []),
        (("PID", 3), "R-1^^^WARD^MR^^20200101^20250101", []),
        (("PID", 15), "da^Danish^ISO639^^^^1", []),
        (("PD1", 4), "D-7^Rider^River^R.^Jr.^Dr.^MD^S^A^L^9^M11^NPI^F^A^N", ["PD1-4.16"]),
        (("DG1", 2), "I10^SCT", ["DG1[3]-2.2"]),
        (("DG1", 3), "S72^Break^I10^127^Break^SCT^1^2^Broken", []),
        (("DG1", 15), "1^2", ["DG1[3]-15.2"]),
        (("ARV", 3), "DEM~LOC^Place^LOCAL^X~ALL", ["ARV-3[2].4"]),
        (("PV1", 3), "W^12^1^GENERAL^O^N^B^2^West^9", ["PV1-3.5", "PV1-3.6", "PV1-3.10"]),
        (("IN1", 2), "P-7^Northern Basic^LOCAL^Q-7^Basic^OTHER^1^2", ["IN1-2.4"]),
        (("PID", 18), "A-1~A-2", ["PID-18[2]"]),
        (("PID", 6), '""', []),
        (("PID", 6), " ~ ^ ", []),
        (("PID", 6), '""~Rider', ["PID-6"]),
        (("ZPI", 2), "x", ["ZPI"]),
        (("GT1", 1), "1", []),
        (("MSH", 20), "2.3", []),
        (("PV1", 45), "20260227140000+0100^S", []),
    ],
)
def test_a_field_is_named_as_closely_as_it_is_read(field, value, places):
    text, _ = with_field(MESSAGE, *field, value)
    assert [place.where for place in of_message(text)[1] if place not in BEFORE] == places


def test_each_field_is_named_once_where_it_stands_first():
    more = MESSAGE + "OBX|1|ST|a||b\rOBX|2|ST|c||d\rNK1|2|A^B||||||||||||||||||||||||||||||Z^Z\r"
    more += "NK1|3|C^D||||||||||||||||||||||||||||||Y\rPV1|2|O\r"
    unused = [place for place in of_message(more)[1] if place not in BEFORE]
    assert unused == [("OBX", "OBX"), ("NK1-32", "NK1[2]-32"), ("PV1", "PV1[2]")]


def test_what_other_delimiters_part_is_found_too():
    text, _ = with_field(MESSAGE, "PID", 5, "Rider^River^R.^Jr.^^^^^N")
    odd = text.translate(str.maketrans("|^~&", "#!$%"))
    assert [place for place in of_message(odd)[1] if place not in BEFORE] == [("PID-5.9", "PID-5.9")]


@pytest.mark.parametrize(
    ("element", "value", "fields"),
    [
        ("maritalStatus", {"text": "x"}, ["Patient.maritalStatus"]),
        ("name", [{"family": "Rider", "suffix": ["Jr."]}], []),
        ("address", [{"city": "Aarhus", "type": "both"}], ["Patient.address.type"]),
        (
            "contact",
            [{"name": {"text": "x"}, "organization": {"display": "x"}}],
            ["Patient.contact.organization"],
        ),
        ("_birthDate", {"extension": [{"url": "x"}]}, ["Patient.birthDate.extension"]),
        ("telecom", [{"system": "phone", "value": "1", "id": "x"}], []),
        ("meta", {"tag": [{"code": "x"}]}, []),
        ("text", {"status": "generated", "div": "<div/>"}, []),
        ("contained", [{"resourceType": "Organization", "id": "o", "partOf": {}}], ["Organization.partOf"]),
    ],
)
def test_an_element_is_named_as_closely_as_it_is_read(element, value, fields):
    sent = json.loads(json.dumps(BUNDLE))
    (patient,) = [
        entry["resource"] for entry in sent["entry"] if entry["resource"]["resourceType"] == "Patient"
    ]
    patient[element] = value
    assert [place.field for place in of_bundle(sent) if place not in OF_BUNDLE] == fields


def test_a_reference_by_what_it_is_known_by_is_no_news_of_its_own():
    """Reading puts the identifier that stands in the literal beside it."""
    sent = {"resourceType": "Encounter", "serviceProvider": {"reference": "Organization?identifier=urn:o|1"}}
    assert of_bundle({"resourceType": "Bundle", "entry": [{"resource": sent}]}) == ()


def test_it_can_be_told_of_every_path_that_an_inbound_mapping_reads_what_it_is_made_of():
    (catalogue,) = UNDERSTANDING.catalogues.values()
    unknown = [path for path in reading(catalogue, "hl7v2").paths if not in_hl7v2.is_known(path)]
    unknown += [
        path
        for path in reading(catalogue, "fhir").paths
        if path.partition(".")[0] not in in_fhir.ENVELOPE and not list(in_fhir.elements(path))
    ]
    assert unknown == [], "say in `MADE_OF`, or in `ROOTS`, what these are made of"


def test_fields_beyond_the_first_are_named_in_one_note_that_an_answer_has_room_for():
    many = [Unused(f"PV1-{number}", f"PV1-{number}") for number in range(1, 55)]
    issues = unused_issues(many, 20)
    assert [issue.where for issue in issues] == [*(f"PV1-{number}" for number in range(1, 21)), ""]
    assert {issue.what for issue in issues[:-1]} == {NOT_USED}
    assert issues[-1].what.startswith("34 more are not used here: PV1-21, PV1-22, ")
    assert issues[-1].what.endswith(" others.")
    assert len(issues[-1].what) <= 250
    assert unused_issues(many[:1], 0)[0].what == "1 more is not used here: PV1-1."
    assert unused_issues([Unused("x" * 300, "x")], 0)[0].what == "1 more is not used here: 1 others."
    assert unused_issues(many[:20], 20)[-1].where == "PV1-20"


def test_an_understood_message_says_what_is_not_used_of_it():
    inbound = InboundMessage(MESSAGE.encode(), "x", "hl7v2", "mllp", (), "c")
    assert UNDERSTANDING.hl7v2(policy.LOCAL, inbound).unused == BEFORE
