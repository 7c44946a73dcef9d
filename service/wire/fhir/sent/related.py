"""Which resources were sent beside a stay and tell of it: found by what they refer to, each read once."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

Json = dict[str, Any]
_Key = tuple[str, Any]
_PERSONS: Final = ("subject", "patient", "beneficiary")


class ResourcesOfStay:
    """The resources of some types, by what they are about; their references lead to what they refer to."""

    def __init__(self, resources: Sequence[Json], types: Collection[str]) -> None:
        """Take all resources that were sent, and which types of them may tell of a stay."""
        self._resources = resources
        self._about: dict[_Key, list[int]] = {}
        for number, resource in enumerate(resources):
            if resource.get("resourceType") in types:
                for key in _about(resource):
                    self._about.setdefault(key, []).append(number)

    def of(self, encounter: Json, header: Json) -> list[Json]:
        """Return, in their order, what is about a stay or its message, or about its patient and no stay."""
        keys: list[_Key] = [("target", id(encounter)), ("encounter", id(encounter))]
        if header:
            keys.append(("target", id(header)))
        subject = encounter.get("subject", {})
        if subject.get("resource", {}).get("resourceType", "Patient") == "Patient":
            keys += _names(subject)
        numbers = {number for key in keys for number in self._about.get(key, ())}
        return [self._resources[number] for number in sorted(numbers)]


def _about(resource: Json) -> Iterator[_Key]:
    if "target" in resource:
        yield from (
            ("target", id(target["resource"])) for target in resource["target"] if "resource" in target
        )
    elif "encounter" in resource:
        yield "encounter", id(resource["encounter"].get("resource"))
    else:
        for key in _PERSONS:
            if key in resource:
                yield from _names(resource[key])


def _names(reference: Json) -> Iterator[_Key]:
    """Give what two References to one thing share: it was sent, or they call it the same."""
    if "resource" in reference:
        yield "resource", id(reference["resource"])
        return
    if "reference" in reference:
        yield "reference", reference["reference"]
    identifier = reference.get("identifier", {})
    if "value" in identifier:
        yield "identifier", (identifier.get("system"), identifier["value"])
