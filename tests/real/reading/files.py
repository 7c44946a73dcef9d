"""The files of a folder that are for a door of hospitals."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.real.reading.house import ER7
from tests.web.sent import FHIR

ROUTES = {"message": "/fhir/$process-message", "transaction": "/fhir", "batch": "/fhir"}


def files(folder: Path) -> Iterator[tuple[Path, str, str, bytes]]:
    """Give each file's path, its route, its media type and its bytes."""
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        raw = path.read_bytes()
        if folder.name == "hl7v2-adt":
            if path.suffix not in {".csv", ".json", ".md"}:
                yield path, "/hl7v2", ER7, raw
        elif path.suffix == ".json" and (route := _route(raw)) is not None:
            yield path, route, FHIR, raw


def _route(raw: bytes) -> str | None:
    try:
        sent = json.loads(raw.decode("utf-8-sig"))
    except ValueError:
        return None
    if not isinstance(sent, dict):
        return None
    if sent.get("resourceType") == "Encounter":
        return "/fhir/Encounter"
    return ROUTES.get(sent.get("type", "")) if sent.get("resourceType") == "Bundle" else None
