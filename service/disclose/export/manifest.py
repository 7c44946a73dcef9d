"""What is told of an export: how far it is, and once it is planned where its parts are.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from service.values.jobs.exports import Deletion, Export, Part
from service.wire.json import dump

ENTRIES: Final = 500
"""How many deletions a Bundle has at most; each is a line."""
ERRORS: Final = 0
"""The number of the part that says what was asked for and is not heeded."""


def manifest(export: Export, parts: Iterable[Part], base: str, *, by_token: bool) -> bytes:
    """Return the manifest of an export; `base` is the address of the exports, `by_token` how one gets in."""
    files: dict[str, list[dict[str, Any]]] = {"output": [], "deleted": []}
    for part in parts:
        url = {"url": f"{base}/{export.id}/{part.number}"}
        if part.kind == "patients":
            files["output"].append(url)
        elif part.kind in {"output", "clients"}:
            files["output"].append({"type": part.type, **url, "count": part.size})
        else:
            files["deleted"].append({"type": "Bundle", **url, "count": -(-part.size // ENTRIES)})
    errors = [{"type": "OperationOutcome", "url": f"{base}/{export.id}/{ERRORS}", "count": 1}]
    return dump(
        {
            "transactionTime": export.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "request": export.asked.request,
            "requiresAccessToken": by_token,
            **({"outputOrganizedBy": "Patient"} if export.asked.by_patient else {}),
            "output": files["output"],
            "deleted": files["deleted"],
            "error": errors if export.asked.ignored else [],
        }
    )


def progress(export: Export) -> str:
    """Return in words how far an export is planned."""
    stages, place = export.stages, export.place
    if not 0 <= place < len(stages):
        return "finding whose data it is" if place < 0 else "done"
    kind, type_ = stages[place]
    what = {"output": "", "clients": "", "patients": " with all of theirs", "deleted": " that is gone"}[kind]
    return f"{place + 1} of {len(stages)}: {type_}{what}"


def bundles(deletions: Sequence[Deletion]) -> bytes:
    """Return what is no longer there as lines, each a Bundle."""
    return b"".join(_bundles(deletions))


def _bundles(deletions: Sequence[Deletion]) -> Iterator[bytes]:
    for first in range(0, len(deletions), ENTRIES):
        entries = [
            {"request": {"method": "DELETE", "url": f"{gone.type}/{gone.id}"}}
            for gone in deletions[first : first + ENTRIES]
        ]
        yield dump({"resourceType": "Bundle", "type": "transaction", "entry": entries}) + b"\n"


def outcome(export: Export) -> bytes:
    """Return what was asked for and is not heeded, as a line."""
    issues = [
        {"severity": "warning", "code": "not-supported", "diagnostics": what} for what in export.asked.ignored
    ]
    return dump({"resourceType": "OperationOutcome", "issue": issues}) + b"\n"
