"""What is told in FHIR and read by nothing, by element: `Patient.maritalStatus`; never what it says.

What only serves to read the rest is structure and is never named: ids, meta, narratives, what a Reference
that is followed says beside its literal, the words and the system of a code that is used.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from service.values.inbound.inbox import Unused
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
        return tuple((key, below) for key, below in self.items() if not below.whole and key != "resource")


ReadElements = dict[str, ReadBelow]
"""What is read of each type of resource."""
At = tuple[Any, str | int] | str
"""Where something stands: in what, and by which name or number there; a resource by its place."""


def known(paths: Iterable[str], wholes: Iterable[str] = ()) -> ReadElements:
    """Return what is read of resources; `paths` are those of the source `fhir` that mappings read."""
    elements_read: ReadElements = {}
    whole = [path_made for path in wholes for path_made in made_of(path)]
    for path in (*(path_made for path_read in paths for path_made in made_of(path_read)), *whole, *READ_HERE):
        _ends(path, elements_read)
    for path in whole:
        for end in _ends(path, elements_read):
            # a Reference may lead to other types, of which parts are read
            end.whole = not end
    for read in elements_read.values():
        for name in STRUCTURE:
            read.setdefault(name, ReadBelow()).whole = True
    return elements_read


def elements(path: str) -> Iterator[str]:
    """Give the elements that a path of the source `fhir` names: `Organization.name`, of each type."""
    for element_path in made_of(path):
        for type_, steps in _steps_by_type(element_path):
            yield ".".join([type_, *steps])


def unused_elements(sent: Json, read: ReadElements) -> tuple[Unused, ...]:
    """Return the elements that nothing reads, each once, in the order they stand in what was sent.

    Args:
        sent: a Bundle or an Encounter.
        read: what is read.
    """
    unread = _Found({}, set())
    if sent.get("resourceType") == "Bundle":
        for index, entry in enumerate(sent.get("entry", [])):
            _of_resource(entry.get("resource"), f"Bundle.entry[{index}].resource", read, unread)
    else:
        _of_resource(sent, str(sent.get("resourceType")), read, unread)
    return tuple(map(Unused._make, unread.places.items()))


def _ends(path: str, read: ReadElements) -> list[ReadBelow]:
    """Return what a path leads to, of each type of resource it may lead through."""
    ends = []
    for type_, steps in _steps_by_type(path):
        node = read.setdefault(type_, ReadBelow())
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
            behind = [
                steps_behind
                for to in sorted(element.targets)
                for steps_behind in _from(to, steps[number + 1 :])
            ]
            return [
                (type_, steps[: number + 1]),
                *(steps_behind for steps_behind in behind if steps_behind[1]),
            ]
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
            element
            for base in definitions().bases(kind)
            for element in definitions()[base].elements
            if name in element.json_names()
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
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
        field = ".".join([self.type_, *(step for step in steps if isinstance(step, str))])
        self.places.setdefault(field, f"{at}{where}")


def _of_resource(resource: Any, where: str, elements_read: ReadElements, unread: _Found) -> None:
    if not isinstance(resource, dict) or resource.get("resourceType") not in USED:
        return
    type_ = resource["resourceType"]
    read = elements_read.get(type_)
    if read is None:
        unread.places.setdefault(type_, where)
        return
    unread.type_ = type_
    _of_element(resource, read, where, unread)
    contained = resource.get("contained")
    for index, resource_within in enumerate(contained if isinstance(contained, list) else ()):
        _of_resource(resource_within, f"{where}.contained[{index}]", elements_read, unread)


def _of_element(value: Json, read: ReadBelow, at: At, unread: _Found) -> None:
    """Find what is not read of an element."""
    if not value.keys() <= read.expected or (read.giving and read.giving not in value):
        expected = _expected_names_in(value, read)
        for key in value:
            if key not in expected:
                unread.add(read, f"{key[1:]}.extension" if key.startswith("_") else key, at)
    for key, below in read.deep:
        element = value.get(key)
        if isinstance(element, list):
            for index, item in enumerate(element):
                if isinstance(item, dict):
                    _below(item, below, ((at, key), index), unread)
        elif isinstance(element, dict):
            _below(element, below, (at, key), unread)


def _below(value: Json, read: ReadBelow, at: At, unread: _Found) -> None:
    if read:
        _of_element(value, read, at, unread)
    else:
        # only whether it is there is asked
        unread.add(read, "", at)


def _expected_names_in(value: Json, read: ReadBelow) -> set[str]:
    """Return the names in an element that are no news."""
    words = {word for one, names in _SAID_BY.items() if one in read and one in value for word in names}
    expected = {*read, "id", *words}
    literal = value.get("reference")
    if isinstance(literal, str):
        # put there where it leads to something that was sent
        expected.add("resource")
        if conditional(literal):
            # its identifier stands in it
            expected |= {"identifier", *(("reference", "type") if "identifier" in read else ())}
    return expected
