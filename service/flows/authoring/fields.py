"""Tables of all that hospitals can send: what each field is used for, or why it is not.

Made of the inbound mappings as they are compiled: https://www.hl7.org/implement/standards (v2.9), and
https://hl7.org/fhir/R4/resourcelist.html.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from service.flows.authoring import reasons
from service.mapping.author.reading import SourceUse, reading
from service.mapping.catalogue import Catalogue
from service.values.inbound.intake import IntakeSettings
from service.wire.fhir.definitions.r4 import Element, definitions
from service.wire.fhir.exchange.bundles import USED
from service.wire.fhir.sent.reported import unused as in_fhir
from service.wire.hl7v2 import unused as in_hl7v2
from service.wire.hl7v2.json_schema import FIELDS
from service.wire.hl7v2.titles import titles

COMMAND: Final = "casebridge mappings fields --out docs"
_WRITTEN: Final = f"Written by `{COMMAND}` from the mappings of `inbound/`; do not edit it."
_KEPT: Final = (
    "Whatever is sent is kept with its message as long as messages are kept. What is told and not used is"
    " named in the answer, as information, and counted by `casebridge discharges fields`."
)
_ANYWHERE: Final = frozenset({"id", "extension", "modifierExtension"})
PASSED: Final = in_fhir.STRUCTURE | _ANYWHERE
"""The elements of a resource that are not listed."""
_ORDER: Final = (
    "Encounter",
    "Patient",
    "RelatedPerson",
    "Condition",
    "Coverage",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Provenance",
)


def pages(catalogue: Catalogue) -> dict[str, str]:
    """Return the tables of a compiled folder of inbound mappings, as Markdown by file name."""
    return {
        "hl7v2.md": _joined_cell(_of_hl7v2(reading(catalogue, "hl7v2"))),
        "fhir-in.md": _joined_cell(_of_fhir(reading(catalogue, "fhir"))),
    }


def _of_hl7v2(read: SourceUse) -> Iterator[str]:
    used = _fields(read)
    yield "# What is used of an ADT message"
    yield _WRITTEN
    yield _KEPT + (
        " A number before an arrow is that of a component, `.9` say; what else a field has is not used."
        " Who assigned a number, and the words and the system of a code, are read with it."
        " Names after an arrow are those of the contract `discharge`."
    )
    bare = [name for name in sorted(FIELDS) if name not in {place.partition("-")[0] for place in used}]
    for name in sorted(set(FIELDS) - set(bare)):
        yield f"## {name}"
        rows = [_field(name, number, title, used) for number, (title, _) in enumerate(titles()[name], 1)]
        yield _table(("field", "title", "used for", "not used"), rows)
    yield "## Segments of which nothing is used"
    yield _table(("segment", "why"), [(name, _of_segment(name)) for name in bare])
    yield "Segments that are not listed, as Z-segments, are kept with the message: an overlay can read them."


def _fields(read: SourceUse) -> dict[str, dict[str, list[str]]]:
    """Return by field and component, `` of the whole, what is made of it."""
    made, decides = (
        _uses_by_field(
            (place, part, targets)
            for path, targets in paths.items()
            for place, part in in_hl7v2.places(path, IntakeSettings())
        )
        for paths in (read.made, read.decides)
    )
    uses = decides | made
    for place, what in reasons.USED_HERE.items():
        uses.setdefault(place, {}).setdefault("", []).insert(0, what)
    return uses


def _field(segment: str, number: int, title: str, used: dict[str, dict[str, list[str]]]) -> tuple[str, ...]:
    place = f"{segment}-{number}"
    if place in used:
        return (place, title, _uses(used[place]), "")
    if in_hl7v2.is_structure(segment, number):
        return (
            place,
            title,
            "",
            "about the message" if segment in in_hl7v2.ENVELOPE else "a number of a list",
        )
    return (place, title, "", reasons.FIELDS.get(segment, {}).get(number, reasons.DEFAULT))


def _of_segment(name: str) -> str:
    return "about the message" if name in in_hl7v2.ENVELOPE else reasons.SEGMENTS.get(name, reasons.DEFAULT)


def _uses(parts: dict[str, list[str]]) -> str:
    """Return what is made of the parts of a field, of those that make the same together.

    Beside a field as a whole its components are not named.
    """
    together: dict[tuple[str, ...], list[str]] = {}
    for part, targets in parts.items():
        if targets:
            together.setdefault(tuple(targets), []).append(part)
    shown = [
        (sorted((name for name in names if name and not ("" in names and name[0] == ".")), key=_order), to)
        for to, names in together.items()
    ]
    shown.sort(key=lambda row: _order(row[0][0])[0] if row[0] else ())
    return "; ".join(f"{', '.join(names)} → {', '.join(to)}".removeprefix(" → ") for names, to in shown)


def _order(part: str) -> tuple[tuple[int, ...], str]:
    """Return by what a part is sorted: components by number, elements by name."""
    numbers = tuple(int(digits) for digits in part.split(".") if digits.isdigit())
    return numbers, part


def _of_fhir(read: SourceUse) -> Iterator[str]:
    yield "# What is used of FHIR that hospitals send"
    yield _WRITTEN
    yield _KEPT + (
        " Ids, meta and narratives are not listed, nor extensions: they are used where an overlay reads them."
        " What stands before an arrow is below the element; what a Reference leads to is listed under its own"
        " type. Names after an arrow are those of the contract `discharge`."
    )
    known = in_fhir.known(read.paths, read.wholes)
    used = _elements(read)
    for type_ in (*_ORDER, *sorted(USED - set(_ORDER))):
        yield f"## {type_}"
        below = known.get(type_, in_fhir.ReadBelow())
        listed = [element for element in definitions()[type_].elements if element.name not in PASSED]
        rows = [_element(type_, element, below, used) for element in listed]
        yield _table(("element", "used for", "not used"), rows)


def _elements(read: SourceUse) -> dict[str, dict[str, list[str]]]:
    """Return by type and element, and what is below it, what is made of it."""
    made, decides = (
        _uses_by_field(
            (*_split(element), targets)
            for path, targets in paths.items()
            for element in in_fhir.elements(path)
            if "." in element
        )
        for paths in (read.made, read.decides)
    )
    return decides | made


def _split(element: str) -> tuple[str, str]:
    """Part an element of a resource from what is below it."""
    steps = element.split(".")
    return ".".join(steps[:2]), ".".join(steps[2:])


def _uses_by_field(uses: Iterable[tuple[str, str, tuple[str, ...]]]) -> dict[str, dict[str, list[str]]]:
    """Return by field and part of it what is made of these, or where a Reference leads."""
    gathered: dict[str, dict[str, list[str]]] = {}
    for place, part, targets in uses:
        before, _, last = part.rpartition(".")
        leads = last == "resource"
        known = gathered.setdefault(place, {}).setdefault(before if leads else part, [])
        uses_here = ["what it leads to"] if leads else [_target(path) for path in targets]
        known += [use for use in uses_here if use not in known]
    return gathered


def _element(
    type_: str, element: Element, read: in_fhir.ReadBelow, used: dict[str, dict[str, list[str]]]
) -> tuple[str, ...]:
    uses: dict[str, list[str]] = {}
    left: list[str] = []
    for name, kind in element.json_names().items():
        if name not in read:
            continue
        for below, targets in used.get(f"{type_}.{name}", {}).items():
            uses[below] = uses.get(below, []) + [path for path in targets if path not in uses.get(below, [])]
        left += _unread_below(kind, read[name], "")
    if uses or any(name in read for name in element.json_names()):
        return (element.name, _uses(uses) or "what it is about", ", ".join(dict.fromkeys(left)))
    reason = reasons.ELEMENTS.get(type_, {}).get(element.name, reasons.DEFAULT)
    return (element.name, "", reason)


def _unread_below(kind: str, read: in_fhir.ReadBelow, before: str) -> Iterator[str]:
    """Give what nothing reads below an element that is read in parts."""
    if read.whole or kind not in definitions() or not read:
        return
    for element in definitions()[kind].elements:
        for name, type_ in element.json_names().items():
            if name in read:
                yield from _unread_below(type_, read[name], f"{before}{name}.")
            elif name not in read.expected | _ANYWHERE:
                yield f"{before}{name}"


def _target(target: str) -> str:
    """Return what is made as the contract names it; of the whole, whether anything is."""
    return f"`{target.partition('.')[2]}`" if "." in target else "whether it is used"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in lines)


def _joined_cell(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"
