"""Whatever number stands beside a person's own joins nobody, and however it is written it parts nobody."""

from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from service.values.identifiers.numbers import TYPES, is_personal
from tests.flows.hospital import ADMITTED, DISCHARGED, PATHWAYS, Hospital

RUNS = count()
QUICK = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
AUTHORITY = "urn:casebridge:authority:general"
SPELT = st.sampled_from(
    [
        {"system": f"{AUTHORITY}:WARDS", "known_as": [AUTHORITY]},
        {"system": AUTHORITY},
        {"system": "urn:oid:1.2.3", "known_as": [f"{AUTHORITY}:WARDS", AUTHORITY]},
        {"system": "urn:example:wards", "known_as": ["urn:oid:1.2.3", f"{AUTHORITY}:WARDS", AUTHORITY]},
    ]
)
RECORD = st.one_of(st.just({}), st.sampled_from(["MR", "PI", "PT"]).map(lambda type_: {"type": type_}))
OTHER = st.sampled_from(sorted(type_ for type_ in TYPES if not is_personal(type_)))
NOBODY = st.sampled_from(["UNKNOWN", "n/a", "XXX-XX-XXXX", "000-00-0000", "123456789", "99999", "TBD"])


@pytest.fixture
def hospital(house, projection):
    return Hospital(house, projection, PATHWAYS)


def said(event, name, visit, *identifiers):
    """An event of somebody at the hospital."""
    patient = {"names": [{"family": name}], "identifiers": list(identifiers)}
    stay = {**event["stay"], "identifiers": [{"system": "urn:example:visits", "value": visit}]}
    return {**event, "patient": patient, "stay": stay}


def clients_of(house, *numbers):
    """The uuids of those who have one of some numbers."""
    return {
        client.uuid
        for client in house.store.look(lambda unit: unit.documents.find_by_values("client", list(numbers)))
    }


@QUICK
@drawn(type_=OTHER, spelt=SPELT, at=st.integers(0, 1))
def test_a_number_of_another_kind_joins_nobody(hospital, house, type_, spelt, at):
    run = next(RUNS)
    shared = {**spelt, "system": f"{spelt['system']}#{type_}", "value": f"S{run}", "type": type_}
    for number, name in ((f"A{run}", "Ash"), (f"B{run}", "Birch")):
        mine = {"system": "urn:example:records", "value": number}
        both = [shared, mine] if at else [mine, shared]
        assert hospital.send(said(ADMITTED, name, f"V{number}", *both)).state == "accepted"
    assert len(clients_of(house, f"A{run}", f"B{run}")) == 2
    # it is kept of both
    assert len(clients_of(house, f"S{run}")) == 2


@QUICK
@drawn(value=NOBODY, spelt=SPELT, record=RECORD)
def test_what_is_filled_in_for_a_number_joins_nobody_and_is_not_kept(hospital, house, value, spelt, record):
    run = next(RUNS)
    for number, name in ((f"A{run}", "Ash"), (f"B{run}", "Birch")):
        mine = {"system": "urn:example:records", "value": number}
        outcome = hospital.send(said(ADMITTED, name, f"V{number}", mine, {**spelt, **record, "value": value}))
        assert outcome.state == "accepted"
        assert [issue.where for issue in outcome.issues] == ["/patient/identifiers/1/value"]
    assert len(clients_of(house, f"A{run}", f"B{run}")) == 2
    assert clients_of(house, value) == set()


@QUICK
@drawn(first=SPELT, second=SPELT, one=RECORD, other=RECORD)
def test_a_record_number_finds_its_person_however_it_is_written(hospital, house, first, second, one, other):
    run = next(RUNS)
    for event, spelt, type_ in ((ADMITTED, first, one), (DISCHARGED, second, other)):
        number = {**spelt, **type_, "value": f"R{run}"}
        assert hospital.send(said(event, "Ash", f"V{run}", number)).state == "accepted"
    assert len(clients_of(house, f"R{run}")) == 1
    (case,) = house.store.look(lambda unit: unit.documents.find_by_values("case", [f"V{run}"]))
    assert [stay["status"] for stay in case.received["stays"]] == ["finished"]
