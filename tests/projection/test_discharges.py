"""Whatever a hospital may say about a patient's stays comes to valid R4, in every view, or is held."""

import copy
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.flows.case.identity.people import Held
from service.flows.discharge.intake import Intake
from service.settings import Settings
from service.values.access.scope import Partner, Scope
from service.values.inbound.events import EVENTS
from service.wire.contracts import pathways
from service.wire.contracts.load import load
from service.wire.fhir.check.validate import validate
from service.wire.json import canonical, parse
from tests.projection.strategies import documents
from tests.projection.worlds import QUICK, House, references

NUMBERS = count()
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
RECORDED = ["2026-02-20T10:00:00Z", "2026-02-27T15:00:00+01:00", "2026-02-27T15:00:01+01:00"]


def known_as(system: str) -> list[dict[str, str]]:
    """An identifier of a patient or a stay, to be numbered."""
    return [{"system": f"urn:example:{system}", "value": "to be numbered"}]


@st.composite
def words(draw: Any) -> list[dict[str, Any]]:
    """What a hospital says of one patient and two stays, in any order and as often as it likes."""
    said = []
    for _ in range(draw(st.integers(1, 4))):
        discharge = draw(documents("discharge", {}, whole=draw(st.booleans())))
        discharge.pop("processing", None)
        discharge["event"] = draw(st.sampled_from(EVENTS))
        discharge["recorded"] = draw(st.sampled_from(RECORDED))
        discharge["patient"] = {**discharge.get("patient", {}), "identifiers": known_as("patients")}
        if discharge["event"] == "merge":
            discharge["patient"]["merged_from"] = known_as("former-patients")
        visits = draw(st.sampled_from(["visits", "other-visits"]))
        discharge["stay"] = {**discharge.get("stay", {}), "identifiers": known_as(visits)}
        said.append(discharge)
    return said


def numbered(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The words with identifiers that no other words have had, so that nobody else is found by them."""
    number = str(next(NUMBERS))
    changed = copy.deepcopy(said)
    for discharge in changed:
        patient, stay = discharge["patient"], discharge["stay"]
        for identifier in (*patient["identifiers"], *patient.get("merged_from", ()), *stay["identifiers"]):
            identifier["value"] = number
    return [load("discharge", discharge) for discharge in changed]


def stay_valid(house: House, owners: set[str]) -> None:
    """Assert that all resources of these owners, and all that they refer to, are valid and there."""
    for view in house.projection.catalogues:
        scope = Scope(view=view, everything=True)
        waiting = [body for owner in owners for body in house.current(owner, view)]
        seen: set[bytes] = set()
        while waiting:
            resource = waiting.pop()
            if (known := canonical(resource)) in seen:
                continue
            seen.add(known)
            assert (resource["resourceType"], validate(resource)) == (resource["resourceType"], [])
            for reference in set(references(resource)):
                stored = house.store.resource(scope, *reference.split("/")[:2])
                assert stored is not None, reference
                waiting.append(parse(stored.body))


def test_any_valid_discharge_comes_to_valid_resources_or_is_held(house: House) -> None:
    where = Settings.from_env({}).mappings / "pathways"
    intake = Intake(house.projection, pathways.load(where))
    used: list[str] = []

    @given(words())
    @settings(QUICK, max_examples=30)
    def story(said: list[dict[str, Any]]) -> None:
        partner = Partner(f"hospital-{next(NUMBERS)}", "hospital")
        owners: set[str] = set()
        for minute, discharge in enumerate(numbered(said)):
            apply = partial(intake.apply, partner=partner, said=discharge, at=NOW + timedelta(minutes=minute))
            try:
                applied = house.store.transact(apply)
            except Held:
                continue
            used.append(discharge["event"])
            owners |= {document.uuid for document in applied.touched}
        stay_valid(house, owners)

    story()
    assert len(used) > 30
    assert len(set(used)) > 5
