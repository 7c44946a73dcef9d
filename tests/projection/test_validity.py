"""Whatever passes its contract projects, in every view, to valid R4 in which every reference resolves."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, seed, settings
from jsonschema import Draft202012Validator

from service.wire.contracts.published.json_schemas import schema
from service.wire.fhir.check.validate import validate
from service.wire.json import canonical
from tests.projection.worlds import DIRECTORY, QUICK, House, Step, references, worlds

SOAK = settings(QUICK, max_examples=3000, derandomize=False, print_blob=True)


def stays_valid(house: House, world: list[Step]) -> None:
    """Assert that every version of every resource is valid and that no reference dangles at any time."""
    seen: set[bytes] = set()
    for resources in house.project(world):
        there = set[str]()
        for resource in resources:
            name = f"{resource['resourceType']}/{resource['id']}"
            there |= {name, *(f"{name}/_history/{n + 1}" for n in range(int(resource["meta"]["versionId"])))}
        for resource in resources:
            assert set(references(resource)) - there == set()
            if (said := canonical(resource)) not in seen:
                assert (resource["resourceType"], validate(resource)) == (resource["resourceType"], [])
                seen.add(said)


def leaves(schema: dict[str, Any], path: str) -> Iterator[str]:
    """The paths of all members of a JSON Schema that hold a value and may be sent."""
    if schema.get("readOnly"):
        return
    if "items" in schema:
        yield from leaves(schema["items"], path)
    elif "properties" in schema:
        for key, below in schema["properties"].items():
            yield from leaves(below, f"{path}.{key}")
    else:
        yield path


def texts_of(node: Any, path: str) -> Iterator[str]:
    """The paths of all values in a document."""
    if isinstance(node, dict):
        for key, below in node.items():
            yield from texts_of(below, f"{path}.{key}")
    elif isinstance(node, list):
        for below in node:
            yield from texts_of(below, path)
    else:
        yield path


def test_any_valid_case_projects_to_valid_resources_whose_references_resolve(house):
    """And nothing is left out of the trial: it tells every member of every contract at least once."""
    generated: set[str] = set()

    def story(world):
        generated.update(path for kind, _, document in world for path in texts_of(document, kind))
        stays_valid(house, world)

    declared = {leaf for kind in (*DIRECTORY, "client", "case") for leaf in leaves(schema(kind), kind)}
    for number in range(5):
        # what few worlds have is in others; which it is depends on the order of sets, too
        seed(number)(QUICK(given(worlds())(story)))()
        if declared <= generated:
            break
    assert declared - generated == set()


@pytest.mark.soak
@given(worlds())
@SOAK
def test_thousands_of_valid_cases_project_to_valid_resources(house, world):
    stays_valid(house, world)


@given(worlds())
@settings(QUICK, max_examples=10)
def test_what_is_generated_fits_the_published_schemas(world):
    for kind, _, document in world:
        assert Draft202012Validator(schema(kind)).is_valid(document)


def test_a_case_as_big_as_its_contract_allows_projects(house):
    many = [str(number) for number in range(1000)]
    plan = {
        "title": "x",
        "status": "active",
        "goals": [{"id": id_, "status": "active", "description": id_} for id_ in many],
        "services": [{"id": id_, "kind": "other", "status": "active", "goals": many[:20]} for id_ in many],
        "appointments": [
            {
                "id": id_,
                "status": "booked",
                "service": id_,
                "start": "2026-03-01T09:00:00Z",
                "end": "2026-03-01T10:00:00Z",
            }
            for id_ in many
        ],
    }
    client = ("client", "x", {"names": [{"family": "x"}]})
    for resources in house.project(
        [client, ("case", "y", {"client": "x", "status": "active", "plan": plan})]
    ):
        made = [resource["resourceType"] for resource in resources]
    assert {type_: made.count(type_) for type_ in ("Goal", "ServiceRequest", "Appointment")} == {
        "Goal": 1000,
        "ServiceRequest": 1000,
        "Appointment": 1000,
    }
