"""Golden pairs: what goes into the mappings and what comes out, to the letter, and valid R4."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from service.mapping.translate import load
from service.wire.contracts.schemas import links, sources
from service.wire.fhir.check import check
from service.wire.fhir.validate import validate

MAPPINGS = Path(__file__).parents[2] / "mappings"
PAIRS = sorted(path.parent for path in MAPPINGS.glob("golden/*/in.json"))
# what a case owns; everything else that it refers to stands in other documents
CASE_OWNED = {
    "EpisodeOfCare", "CareTeam", "CarePlan", "Goal", "ServiceRequest", "Appointment", "CommunicationRequest",
    "Communication", "Condition", "Observation", "MedicationStatement", "Encounter",
}  # fmt: skip


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def nodes(value) -> Iterator[dict]:
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(below)


def exact(value) -> str:
    """JSON in which 1.50 and 1.5 differ, and 1 and true."""
    return json.dumps(
        value, indent=1, sort_keys=True, ensure_ascii=False, default=lambda each: f"decimal {each}"
    )


@pytest.fixture(scope="module")
def catalogue():
    return load(MAPPINGS, sources=sources(), links=links())


@pytest.fixture(scope="module")
def made(catalogue):
    """What the mappings make of each pair's source, by the pair's name."""
    found = {}
    for pair in PAIRS:
        given = read(pair / "in.json")
        found[pair.name] = catalogue.projector(given["source"]).run(given["roots"])
    return found


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_source_makes_exactly_its_golden_resources(pair, made):
    assert exact([each.resource for each in made[pair.name]]) == exact(read(pair / "out.json"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_golden_resources_are_valid(pair):
    for resource in read(pair / "out.json"):
        assert [*check(resource), *validate(resource)] == []


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_withdrawn_golden_resources_are_valid(pair, catalogue):
    for resource in read(pair / "out.json"):
        merged = resource | catalogue.withdrawal(resource["resourceType"])
        withdrawn = {key: value for key, value in merged.items() if value is not None}
        assert [*check(withdrawn), *validate(withdrawn)] == []


@pytest.mark.parametrize(
    "pair", [each for each in PAIRS if each.name.startswith("case")], ids=lambda each: each.name
)
def test_what_a_case_refers_to_in_itself_is_there(pair):
    resources = read(pair / "out.json")
    there = [f"{each['resourceType']}/{each['id']}" for each in resources]
    assert len(set(there)) == len(there)
    told = {node["reference"] for node in nodes(resources) if isinstance(node.get("reference"), str)}
    own = {each for each in told if each.partition("/")[0] in CASE_OWNED and "_history" not in each}
    assert own - set(there) == set()


def test_every_mapping_has_a_pair(catalogue, made):
    used = {each.mapping for resources in made.values() for each in resources}
    assert {mapping.name for mapping in catalogue.mappings} - used == set()


def test_every_mapping_but_provenance_says_how_it_is_withdrawn(catalogue):
    assert {mapping.target for mapping in catalogue.mappings if not mapping.withdraw} == {"Provenance"}


@pytest.mark.parametrize("name", ["client-protected", "case-protected-and-closed"])
def test_whereabouts_of_a_protected_client_are_in_nothing(name):
    resources = read(MAPPINGS / "golden" / name / "out.json")
    keys = {key for node in nodes(resources) for key in node}
    assert keys & {"address", "telecom", "locationReference"} == set()
    told = {node["reference"] for node in nodes(resources) if isinstance(node.get("reference"), str)}
    assert not [each for each in told if each.startswith("Location/")]
