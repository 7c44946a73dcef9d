"""References of what was sent led to what they refer to, within a Bundle and within a resource.

https://hl7.org/fhir/R4/bundle.html#references · https://hl7.org/fhir/R4/references.html#contained
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.values.placeholders import names_nobody
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
    told = [each for each in entries if "resource" in each]
    sent = _Sent(
        {each["fullUrl"]: each["resource"] for each in told if "fullUrl" in each},
        {f"{r.get('resourceType')}/{r.get('id')}": r for r in (each["resource"] for each in told)},
        {
            (r["resourceType"], known.get("system", ""), known.get("value")): r
            for r in (each["resource"] for each in told)
            if r.get("resourceType") in USED
            for known in _identifiers(r)
        },
    )
    found: list[tuple[Json, Json | None]] = []
    logical: list[Json] = []
    for each in told:
        if each["resource"].get("resourceType") in _LOOKED_AT:
            url = each.get("fullUrl", "")
            _tidy_all(each["resource"])
            for _, reference in references(each["resource"], ""):
                literal = reference.get("reference")
                if literal is None:
                    logical.append(reference)
                else:
                    found.append((reference, sent.target(literal, url, each["resource"])))
    if logical:
        _name(logical, told)
    for reference, target in found:
        if target is not None:
            reference["resource"] = target
        elif named := conditional(reference["reference"]):
            # what is not sent is still known by its identifier
            reference.setdefault("identifier", {"system": named[1], "value": named[2]})


def _name(logical: Sequence[Json], told: Sequence[Json]) -> None:
    """Lead each logical reference to the one thing that was sent with its identifier."""
    having: dict[tuple[str, str], list[Json]] = {}
    for each in told:
        if each["resource"].get("resourceType") in USED:
            for known in _identifiers(each["resource"]):
                if pair := _pair(known):
                    having.setdefault(pair, []).append(each)
    for reference in logical:
        pair = _pair(reference["identifier"])
        holders = having.get(pair, []) if pair else []
        type_ = reference.get("type")
        named = [each for each in holders if type_ in {None, each["resource"]["resourceType"]}]
        if len(named) == 1 and (name := _own_name(named[0])):
            reference |= {"reference": name, "resource": named[0]["resource"]}


def _pair(identifier: Json) -> tuple[str, str] | None:
    system, value = identifier.get("system"), identifier.get("value")
    if isinstance(system, str) and isinstance(value, str) and not names_nobody(value):
        return system, value
    return None


def _own_name(entry: Json) -> str:
    resource = entry["resource"]
    named = f"{resource['resourceType']}/{resource['id']}" if "id" in resource else ""
    return str(entry.get("fullUrl") or named)


@dataclass(frozen=True, slots=True)
class _Sent:
    by_url: dict[str, Json]
    by_name: dict[str, Json]
    by_identifier: dict[Any, Json]

    def target(self, literal: str, url: str, within: Json) -> Json | None:
        """Return what a literal reference in a resource, whose fullUrl is `url`, leads to."""
        if literal.startswith("#"):
            own = within.get("contained", [])
            return next((each for each in own if each.get("id") == literal[1:]), None)
        if named := conditional(literal):
            return self.by_identifier.get(named)
        plain = VERSION.sub("", literal)
        base = RESTFUL.match(url)
        told = self.by_url.get(plain) or self.by_url.get(f"{base['base']}{plain}" if base else "")
        # senders give urn:uuid as fullUrl and still refer by Type/id
        return told or self.by_name.get(plain)


def _identifiers(resource: Json) -> list[Json]:
    given = resource.get("identifier")
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _tidy_all(resource: Json) -> None:
    waiting: list[Any] = [resource]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            tidy(node)
            waiting += node.values()
