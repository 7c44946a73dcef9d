"""What is told in FHIR and read by nothing, by element: `Patient.maritalStatus`; never what it says.

What only serves to read the rest is structure and is never named: ids, meta, narratives, what a Reference
that is followed says beside its literal, the words and the system of a code that is used.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from service.values.inbox import Unused
from service.wire.fhir.definitions.r4 import Element, definitions
from service.wire.fhir.exchange.bundles import USED, conditional
from service.wire.fhir.sent.facts import made_of
from service.wire.fhir.sent.incoming import LISTS

Json = dict[str, Any]
ROOTS: Final[Mapping[str, str]] = {"encounter": "Encounter", "patient": "Patient", **LISTS}
"""The resource that each root of the source `fhir` holds."""
ENVELOPE: Final = frozenset({"bundle", "header", "encounter_at", "patient_at"})
"""The roots that hold what a message says of itself, and names that are made of others."""
STRUCTURE: Final = frozenset(
    {"resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "fhir_comments"}
)
"""The elements of a resource that are about it, or are looked through by themselves."""
READ_HERE: Final = (
    "Encounter.subject.resource",
    "Encounter.subject.reference",
    "Encounter.diagnosis.condition.resource",
    "Condition.subject.resource",
    "Condition.encounter.resource",
    "Coverage.beneficiary.resource",
    "RelatedPerson.patient.resource",
    "Provenance.target.resource",
    "Provenance.recorded",
)
"""What is read to find what tells of the same stay, and of whom: see `incoming`."""
# what says once more what the element that gives the key says
_SAID_BY: Final[Mapping[str, frozenset[str]]] = {
    "code": frozenset({"display", "system", "version", "userSelected"}),
    "coding": frozenset({"text"}),
    "resource": frozenset({"reference", "type", "display", "identifier"}),
}


class ReadBelow(dict[str, "ReadBelow"]):
    """What is read below an element, by name; of a `whole` everything."""

    whole = False

    @cached_property
    def expected(self) -> frozenset[str]:
        """The names that are no news: what is read, and what says once more what is read."""
        words = (words for one, words in _SAID_BY.items() if one in self)
        return frozenset({*self, "id"}).union(*words)

    @cached_property
    def giving(self) -> str:
        """The element whose absence lets others say what it does not."""
        return next((one for one in _SAID_BY if one in self), "")

    @cached_property
    def deep(self) -> tuple[tuple[str, "ReadBelow"], ...]:
        """What is looked into."""
        return tuple((key, each) for key, each in self.items() if not each.whole and key != "resource")


ReadElements = dict[str, ReadBelow]
"""What is read of each type of resource."""
At = tuple[Any, str | int] | str
"""Where something stands: in what, and by which name or number there; a resource by its place."""


def known(paths: Iterable[str], wholes: Iterable[str] = ()) -> ReadElements:
    """Return what is read of resources; `paths` are those of the source `fhir` that mappings read."""
    found: ReadElements = {}
    whole = [made for path in wholes for made in made_of(path)]
    for path in (*(made for each in paths for made in made_of(each)), *whole, *READ_HERE):
        _ends(path, found)
    for path in whole:
        for end in _ends(path, found):
            # a Reference may lead to other types, of which parts are read
            end.whole = not end
    for read in found.values():
        for name in STRUCTURE:
            read.setdefault(name, ReadBelow()).whole = True
    return found


def elements(path: str) -> Iterator[str]:
    """Give the elements that a path of the source `fhir` names: `Organization.name`, of each type."""
    for made in made_of(path):
        for type_, steps in _steps_by_type(made):
            yield ".".join([type_, *steps])


def unused_elements(sent: Json, known: ReadElements) -> tuple[Unused, ...]:
    """Return the elements that nothing reads, each once, in the order they stand in what was sent.

    Args:
        sent: a Bundle or an Encounter.
        known: what is read.
    """
    found = _Found({}, set())
    if sent.get("resourceType") == "Bundle":
        for index, entry in enumerate(sent.get("entry", [])):
            _of_resource(entry.get("resource"), f"Bundle.entry[{index}].resource", known, found)
    else:
        _of_resource(sent, str(sent.get("resourceType")), known, found)
    return tuple(map(Unused._make, found.places.items()))


def _ends(path: str, found: ReadElements) -> list[ReadBelow]:
    """Return what a path leads to, of each type of resource it may lead through."""
    ends = []
    for type_, steps in _steps_by_type(path):
        node = found.setdefault(type_, ReadBelow())
        for step in steps:
            node = node.setdefault(step, ReadBelow())
        ends.append(node)
    return ends


def _steps_by_type(path: str) -> list[tuple[str, list[str]]]:
    """Return by the types of resources that a path ends in the steps from there."""
    root, *steps = path.split(".")
    type_ = ROOTS.get(root, root if root in definitions() else "")
    return _from(type_, steps) if type_ else []


def _from(type_: str, steps: list[str]) -> list[tuple[str, list[str]]]:
    kind, element = type_, None
    for number, step in enumerate(steps):
        if step == "resource" and element is not None and kind == "Reference":
            # a Reference that is followed, and what is read behind it
            behind = [each for to in sorted(element.targets) for each in _from(to, steps[number + 1 :])]
            return [(type_, steps[: number + 1]), *(each for each in behind if each[1])]
        element = _element(kind, step)
        if element is None:
            return [(type_, steps)] if step in {"resourceType", "extension"} else []
        kind = element.json_names().get(step, "")
    return [(type_, steps)]


def _element(kind: str, name: str) -> Element | None:
    if kind not in definitions():
        return None
    return next(
        (
            each
            for base in definitions().bases(kind)
            for each in definitions()[base].elements
            if name in each.json_names()
        ),
        None,
    )


@dataclass(slots=True)
class _Found:
    """The places of elements that are not read, by name; `seen` are these by what is read beside them."""

    places: dict[str, str]
    seen: set[tuple[int, str]]
    type_: str = ""

    def add(self, beside: ReadBelow, name: str, at: At) -> None:
        """Note an element where it stands first; what it is called is written out only then."""
        if (id(beside), name) in self.seen:
            return
        self.seen.add((id(beside), name))
        steps: list[str | int] = [name] if name else []
        while not isinstance(at, str):
            steps.append(at[1])
            at = at[0]
        steps.reverse()
        where = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in steps)
        field = ".".join([self.type_, *(each for each in steps if isinstance(each, str))])
        self.places.setdefault(field, f"{at}{where}")


def _of_resource(resource: Any, where: str, known: ReadElements, found: _Found) -> None:
    if not isinstance(resource, dict) or resource.get("resourceType") not in USED:
        return
    type_ = resource["resourceType"]
    read = known.get(type_)
    if read is None:
        found.places.setdefault(type_, where)
        return
    found.type_ = type_
    _of_element(resource, read, where, found)
    contained = resource.get("contained")
    for index, each in enumerate(contained if isinstance(contained, list) else ()):
        _of_resource(each, f"{where}.contained[{index}]", known, found)


def _of_element(value: Json, read: ReadBelow, at: At, found: _Found) -> None:
    """Find what is not read of an element."""
    if not value.keys() <= read.expected or (read.giving and read.giving not in value):
        expected = _expected_names_in(value, read)
        for key in value:
            if key not in expected:
                found.add(read, f"{key[1:]}.extension" if key.startswith("_") else key, at)
    for key, below in read.deep:
        each = value.get(key)
        if isinstance(each, list):
            for index, item in enumerate(each):
                if isinstance(item, dict):
                    _below(item, below, ((at, key), index), found)
        elif isinstance(each, dict):
            _below(each, below, (at, key), found)


def _below(value: Json, read: ReadBelow, at: At, found: _Found) -> None:
    if read:
        _of_element(value, read, at, found)
    else:
        # only whether it is there is asked
        found.add(read, "", at)


def _expected_names_in(value: Json, read: ReadBelow) -> set[str]:
    """Return the names in an element that are no news."""
    words = {word for one, said in _SAID_BY.items() if one in read and one in value for word in said}
    found = {*read, "id", *words}
    literal = value.get("reference")
    if isinstance(literal, str):
        # put there where it leads to something that was sent
        found.add("resource")
        if conditional(literal):
            # its identifier stands in it
            found |= {"identifier", *(("reference", "type") if "identifier" in read else ())}
    return found
