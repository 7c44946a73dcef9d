"""Mapping one case (CarePlan and CareTeam, 112 leaves) against the same by hand.

Every case is mapped once under one uuid: a second time its resource ids would come out of a cache.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from service.cli.processes.collector import pausing
from service.flows.projection.source import Source
from service.mapping.catalogue import Catalogue, Projector, load
from service.values.kept.documents import Document
from service.wire.contracts.load import load as load_document
from service.wire.contracts.published.json_schemas import links, sources
from tests.performance import cases
from tests.performance.by_hand import ByHand
from tests.performance.lines import Entry, at_most, median, ratios, rounds, spread

MAPPINGS = Path(__file__).parents[2] / "mappings"
LEAVES = 112
FEW, MANY = 100, 10_000


def run(quick: bool, _servers: object) -> list[Entry]:
    """Measure both lines; the hand must make what the mappings make."""
    with pausing():
        catalogue = load(MAPPINGS, sources=sources(), links=links())
    return [_against(catalogue, quick), _linear(catalogue, quick)]


def _against(catalogue: Catalogue, quick: bool) -> Entry:
    count, number = (100, 5) if quick else (300, 11)
    many_roots = [roots(number) for number in range(count)]
    ours, hand = plan_and_team(catalogue), ByHand(catalogue)
    for root in many_roots[:20]:
        made = [resource.resource for resource in ours.run(root)]
        assert made == hand.run(root), "by_hand.py no longer makes what the mappings make"
    sides = [lambda way=way: _seconds(way, many_roots) for way in (ours.run, hand.run)]
    mapped, by_hand = rounds("mapping", number, *sides)
    slower = ratios(mapped, by_hand)
    us = [f"{spread([1e6 * second for second in times])} µs" for times in (mapped, by_hand)]
    detail = f"{spread(slower)}; mapping {us[0]}, by hand {us[1]} a case; {number} rounds of {count} cases"
    return at_most("mapping.vs_handwritten", median(slower), "times", 3, detail)


def plan_and_team(catalogue: Catalogue) -> Projector:
    """The mappings of a case that make its CarePlan and its CareTeam."""
    whole = catalogue.projector("case")
    return replace(
        whole, steps=tuple(step for step in whole.steps if step[0].target in {"CarePlan", "CareTeam"})
    )


def _linear(catalogue: Catalogue, quick: bool) -> Entry:
    """All of a case's mappings: what an item costs among many goals, over what it costs among few."""
    number = 3 if quick else 7
    projector = catalogue.projector("case")
    few, many = (_with_goals(count) for count in (FEW, MANY))
    small, large = rounds(
        "mapping.linear",
        number,
        lambda: _seconds(projector.run, [few] * (MANY // FEW)) / FEW,
        lambda: _seconds(projector.run, [many]) / MANY,
    )
    growth = ratios(large, small)
    us = [spread([1e6 * second for second in times]) for times in (small, large)]
    detail = f"{spread(growth)}; a goal among {FEW}: {us[0]} µs, among {MANY}: {us[1]} µs; {number} rounds"
    return at_most("mapping.linear", median(growth), "ratio", 1.5, detail)


def _seconds(way: Callable[[dict[str, Any]], object], many_roots: list[dict[str, Any]]) -> float:
    """The seconds of processor time that a case takes."""
    fresh = [{**root, "case": {**root["case"], "uuid": str(uuid4())}} for root in many_roots]
    began = time.process_time()
    for root in fresh:
        way(root)
    return (time.process_time() - began) / len(fresh)


def _with_goals(count: int) -> dict[str, Any]:
    """A case with that many goals; a contract takes fewer, the mappings do not ask."""
    root = roots(0)
    plan = {**root["case"]["plan"], "goals": [cases.goal(number) for number in range(count)]}
    return {**root, "case": {**root["case"], "plan": plan}}


def roots(number: int) -> dict[str, Any]:
    """A case and its client as the mappings read them: loaded, links followed."""
    shelf = Shelf()
    for (kind, name), entry in cases.DIRECTORY.items():
        shelf.add(kind, name, entry)
    client = shelf.add("client", f"client-{number}", cases.client(number))
    case = shelf.add("case", f"case-{number}", cases.case(number))
    return Source(shelf).roots(replace(case, client=client.uuid))


class Shelf:
    """The documents of one case system, for links to be followed to."""

    SYSTEM = "cms"

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Document] = {}

    def add(self, kind: str, name: str, body: dict[str, Any]) -> Document:
        """Put a document on the shelf."""
        now = datetime.now(UTC)
        document = Document(
            str(uuid4()), kind, self.SYSTEM, name, 1, load_document(kind, body), None, now, now
        )
        self._known[kind, name] = self._known[kind, document.uuid] = document
        return document

    def find(self, kind: str, _source: str, ref: str) -> Document | None:
        """As the unit of work does."""
        return self._known.get((kind, ref))

    def find_many(self, links: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:
        """As the unit of work does."""
        return {key: self._known[key[0], key[2]] for key in links if (key[0], key[2]) in self._known}

    def erased(self, _links: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """As the unit of work does: nothing is."""
        return {}


def leaves(node: Any) -> int:
    """Count the values of a JSON document that are neither object nor array."""
    if isinstance(node, dict):
        return sum(map(leaves, node.values()))
    return sum(map(leaves, node)) if isinstance(node, list) else 1
