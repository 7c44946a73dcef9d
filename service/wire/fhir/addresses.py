"""What tells where somebody is, taken out of a resource that no mapping makes any more."""

from typing import Any, Final

_TELLING: Final = frozenset({"address", "telecom", "locationReference", "location", "destination"})


def without_whereabouts(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource about a client without address, telecom and places."""
    reduced = _without(resource)
    if "hospitalization" in reduced:
        reduced["hospitalization"] = _without(reduced["hospitalization"])
    if "participant" in reduced:
        reduced["participant"] = [
            participant
            for participant in reduced["participant"]
            if not _is_place(participant.get("actor", {}))
        ]
    return {key: value for key, value in reduced.items() if value not in ({}, [])}


def _without(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key not in _TELLING}


def _is_place(reference: dict[str, Any]) -> bool:
    return str(reference.get("reference", "")).startswith("Location/")
