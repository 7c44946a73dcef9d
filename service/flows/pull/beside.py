"""What comes with the results of a search: what they refer to, and what refers to them.

https://hl7.org/fhir/R4/search.html#revinclude
"""

from collections.abc import Sequence

from service.values.criteria import Include, RevInclude
from service.values.kept.resources import StoredResource
from service.wire.fhir.search.forms import terms
from service.wire.fhir.search.parameters import paths_of
from service.wire.json import parse


def keys_of(includes: Sequence[Include], entries: Sequence[StoredResource]) -> set[tuple[str, str]]:
    """Return the (type, id) of what results refer to where it is asked for."""
    found: set[tuple[str, str]] = set()
    for entry in entries:
        asked = [include for include in includes if include.type == entry.type]
        resource = parse(entry.body) if asked else {}
        for include in asked:
            for path in include.paths:
                for _, reference in paths_of(entry.type)[path][1].values(resource):
                    type_, _, id_ = _relative(reference).partition("/")
                    if id_ and (not include.targets or type_ in include.targets):
                        found.add((type_, id_))
    return found


def terms_of(revincludes: Sequence[RevInclude], entries: Sequence[StoredResource]) -> dict[str, list[str]]:
    """Return by which terms those are found that refer to results where it is asked for, by their type."""
    found: dict[str, list[str]] = {}
    for asked in revincludes:
        targets = [entry for entry in entries if not asked.targets or entry.type in asked.targets]
        found.setdefault(asked.type, []).extend(
            terms.to(f"{asked.type}.{path}", f"{entry.type}/{entry.id}")
            for path in asked.paths
            for entry in targets
        )
    return {type_: of for type_, of in found.items() if of}


def _relative(reference: object) -> str:
    """Return the literal reference of ours, without a version; '' is any other."""
    literal = reference.get("reference") if isinstance(reference, dict) else None
    return literal.partition("/_history/")[0] if isinstance(literal, str) and ":" not in literal else ""
