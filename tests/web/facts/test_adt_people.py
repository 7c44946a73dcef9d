"""Messages in the ways of several vendors, one after the other: who is who, and which stay is which."""

import pytest

from tests.web.facts.case_files import REGISTRY, Sent, values


@pytest.fixture
def registry():
    return REGISTRY


@pytest.fixture
def sent(house):
    return Sent(house)


def adt(trigger, recorded, *segments):
    """A message, `recorded` as MMDDHHMM of 2026."""
    at = f"2026{recorded}00+0100"
    head = f"MSH|^~\\&|ADT|MERCY|||{at}||ADT^{trigger}|{trigger}-{at}|P|2.5", f"EVN|{trigger}|{at}"
    return "\r".join((*head, *segments)).encode()


def pid(number, name="Aa^Al", born="19500101", account=""):
    return f"PID|1||{number}||{name}||{born}|||||||||||{account}"


def pv1(visit="", alternate="", *, room="", start="", end=""):
    return f"PV1|1|I|{room}{'|' * 16}{visit}{'|' * 25}{start}|{end}|||||{alternate}"


def test_every_name_that_an_authority_was_sent_under_finds_its_numbers_later(sent):
    for trigger, at, authority in (
        ("A01", "01010800", "HOSP&1.2.3.4&ISO"),
        ("A08", "01010900", "1.2.3.4"),
        ("A08", "01011000", "HOSP"),
        ("A03", "01011100", "&urn:oid:1.2.3.4&URI"),
    ):
        sent.v2(adt(trigger, at, pid(f"100^^^{authority}^MR"), pv1(f"V-1^^^{authority}", room=at)))
    assert values(sent.one("Patient")) == {"100"}
    assert (sent.stay()["status"], sent.stay()["location"]) == ("finished", "01011100")


def test_two_who_share_a_first_name_and_a_number_are_not_joined(sent):
    sent.v2(adt("A01", "01010800", pid("100^^^^MR^NORTH", "Ash^Al"), pv1("V-1")))
    answer = sent.v2(adt("A01", "01010900", pid("100^^^^MR^SOUTH", "Birch^Al", "19600101"), pv1("V-2")))
    assert b"another birth date and another name" in answer.data
    assert sent.one("Patient")["name"][0]["family"] == "Ash"
    assert sent.stay()["identifiers"][0]["value"] == "V-1"


def test_a_visit_number_that_stands_among_the_alternate_ones_too_is_the_visits(sent):
    sent.v2(adt("A01", "01010800", pid("100", account="A1"), pv1()))
    sent.v2(adt("A08", "01010900", pid("100", account="A1"), pv1("V-1", "V-1")))
    sent.v2(adt("A03", "01011000", pid("100"), pv1("V-1")))
    stay = sent.stay()
    assert stay["status"] == "finished"
    assert [(identifier["value"], identifier.get("use")) for identifier in stay["identifiers"]] == [
        ("A1", None),
        ("V-1", None),
    ]


def test_an_account_that_is_used_again_has_a_stay_of_each_admission(sent):
    who = pid("100", account="A7")
    october, november = "20261001080000+0100", "20261101080000+0100"
    sent.v2(adt("A01", "10010800", who, pv1(start=october)))
    sent.v2(adt("A03", "10050800", who, pv1(start=october, end="20261005080000+0100")))
    sent.v2(adt("A01", "11010800", who, pv1(start=november)))
    sent.v2(adt("A08", "11010900", who, pv1(room="W9", start=november)))
    # what comes late is about the stay that it is of
    sent.v2(adt("A08", "11011000", who, pv1(room="W1", start=october)))
    sent.v2(adt("A03", "11030800", who, pv1(start=november, end="20261103080000+0100")))
    stays = sorted(sent.received("cases")["stays"], key=lambda stay: stay["period"]["start"])
    assert [(stay["period"]["end"][:10], stay["location"]) for stay in stays] == [
        ("2026-10-05", "W1"),
        ("2026-11-03", "W9"),
    ]
    assert len({stay["id"] for stay in stays}) == 2
