"""Numbers of which others say whose they are are left out of what a hospital says."""

from typing import Any

from service.cases.identity.identifiers import systems
from service.values.assertions import Assertions

Json = dict[str, Any]


def without_foreign(said: Json, partner: str, assertions: Assertions) -> tuple[Json, list[str]]:
    """Return what was said without numbers that its sender may give nobody, and their JSON pointers."""
    patient = said.get("patient", {})
    gone: list[str] = []
    kept: dict[str, list[Json]] = {}
    for name in ("identifiers", "merged_from"):
        for at, each in enumerate(patient.get(name, ())):
            if assertions.allow(partner, *systems(each)):
                kept.setdefault(name, []).append(each)
            else:
                gone.append(f"/patient/{name}/{at}")
    if not gone:
        return said, gone
    others = {name: each for name, each in patient.items() if name not in {"identifiers", "merged_from"}}
    # that there is no identifier is what the rules look at
    return {**said, "patient": {**others, "identifiers": [], **kept}}, gone
