"""Files by patient: for each a header, the patient, and all that is theirs.

https://build.fhir.org/ig/HL7/bulk-data/export.html, `organizeOutputBy`
"""

from collections.abc import Iterator

from service.flows.export.elements import elements_of, narrowed
from service.flows.ports.exports import ExportsPort
from service.values.access.scope import SHARED, Scope
from service.values.audit import Disclosed
from service.values.jobs.exports import Export, Lines, Part
from service.wire.json import dump

Line = tuple[bytes, Disclosed]


def lines_by_patient(exports: ExportsPort, export: Export, part: Part, scope: Scope) -> Lines:
    """Return what of the patients of a part is in a scope now; of whom nothing is, there is no header."""
    patients = exports.patients(export, part, scope)
    found: dict[str, list[Line]] = {client: [] for client in patients}
    if patients:
        for type_ in sorted(export.asked.types, key=lambda type_: type_ != "Patient"):
            if type_ not in SHARED:
                for client, line in _lines(exports, export, type_, tuple(patients), scope):
                    found[client].append(line)
    bodies: list[bytes] = []
    things: list[Disclosed] = []
    for client, theirs in found.items():
        if theirs:
            bodies += [_header(patients[client]), *(body for body, _ in theirs)]
            things += [thing for _, thing in theirs]
    return Lines(b"".join(body + b"\n" for body in bodies), tuple(things))


def _lines(
    exports: ExportsPort, export: Export, type_: str, clients: tuple[str, ...], scope: Scope
) -> Iterator[tuple[str, Line]]:
    lines = exports.of_clients(export, type_, clients, scope)
    elements = elements_of(type_, export.asked.elements)
    body = narrowed(lines.body, elements) if elements else lines.body
    for line, thing in zip(body.split(b"\n")[:-1], lines.things, strict=True):
        yield thing.client or "", (line, thing)


def _header(patient: str) -> bytes:
    reference = {"reference": f"Patient/{patient}"}
    header = {"name": "header", "valueReference": reference}
    return dump({"resourceType": "Parameters", "parameter": [header]})
