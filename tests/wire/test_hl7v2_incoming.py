"""What an inbound mapping sees of an HL7 v2 message: whose numbers are whose, and when it ended."""

import pytest

from service.cases.identity.identifiers import same_number
from service.values.inbound.intake import IntakeSettings
from service.wire.hl7v2.er7.read import read
from service.wire.hl7v2.incoming import patients
from service.wire.hl7v2.types.authorities import GIVEN


def roots(pid="1^^^HOSP^MR", pv1="", evn="A03|20260302101500+0100", msh7="20260302101502+0100", **settings):
    text = f"MSH|^~\\&|EHR|CITY|||{msh7}||ADT^A03|7|P|2.5.1\rEVN|{evn}\rPID|||{pid}\rPV1||I{pv1}\r"
    (message,) = read(text.encode()).items
    return patients(message, "mercy", IntakeSettings(**settings))[0]


def at(number, value, before=""):
    """PV1 with one more field."""
    return before + "|" * (number - 2 - before.count("|")) + value


@pytest.mark.parametrize(
    ("sent", "system"),
    [
        ("1^^^&1.2.208.176.1.2&ISO", "urn:oid:1.2.208.176.1.2"),
        ("1^^^CPR&1.2.208.176.1.2&ISO^NNDNK", "urn:oid:1.2.208.176.1.2"),
        ("1^^^1.2.246.21", "urn:oid:1.2.246.21"),
        ("1^^^X&https://example.org/ids&URI", "https://example.org/ids"),
        ("1^^^X&6BA7B810-9DAD-11D1-80B4-00C04FD430C8&UUID", "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("1^^^HOSP^MR", "urn:casebridge:authority:mercy:HOSP"),
        ("1^^^ A/B ^MR", "urn:casebridge:authority:mercy:%20A%2FB"),
        ("1", "urn:casebridge:authority:mercy"),
        ("1^^^KNOWN^MR", "https://example.org/known"),
        ("1^^^KNOWN", "https://example.org/known"),
        ("1^^^KNOWN^AN", "https://example.org/known#AN"),
        ("1^^^HOSP^VN", "urn:casebridge:authority:mercy:HOSP#VN"),
    ],
)
def test_a_number_has_the_uri_of_who_assigned_it(sent, system):
    registered = (("KNOWN", "https://example.org/known"),)
    (root,) = roots(pid=sent, authorities=registered)
    assert [identifier["system"] for identifier in root["message"]["PID"]["r3"]] == [system]
    assert root["message"]["PID"]["f3"]["system"] == system


@pytest.mark.parametrize(
    ("field", "sent", "before"),
    [
        ("PID-3", "1^^^HOSP^MR", "HOSP:MR"),
        ("PID-3", "1^^^HOSP", "HOSP:MR"),
        ("PID-3", "1^^^HOSP^MRN", "HOSP:MRN"),
        ("PID-3", "1^^^HOSP^NNDNK", "HOSP:NNDNK"),
        ("PID-3", "1^^^^MR", "MR"),
        ("PID-18", "1^^^HOSP^AN", "HOSP:AN"),
        ("PID-18", "1^^^^AN", "AN"),
        ("PV1-19", "1^^^HOSP^VN", "HOSP:VN"),
        ("PV1-19", "1^^^HOSP", "HOSP:VN"),
    ],
)
def test_a_number_is_the_one_that_was_kept_with_its_type_in_the_name_of_its_system(field, sent, before):
    name, _, number = field.partition("-")
    text = {"PID-3": {"pid": sent}, "PID-18": {"pid": f"1{'|' * 15}{sent}"}, "PV1-19": {"pv1": at(19, sent)}}
    (root,) = roots(**text[field])
    (identifier,) = root["message"][name][f"r{number}"]
    before_identifier = {"system": f"urn:casebridge:authority:mercy:{before}", "value": "1"}
    assert same_number(
        {"value": identifier["c1"], **{name: identifier.get(name) for name in GIVEN}}, before_identifier
    )


@pytest.mark.parametrize(
    ("pv1", "order", "discharged"),
    [
        (at(45, "20260302090000+0100"), ("PV1-45", "EVN-2"), "2026-03-02T09:00:00+01:00"),
        ("", ("PV1-45", "EVN-6", "EVN-2"), "2026-03-02T10:15:00+01:00"),
        ("", ("PV1-45", "MSH-7"), "2026-03-02T10:15:02+01:00"),
        (at(43, "20260302080000+0100"), ("PV1-43", "EVN-2"), "2026-03-02T08:00:00+01:00"),
        # before the admission, and no day of the calendar: passed over
        (at(45, "20260228", at(44, "20260301")), ("PV1-45", "EVN-2"), "2026-03-02T10:15:00+01:00"),
        (at(45, "20260230101500"), ("PV1-45", "EVN-2"), "2026-03-02T10:15:00+01:00"),
        # long after it was told of: a year mistyped
        (at(45, "20270302090000+0100"), ("PV1-45", "EVN-2"), "2026-03-02T10:15:00+01:00"),
        (at(45, "20260403"), ("PV1-45", "EVN-2"), "2026-03-02T10:15:00+01:00"),
        (at(45, "20260402"), ("PV1-45", "EVN-2"), "2026-04-02"),
        (at(45, "2027"), ("PV1-45", "EVN-2"), "2026-03-02T10:15:00+01:00"),
        (at(45, "2026"), ("PV1-45", "EVN-2"), "2026"),
        (at(45, "99991231"), ("PV1-45", "EVN-2"), "2026-03-02T10:15:00+01:00"),
    ],
)
def test_the_discharge_is_where_the_partner_tells_it_and_can_be(pv1, order, discharged):
    (root,) = roots(pv1=pv1, discharge_time=order)
    assert root["times"]["discharged"] == discharged


def test_an_event_was_recorded_when_evn_says_or_else_when_the_message_was_made():
    assert roots()[0]["times"]["recorded"] == "2026-03-02T10:15:00+01:00"
    assert roots(evn="A03")[0]["times"]["recorded"] == "2026-03-02T10:15:02+01:00"
    assert roots(evn="A03|20260302")[0]["times"]["recorded"] == "2026-03-02T10:15:02+01:00"


def test_an_event_of_which_a_day_alone_is_told_was_recorded_at_its_end():
    read_roots = roots(evn="A03|20260302", msh7="20260303", time_zone="Europe/Helsinki")
    assert read_roots[0]["times"]["recorded"] == "2026-03-02T23:59:59+02:00"
    read_roots = roots(evn="A03", msh7="20260303")
    assert read_roots[0]["times"]["recorded"] == "2026-03-03T23:59:59+00:00"
    assert "recorded" not in roots(evn="A03", msh7="202603")[0]["times"]


def test_each_patient_of_a_message_has_roots_of_their_own():
    text = (
        "MSH|^~\\&|||||20260302||ADT^A40|7|P|2.5\rEVN|A40\rPID|||1^^^H\rMRG|2^^^H\rPID|||3^^^H\rMRG|4^^^H\r"
    )
    (message,) = read(text.encode()).items
    messages = [message_read["message"] for message_read in patients(message, "mercy", IntakeSettings())[0]]
    assert [
        (message_read["PID"]["f3"]["c1"], message_read["MRG"]["f1"]["c1"]) for message_read in messages
    ] == [("1", "2"), ("3", "4")]
    assert {message_read["MSH"]["f9"]["c2"] for message_read in messages} == {"A40"}


def test_the_admission_is_where_the_partner_tells_it():
    pv1 = at(44, "20260301", at(42, "20260228"))
    assert roots(pv1=pv1)[0]["times"]["admitted"] == "2026-03-01"
    assert roots(pv1=pv1, admission_time=("PV1-42", "PV1-44"))[0]["times"]["admitted"] == "2026-02-28"
    assert "admitted" not in roots()[0]["times"]


def test_when_somebody_left_is_told_by_the_stay_alone():
    order = ("PV1-45", "PV1-43", "EVN-2")
    assert roots(pv1=at(43, "20260302"), discharge_time=order)[0]["times"]["left"] == "2026-03-02"
    assert "left" not in roots(discharge_time=order)[0]["times"]


def test_times_that_are_none_or_cannot_be_are_named():
    text = "MSH|^~\\&|||||20260302101502+0100||ADT^A03|7|P|2.5\rEVN|A03|2026/03/02\rPID|||1\rPV1||I"
    pv1 = at(45, "20260228", at(44, "20260301"))
    (message,) = read(f"{text}{pv1}\r".encode()).items
    _, notes = patients(message, "mercy", IntakeSettings())
    assert [(note.where, note.code) for note in notes] == [("EVN-2", "value"), ("PV1-45", "value")]
