"""Which identifiers name one person, when two are the same number, and what is filled in for none."""

from dataclasses import replace

import pytest

from service.cases.identity.identifiers import (
    differing_system,
    former,
    identifying,
    is_visit,
    once,
    pairs,
    same_number,
    type_of_number,
    with_authority,
    without_placeholders,
)
from service.values.identifiers.numbers import TYPES, is_personal, type_of
from service.values.identifiers.placeholders import names_nobody
from service.values.inbound.intake import IntakeSettings

ANY = IntakeSettings()
ID = {"system": "urn:example:persons", "value": "P-1"}
NOBODY = (
    *("0", "000-00-0000", "000000-0000", "0000", "--", "-", "?", "."),
    *("999999999", "111-11-1111", "99999", "11111", "88888888"),
    *("123456789", "123-45-6789", "1234567", "0123456789", "987654321"),
    *("UNKNOWN", "unknown", "Unk", "NONE", "N/A", "n.a.", "TBD", "Not available", "NULL", "no ssn", "ukendt"),
    *("TEMP", "Temporary", "NEW", "new patient", "DUMMY"),
    *("okänd", "unbekannt", "неизвестно", "XXX-XX-XXXX", "xxxxx", "X", "XXX-XX-1234", "***-**-6789", "####"),
)
SOMEBODY = (
    *("1", "777", "10000000", "1111111112", "00A", "12345", "123456", "88001", "PATID1234", "000010016"),
    *("M-77", "AX-1", "XQ12", "010180-1234", "131052-308T", "NA12", "UNK1", "T-0", "2222A"),
)


@pytest.mark.parametrize("value", NOBODY)
def test_what_is_filled_in_for_a_number_finds_nobody(value):
    assert names_nobody(value)
    assert identifying([ID, {**ID, "value": value}], ANY) == [ID]


@pytest.mark.parametrize("value", SOMEBODY)
def test_a_number_that_looks_odd_finds_a_person(value):
    assert not names_nobody(value)
    assert identifying([{**ID, "value": value}], ANY) == [{**ID, "value": value}]


def test_a_site_says_what_it_fills_in_itself():
    intake = replace(ANY, placeholders=("zz.*", "4711"))
    assert names_nobody("ZZ-1", intake.placeholders)
    assert identifying([{**ID, "value": "4711"}], intake) == []


def test_a_partner_may_name_the_systems_that_identify():
    other = {"system": "urn:example:insurances", "value": "shared by the family"}
    assert identifying([ID, other], ANY) == [ID, other]
    assert identifying([ID, other], replace(ANY, identifying=(ID["system"],))) == [ID]


SSN = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "531-22-8841"}


def test_a_public_system_says_of_what_type_its_numbers_are():
    assert identifying([SSN], ANY) == identifying([{**SSN, "type": "SS"}], ANY) == []
    for said in (replace(ANY, identifying=(SSN["system"],)), replace(ANY, identifying_types=("SS",))):
        assert identifying([SSN], said) == [SSN]


PERSONAL = ("MR", "MRT", "PI", "PT", "PNT", "PE", "PN", "NI", "NNDNK", "NNFIN", "JHN", "HC", "CZ", None)


@pytest.mark.parametrize("type_", [*sorted(TYPES - set(PERSONAL)), *PERSONAL])
def test_a_number_finds_a_person_by_its_type(type_):
    number = {**ID, **({"type": type_} if type_ else {})}
    assert bool(identifying([number], ANY)) == (type_ in PERSONAL) == is_personal(type_)
    if type_ is not None:
        assert identifying([number], replace(ANY, identifying_types=(type_,))) == [number]


@pytest.mark.parametrize("value", ["a.b@example.org", "mailto:a@example.org", "tel:+4511223344"])
def test_an_address_of_a_mailbox_or_a_phone_is_nobodys_number(value):
    assert identifying([{**ID, "value": value}], ANY) == []


@pytest.mark.parametrize(
    ("sent", "type_"),
    [
        ("MR", "MR"),
        ("mr", "MR"),
        ("NNDNK", "NNDNK"),
        ("MRN", "MR"),
        ("SSN", "SS"),
        ("Account Number", "AN"),
        ("ACCT", "AN"),
        ("visitid", "VN"),
        ("FIN NBR", "AN"),
        ("Family number", "U"),
        ("E-mail", "U"),
        ("Subscriber ID", "SN"),
        ("Member number", "MB"),
        ("Driver's licence", "DL"),
        ("EPI", None),
        ("CPR", None),
        ("INS", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_sender_calls_a_number_is_a_type_of_table_0203_or_a_record_number(sent, type_):
    assert type_of(sent) == type_


@pytest.mark.parametrize("use", ["secondary", "temp"])
def test_a_number_that_passes_finds_nobody_and_names_no_visit(use):
    assert identifying([{**ID, "use": use}], ANY) == []
    assert not is_visit({**ID, "use": use})


@pytest.mark.parametrize(("type_", "names_one"), [(None, True), ("VN", True), ("AN", False), ("MR", False)])
def test_a_visit_has_a_visit_number_or_one_without_a_type(type_, names_one):
    assert is_visit({**ID, "use": "usual", **({"type": type_} if type_ else {})}) == names_one


def test_a_number_without_its_authority_is_left_out_beside_the_same_with_it():
    bare = {"system": "urn:casebridge:authority:general", "known_as": [ID["system"]], "value": ID["value"]}
    assert with_authority([bare, ID]) == [ID]
    assert with_authority([bare]) == [bare]
    other = {**bare, "value": "P-2"}
    assert with_authority([other, ID]) == [other, ID]
    assert pairs([other, ID]) == [(other["system"], "P-2"), (ID["system"], "P-1")]


@pytest.mark.parametrize(
    ("system", "type_", "known"),
    [
        ("urn:casebridge:authority:general:AN", None, "AN"),
        ("urn:casebridge:authority:general:AN", "MR", "MR"),
        ("urn:casebridge:authority:general", None, None),
        ("urn:example:AN", None, None),
        ("http://hl7.org/fhir/sid/us-ssn", None, "SS"),
    ],
)
def test_the_type_of_a_number_is_its_own_or_that_of_its_system(system, type_, known):
    number = {"system": system, "value": "1", **({"type": type_} if type_ else {})}
    assert type_of_number(number) == known


WARDS = {"system": "urn:a:wards", "known_as": ["urn:a"], "value": "7"}
CLINIC = {"system": "urn:a:clinic", "known_as": ["urn:a"], "value": "7"}
BARE = {"system": "urn:a", "value": "7"}
OID = {"system": "urn:oid:1.2", "known_as": ["urn:a:wards", "urn:a"], "value": "7"}


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        (WARDS, WARDS, True),
        (WARDS, BARE, True),
        (OID, WARDS, True),
        (OID, BARE, True),
        (WARDS, CLINIC, False),
        (OID, CLINIC, False),
        ({**WARDS, "type": "MR"}, WARDS, True),
        ({**WARDS, "type": "PI"}, {**WARDS, "type": "MR"}, True),
        ({**WARDS, "type": "AN"}, WARDS, False),
        ({**WARDS, "type": "VN"}, WARDS, True),
        (SSN, {**SSN, "type": "SS"}, True),
        (SSN, {**SSN, "type": "MR"}, False),
        (WARDS, {**WARDS, "value": "8"}, False),
    ],
)
def test_two_identifiers_are_one_number_by_any_name_of_the_authority(one, other, are_same):
    assert same_number(one, other) == same_number(other, one) == are_same


def test_a_number_is_shown_once_by_the_system_that_says_most():
    assert once([BARE, OID, {**OID, "type": "MR"}]) == [{"system": "urn:oid:1.2", "value": "7", "type": "MR"}]
    assert once([WARDS, CLINIC]) == [
        {"system": "urn:a:wards", "value": "7"},
        {"system": "urn:a:clinic", "value": "7"},
    ]


def test_the_name_that_says_most_stays_when_another_follows():
    assert once([OID, BARE]) == [{"system": "urn:oid:1.2", "value": "7"}]


@pytest.mark.parametrize("said", [{}, {"patient": {}}, {"patient": {"identifiers": [ID]}}])
def test_what_tells_of_no_period_stays_as_it_is(said):
    assert former(said, "2026-03-01") == said


def test_only_a_number_whose_period_is_over_is_a_former_one():
    over = {**ID, "period": {"end": "2026-02"}}
    numbers = [ID, over, {**ID, "period": {}}]
    discharge = former({"patient": {"identifiers": numbers}}, "2026-03-01")
    assert [identifier.get("use") for identifier in discharge["patient"]["identifiers"]] == [
        None,
        "old",
        None,
    ]


def test_what_says_little_stays_where_nothing_is_a_placeholder():
    said = {"contacts": [{"role": "attending"}], "stay": {"hospital": {}}}
    assert without_placeholders(said, ANY) == (said, [])


def test_a_patient_of_whom_only_a_placeholder_is_said_has_no_number():
    said = {"patient": {"identifiers": [{**ID, "value": "UNKNOWN"}]}}
    assert without_placeholders(said, ANY) == (
        {"patient": {"identifiers": []}},
        ["/patient/identifiers/0/value"],
    )


def test_what_stands_beside_a_placeholder_is_kept():
    rest = {
        "stay": {"kind": "inpatient", "hospital": {"name": "General"}},
        "contacts": [{"role": "attending", "identifiers": [ID]}],
        "patient": {"names": [{"given": ["River"]}], "telecoms": []},
    }
    payer = {"name": "zz-1", "identifiers": [ID, {**ID, "value": "zz-2"}]}
    cleaned, gone = without_placeholders(
        {**rest, "coverages": [{"payer": payer}]}, replace(ANY, placeholders=("zz.*",))
    )
    assert cleaned == {**rest, "coverages": [{"payer": {"identifiers": [ID]}}]}
    assert gone == ["/coverages/0/payer/name", "/coverages/0/payer/identifiers/1/value"]


def test_placeholders_are_left_out_wherever_they_stand_and_their_places_are_told():
    none = {"system": "urn:a", "value": "UNKNOWN"}
    said = {
        "event": "discharge",
        "patient": {"identifiers": [ID, none], "merged_from": [none]},
        "stay": {"identifiers": [none, BARE], "hospital": {"identifiers": [none]}},
        "contacts": [
            {"role": "attending", "identifiers": [none], "names": [{"family": "Alder"}]},
            {"role": "attending", "identifiers": [none]},
        ],
        "coverages": [
            {"payer": {"identifiers": [none], "name": "Alpha"}},
            {"payer": {"identifiers": [none]}},
            {"payer": {"name": "Unknown"}},
        ],
    }
    kept, gone = without_placeholders(said, ANY)
    assert kept == {
        "event": "discharge",
        "patient": {"identifiers": [ID]},
        "stay": {"identifiers": [BARE]},
        "contacts": [{"role": "attending", "names": [{"family": "Alder"}]}],
        "coverages": [{"payer": {"name": "Alpha"}}],
    }
    assert gone == [
        "/patient/identifiers/1/value",
        "/patient/merged_from/0/value",
        "/stay/identifiers/0/value",
        "/stay/hospital/identifiers/0/value",
        "/contacts/0/identifiers/0/value",
        "/contacts/1/identifiers/0/value",
        "/coverages/0/payer/identifiers/0/value",
        "/coverages/1/payer/identifiers/0/value",
        "/coverages/2/payer/name",
    ]


@pytest.mark.parametrize(
    ("number", "use"),
    [
        ({"period": {"end": "2026-03-05"}}, "old"),
        ({"period": {"end": "2026-03-05T23:00:00Z"}, "use": "usual"}, "old"),
        ({"period": {"end": "2025"}}, "old"),
        ({"period": {"end": "2026-03-06"}}, None),
        ({"period": {"end": "2026"}}, None),
        ({"period": {"start": "2020-01-01"}, "use": "official"}, "official"),
        ({"period": {"end": "2020"}, "use": "temp"}, "temp"),
        ({}, None),
    ],
)
def test_a_number_whose_period_is_over_is_a_former_one(number, use):
    said = {"event": "admit", "patient": {"identifiers": [{"system": "urn:a", "value": "1", **number}]}}
    (identifier,) = former(said, "2026-03-06")["patient"]["identifiers"]
    assert identifier.get("use") == use


def test_a_former_number_is_no_evidence_that_somebody_is_another():
    old = {"system": "urn:a", "value": "1", "period": {"end": "2020"}}
    (held,) = former({"patient": {"identifiers": [old]}}, "2026-03-06")["patient"]["identifiers"]
    new = {"system": "urn:a", "value": "2"}
    assert differing_system([new], [old]) == "urn:a"
    assert differing_system([new], [held]) is None
