"""Messages whose names, numbers, addresses and triggers were once read in part arrive whole."""

import pytest

from service.values.ids import resource_id
from tests.web.sent import a03


def resource(mercy, type_):
    """The one resource of a type, as an operator reads it."""
    return mercy.house.one(type_, partner=None)


def received(mercy, kind="clients"):
    """What was received of the one client or case."""
    (item,) = mercy.house.get(f"/api/{kind}", partner=None).json["items"]
    return mercy.house.get(f"/api/{kind}/{item['uuid']}", partner=None).json["received"]


def condition(mercy):
    """The Condition of the one diagnosis."""
    (case,) = mercy.cases()
    (known,) = received(mercy, "cases")["conditions"]
    path = f"/fhir/Condition/{resource_id(case['uuid'], 'Condition', known['id'])}"
    return mercy.house.get(path, partner=None).json


def test_a_trigger_that_is_not_used_is_answered_plainly(mercy):
    mercy.hl7v2(a03())
    answer = mercy.hl7v2(a03("MSG-2", "A45"))
    assert b"MSA|AA|MSG-2" in answer.data
    assert answer.data.count(b"ERR|") == 1
    assert b"ERR||MSH^1^9^1^2|201^Unsupported event code^HL70357|W|" in answer.data
    assert b"Trigger A45 is not used here: nothing was changed." in answer.data
    assert b"Nothing in it changes a case" not in answer.data


def test_what_is_not_known_is_told_where_it_stands_and_used_as_the_senders_own(mercy):
    sent = a03().replace(b"brain injury^SCT", b"brain injury^OURS").replace(b"|19900501|O", b"|19900501|Q")
    answer = mercy.hl7v2(sent)
    assert b"MSA|AA" in answer.data
    assert b"ERR||DG1^1^3^1^3|103^Table value not found^HL70357|W|" in answer.data
    assert b"ERR||PID^1^8^1^1|103^Table value not found^HL70357|W|" in answer.data
    (coding,) = condition(mercy)["code"]["coding"]
    assert (coding["system"], coding["code"]) == ("urn:casebridge:coding-system:mercy:OURS", "127295002")
    assert resource(mercy, "Patient")["gender"] == "unknown"


def test_all_codes_of_a_diagnosis_stand_in_its_condition_the_public_one_first(mercy):
    sent = a03().replace(b"|127295002^Traumatic brain injury^SCT", b"|B1^Brain^L^127295002^Injury^SCT")
    assert b"MSA|AA" in mercy.hl7v2(sent).data
    codings = condition(mercy)["code"]["coding"]
    assert [(coding["system"], coding["code"]) for coding in codings] == [
        ("http://snomed.info/sct", "127295002"),
        ("urn:casebridge:coding-system:mercy:L", "B1"),
    ]


@pytest.mark.parametrize("trigger", ["A40", "A47", "A18", "A39"])
def test_whoever_has_another_number_now_is_still_the_same(mercy, trigger):
    mercy.hl7v2(a03())
    other = a03("MSG-2", trigger, person="R-2", more="MRG|R-1^^^&urn:example:persons&URI\r")
    assert b"MSA|AA" in mercy.hl7v2(other).data
    assert b"MSA|AA" in mercy.hl7v2(a03("MSG-3", "A08", person="R-2")).data
    assert len(mercy.cases()) == 1
    assert {identifier["value"] for identifier in resource(mercy, "Patient")["identifier"]} >= {"R-1", "R-2"}


def test_a_person_update_makes_no_case_and_changes_no_stay(mercy):
    assert b"MSA|AA" in mercy.hl7v2(a03("MSG-0", "A28")).data
    assert mercy.cases() == []
    mercy.hl7v2(a03("MSG-1"))
    before = received(mercy, "cases")
    sent = (
        a03("MSG-2", "A31")
        .replace(b"Rider^River", b"Ryder^River")
        .replace(b"20260227150000", b"20260228150000")
    )
    assert b"MSA|AA" in mercy.hl7v2(sent.replace(b"PV1|1|I", b"PV1|1|N")).data
    assert resource(mercy, "Patient")["name"][0]["family"] == "Ryder"
    assert received(mercy, "cases") == before


def message(control_id, person, visit="V-1", name="Rider^River", born="19900501", trigger="A01"):
    said = a03(control_id, trigger, visit=visit).replace(b"R-1^^^&urn:example:persons&URI", person.encode())
    return said.replace(b"Rider^River", name.encode()).replace(b"19900501", born.encode())


def test_a_number_sent_once_without_its_authority_is_not_that_of_another_authority(mercy):
    for at, person in enumerate(("P-1^^^WARDS^MR", "P-1")):
        assert b"MSA|AA" in mercy.hl7v2(message(f"MSG-{at}", person)).data
    twin = mercy.hl7v2(message("MSG-2", "P-1^^^CLINIC^MR", visit="V-2", name="Rider^Sky"))
    other = mercy.hl7v2(message("MSG-3", "P-1^^^SCHOOL^MR", visit="V-3", name="Berg^Tom", born="19550505"))
    assert b"\rERR" not in twin.data + other.data
    assert len(mercy.cases()) == 3


@pytest.mark.parametrize("trigger", ["A40", "A47"])
def test_a_number_that_is_corrected_by_a_merge_is_no_evidence_against_the_person(mercy, trigger):
    assert b"\rERR" not in mercy.hl7v2(message("MSG-1", "R-1^^^MERCY^MR~0105904444^^^CPR^NI")).data
    merge = (
        message("MSG-2", "R-1^^^MERCY^MR~0105905555^^^CPR^NI", trigger=trigger) + b"MRG|0105904444^^^CPR^NI\r"
    )
    assert b"(other-person)" not in mercy.hl7v2(merge).data
    assert b"\rERR" not in mercy.hl7v2(message("MSG-3", "R-1^^^MERCY^MR~0105905555^^^CPR^NI")).data
    assert len(mercy.cases()) == 1


@pytest.mark.parametrize(
    ("person", "name", "born"),
    [
        ("R-2^^^MERCY^MR", "Rider^River", "19900501"),
        ("R-2^^^MERCY^MR", "Berg^Tom", "19550505"),
        ("R-1^^^MERCY^MR~R-2^^^MERCY^MR", "Rider^River", "19900501"),
    ],
)
def test_who_was_merged_is_told_of_as_before_or_as_who_they_have_become(mercy, person, name, born):
    mercy.hl7v2(message("MSG-1", "R-1^^^MERCY^MR"))
    mercy.hl7v2(message("MSG-2", "R-2^^^MERCY^MR", visit="V-2", name="Berg^Tom", born="19550505"))
    merge = message("MSG-3", "R-1^^^MERCY^MR", trigger="A40") + b"MRG|R-2^^^MERCY^MR\r"
    assert b"MSA|AA" in mercy.hl7v2(merge).data
    assert b"\rERR" not in mercy.hl7v2(message("MSG-4", person, visit="V-2", name=name, born=born)).data
