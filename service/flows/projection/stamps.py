"""Resources as JSON: their keys, their order, the stamps that a stored one bears."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from service.flows.projection.events import instant
from service.values.kept.resources import CurrentVersion
from service.wire.fhir.erased_references import in_words
from service.wire.json import canonical

Key = tuple[str, str]
Json = dict[str, Any]
STAMPS: Final = frozenset({"versionId", "lastUpdated"})
FIRST: Final = ("EpisodeOfCare", "CareTeam", "CarePlan")


def key_of(resource: Json) -> Key:
    """Return the type and id of a resource."""
    return resource["resourceType"], resource["id"]


def digest_of(resource: Json) -> str:
    """Return the digest of a resource as the mappings made it."""
    return hashlib.sha256(canonical(resource)).hexdigest()


def is_other(resource: Json, digests: Mapping[Key, str], current: Mapping[Key, CurrentVersion]) -> bool:
    """Return whether a resource is new, or its digest is not that of the current version."""
    key = key_of(resource)
    return key not in current or current[key].digest != digests[key]


def with_words(resources: list[Json], gone: Collection[str]) -> list[Json]:
    """Return resources whose references to what is erased are told in words."""
    return [in_words(resource, gone) for resource in resources] if gone else resources


def order(resource: Json) -> tuple[int, str, str]:
    """Return by what the resources of an owner are told one after the other."""
    type_ = resource["resourceType"]
    return (FIRST.index(type_) if type_ in FIRST else len(FIRST), type_, resource["id"])


def with_stamps(resource: Json, version: int, at: datetime) -> Json:
    """Return a resource with its version and instant."""
    meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": instant(at)}
    head = {"resourceType": resource["resourceType"], "id": resource["id"], "meta": meta}
    return {**head, **{k: v for k, v in resource.items() if k not in head}}


def without_stamps(resource: Json) -> Json:
    """Return a stored resource as the mappings made it."""
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in STAMPS}
    plain = {k: v for k, v in resource.items() if k != "meta"}
    return plain | ({"meta": meta} if meta else {})
