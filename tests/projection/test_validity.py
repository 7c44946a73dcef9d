"""Whatever passes its contract projects, in every view, to valid R4 in which every reference resolves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from service import wiring
from service.flows.documents import Documents
from service.flows.project import Projection
from service.settings import Settings
from service.store.engine import connect
from service.store.schema import upgrade
from service.store.store import SqlStore
from service.values.scope import Scope
from service.wire.contracts.schemas import schema
from service.wire.fhir.validate import validate
from service.wire.json import canonical, dump, parse
from tests.projection.strategies import documents

DIRECTORY = ("organization", "location", "practitioner")
ALL = Scope(everything=True)
QUICK = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    # a failure is told as it was found: making it small takes longer than reading it
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
SOAK = settings(QUICK, max_examples=3000, derandomize=False, print_blob=True)
Step = tuple[str, str, dict[str, Any]]


@st.composite
def worlds(draw: Any) -> list[Step]:
    """Directory entries, a client and a case, each of these in two versions: what is put, in this order."""
    whole = draw(st.booleans())
    targets = {"client": ["x"]}
    steps: list[Step] = []
    for kind in DIRECTORY:
        for number in range(2 if whole else draw(st.integers(1, 2))):
            steps.append((kind, f"{kind}-{number}", draw(documents(kind, targets, whole=whole))))
            targets.setdefault(kind, []).append(f"{kind}-{number}")
    first, second = draw(documents("client", targets, whole=whole)), draw(documents("client", targets))
    for part in ("related_persons", "coverages"):
        kept = {each["id"]: each for each in first.get(part, [])}
        # a client whose cases name a part of it keeps that part
        second[part] = list({**{each["id"]: each for each in second.get(part, [])}, **kept}.values())
        targets[f"client.{part}"] = list(kept)
    one, other = draw(documents("case", targets, whole=whole)), draw(documents("case", targets))
    client = ("client", "x", first)
    return [
        *steps,
        client,
        ("case", "y", one),
        ("case", "y", other),
        ("client", "x", second),
        ("case", "y", one),
    ]


@dataclass
class House:
    """The flows on one database; each world is put by a partner of its own, so that they do not meet."""

    store: SqlStore
    projection: Projection
    partners: Iterator[int] = field(default_factory=count)
    ticks: Iterator[int] = field(default_factory=count)

    def project(self, world: list[Step]) -> Iterator[list[dict[str, Any]]]:
        """Put one document after the other; after each but directory entries, give each view's resources."""
        start, partner = datetime(2026, 3, 1, 8, tzinfo=UTC), f"partner-{next(self.partners)}"
        flows = Documents(self.store, self.projection, lambda: start + timedelta(seconds=next(self.ticks)))
        known: dict[tuple[str, str], Any] = {}
        for kind, ref, document in world:
            before = known.get((kind, ref))
            put = flows.put(ALL, partner, kind, ref, document, before and before.revision)
            known[kind, ref] = put.document
            for view in self.projection.catalogues if kind not in DIRECTORY else ():
                yield [body for each in known.values() for body in self._current(each.uuid, view)]

    def _current(self, owner: str, view: str) -> list[dict[str, Any]]:
        found = self.store.transact(lambda unit: unit.current(owner, view))
        return [parse(each.body) for each in found.values()]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('validity') / 'casebridge.db'}")
    upgrade(engine)
    given = Settings.from_env({})
    views = {"default": wiring.catalogue(given), **wiring.each_overlay(given)}
    yield House(SqlStore(engine, dump=dump, parse=parse), wiring.projecting(given, views))
    engine.dispose()


def references(node: Any) -> Iterator[str]:
    """Every literal reference below a node."""
    if isinstance(node, dict) and isinstance(node.get("reference"), str):
        yield node["reference"]
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(below)


def stays_valid(house: House, world: list[Step]) -> None:
    """Assert that every version of every resource is valid and that no reference dangles at any time."""
    seen: set[bytes] = set()
    for resources in house.project(world):
        there = set[str]()
        for each in resources:
            name = f"{each['resourceType']}/{each['id']}"
            there |= {name, *(f"{name}/_history/{n + 1}" for n in range(int(each["meta"]["versionId"])))}
        for each in resources:
            assert set(references(each)) - there == set()
            if (said := canonical(each)) not in seen:
                assert (each["resourceType"], validate(each)) == (each["resourceType"], [])
                seen.add(said)


def leaves(found: dict[str, Any], path: str) -> Iterator[str]:
    """The paths of all members of a JSON Schema that hold a value."""
    if "items" in found:
        yield from leaves(found["items"], path)
    elif "properties" in found:
        for key, below in found["properties"].items():
            yield from leaves(below, f"{path}.{key}")
    else:
        yield path


def told(node: Any, path: str) -> Iterator[str]:
    """The paths of all values in a document."""
    if isinstance(node, dict):
        for key, below in node.items():
            yield from told(below, f"{path}.{key}")
    elif isinstance(node, list):
        for below in node:
            yield from told(below, path)
    else:
        yield path


def test_any_valid_case_projects_to_valid_resources_whose_references_resolve(house):
    """And nothing is left out of the trial: it tells every member of every contract at least once."""
    generated: set[str] = set()

    @given(worlds())
    @QUICK
    def story(world):
        generated.update(path for kind, _, document in world for path in told(document, kind))
        stays_valid(house, world)

    story()
    declared = {leaf for kind in (*DIRECTORY, "client", "case") for leaf in leaves(schema(kind), kind)}
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
        "goals": [{"id": each, "status": "active", "description": each} for each in many],
        "services": [{"id": each, "kind": "other", "status": "active", "goals": many[:20]} for each in many],
        "appointments": [
            {
                "id": each,
                "status": "booked",
                "service": each,
                "start": "2026-03-01T09:00:00Z",
                "end": "2026-03-01T10:00:00Z",
            }
            for each in many
        ],
    }
    client = ("client", "x", {"names": [{"family": "x"}]})
    for resources in house.project(
        [client, ("case", "y", {"client": "x", "status": "active", "plan": plan})]
    ):
        made = [each["resourceType"] for each in resources]
    assert {each: made.count(each) for each in ("Goal", "ServiceRequest", "Appointment")} == {
        "Goal": 1000,
        "ServiceRequest": 1000,
        "Appointment": 1000,
    }
