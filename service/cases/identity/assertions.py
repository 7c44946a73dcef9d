"""Numbers of which others say whose they are are left out of what a hospital says."""

from typing import Any

from service.cases.identity.identifiers import systems
from service.values.identifiers.assertions import Assertions

Json = dict[str, Any]


def without_foreign(discharge: Json, partner: str, assertions: Assertions) -> tuple[Json, list[str]]:
    """Return a discharge without the identifiers its sender may not assert, and their JSON pointers."""
    patient = discharge.get("patient", {})
    gone: list[str] = []
    allowed: dict[str, list[Json]] = {}
    for name in ("identifiers", "merged_from"):
        for at, identifier in enumerate(patient.get(name, ())):
            if assertions.allow(partner, *systems(identifier)):
                allowed.setdefault(name, []).append(identifier)
            else:
                gone.append(f"/patient/{name}/{at}")
    if not gone:
        return discharge, gone
    others = {name: part for name, part in patient.items() if name not in {"identifiers", "merged_from"}}
    # that there is no identifier is what the rules look at
    return {**discharge, "patient": {**others, "identifiers": [], **allowed}}, gone
