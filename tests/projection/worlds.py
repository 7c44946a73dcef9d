"""Worlds of documents, any that their contracts allow, and the flows that they are put through."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from service.flows.case.documents import Documents
from service.flows.projection.project import Projection
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.wire.json import parse
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
        kept = {item["id"]: item for item in first.get(part, [])}
        # a client whose cases name a part of it keeps that part
        second[part] = list({**{item["id"]: item for item in second.get(part, [])}, **kept}.values())
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


class House:
    """The flows on one database; each world is put by a partner of its own, so that they do not meet.

    No dataclass: a failing test would print all its mappings.
    """

    def __init__(self, store: SqlStore, projection: Projection) -> None:
        self.store = store
        self.projection = projection
        self.partners = count()
        self.ticks = count()

    def project(self, world: list[Step]) -> Iterator[list[dict[str, Any]]]:
        """Put one document after the other; after each but directory entries, give each view's resources."""
        start, partner = datetime(2026, 3, 1, 8, tzinfo=UTC), f"partner-{next(self.partners)}"
        flows = Documents(self.store, self.projection, lambda: start + timedelta(seconds=next(self.ticks)))
        known: dict[tuple[str, str], Any] = {}
        for kind, ref, document in world:
            before = known.get((kind, ref))
            put = flows.put(ALL, partner, kind, ref, document, before and {before.revision})
            known[kind, ref] = put.document
            for view in self.projection.catalogues if kind not in DIRECTORY else ():
                yield [body for document in known.values() for body in self.current(document.uuid, view)]

    def current(self, owner: str, view: str) -> list[dict[str, Any]]:
        bodies = self.store.transact(
            lambda unit: unit.resources.bodies(owner, view, unit.resources.current(owner, view).keys())
        )
        return [parse(stored) for stored in bodies.values()]


def references(node: Any) -> Iterator[str]:
    """Every literal reference below a node."""
    if isinstance(node, dict) and isinstance(node.get("reference"), str):
        yield node["reference"]
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(below)
