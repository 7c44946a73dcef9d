"""References of what was sent led to what they refer to, within a Bundle and within a resource.

https://hl7.org/fhir/R4/bundle.html#references · https://hl7.org/fhir/R4/references.html#contained
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.values.identifiers.placeholders import names_nobody
from service.wire.fhir.exchange.bundles import USED, conditional
from service.wire.fhir.references import references
from service.wire.fhir.sent.normalise import tidy

Json = dict[str, Any]
VERSION: Final = re.compile(r"/_history/[A-Za-z0-9.-]{1,64}\Z")
RESTFUL: Final = re.compile(r"(?P<base>\S*?)(?P<relative>[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})\Z")
# of other types it is not known that they are as R4 has them, and nothing that they refer to is used
_LOOKED_AT: Final = USED | {"MessageHeader"}


def lead(entries: Sequence[Json]) -> None:
    """Put under `resource` of each Reference what it leads to, and tidy what mappings cannot use.

    A logical one, that is an identifier alone, leads to the one thing that was sent with it, and has its name
    from then on. A conditional reference to what is not sent has the identifier that it names.
    """
    with_resource = [entry for entry in entries if "resource" in entry]
    sent = _Sent(
        {entry["fullUrl"]: entry["resource"] for entry in with_resource if "fullUrl" in entry},
        {f"{r.get('resourceType')}/{r.get('id')}": r for r in (entry["resource"] for entry in with_resource)},
        {
            (r["resourceType"], identifier.get("system", ""), identifier.get("value")): r
            for r in (entry["resource"] for entry in with_resource)
            if r.get("resourceType") in USED
            for identifier in _identifiers(r)
        },
    )
    literals: list[tuple[Json, Json | None]] = []
    logical: list[Json] = []
    for entry in with_resource:
        if entry["resource"].get("resourceType") in _LOOKED_AT:
            url = entry.get("fullUrl", "")
            _tidy_all(entry["resource"])
            for _, reference in references(entry["resource"], ""):
                literal = reference.get("reference")
                if literal is None:
                    logical.append(reference)
                else:
                    literals.append((reference, sent.target(literal, url, entry["resource"])))
    if logical:
        _name(logical, with_resource)
    for reference, target in literals:
        if target is not None:
            reference["resource"] = target
        elif criteria := conditional(reference["reference"]):
            # what is not sent is still known by its identifier
            reference.setdefault("identifier", {"system": criteria[1], "value": criteria[2]})


def _name(logical: Sequence[Json], entries: Sequence[Json]) -> None:
    """Lead each logical reference to the one thing that was sent with its identifier."""
    having: dict[tuple[str, str], list[Json]] = {}
    for entry in entries:
        if entry["resource"].get("resourceType") in USED:
            for identifier in _identifiers(entry["resource"]):
                if pair := _pair(identifier):
                    having.setdefault(pair, []).append(entry)
    for reference in logical:
        pair = _pair(reference["identifier"])
        holders = having.get(pair, []) if pair else []
        type_ = reference.get("type")
        matches = [entry for entry in holders if type_ in {None, entry["resource"]["resourceType"]}]
        if len(matches) == 1 and (name := _own_name(matches[0])):
            reference |= {"reference": name, "resource": matches[0]["resource"]}


def _pair(identifier: Json) -> tuple[str, str] | None:
    system, value = identifier.get("system"), identifier.get("value")
    if isinstance(system, str) and isinstance(value, str) and not names_nobody(value):
        return system, value
    return None


def _own_name(entry: Json) -> str:
    resource = entry["resource"]
    name = f"{resource['resourceType']}/{resource['id']}" if "id" in resource else ""
    return str(entry.get("fullUrl") or name)


@dataclass(frozen=True, slots=True)
class _Sent:
    by_url: dict[str, Json]
    by_name: dict[str, Json]
    by_identifier: dict[Any, Json]

    def target(self, literal: str, url: str, within: Json) -> Json | None:
        """Return what a literal reference in a resource, whose fullUrl is `url`, leads to."""
        if literal.startswith("#"):
            own = within.get("contained", [])
            return next((resource for resource in own if resource.get("id") == literal[1:]), None)
        if criteria := conditional(literal):
            return self.by_identifier.get(criteria)
        plain = VERSION.sub("", literal)
        base = RESTFUL.match(url)
        target = self.by_url.get(plain) or self.by_url.get(f"{base['base']}{plain}" if base else "")
        # senders give urn:uuid as fullUrl and still refer by Type/id
        return target or self.by_name.get(plain)


def _identifiers(resource: Json) -> list[Json]:
    identifiers = resource.get("identifier")
    return (
        [identifier for identifier in identifiers if isinstance(identifier, dict)]
        if isinstance(identifiers, list)
        else []
    )


def _tidy_all(resource: Json) -> None:
    waiting: list[Any] = [resource]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            tidy(node)
            waiting += node.values()
