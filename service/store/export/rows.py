"""An export as a row, and as it is read from one; its lines, as they are read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from service.store.rows.typed import aware
from service.values.audit import Disclosed
from service.values.jobs.exports import Asked, Export, Lines
from service.wire.json import dump, reread


def row_of(export: Export) -> dict[str, Any]:
    """Return the row of an export that is begun."""
    asked = export.asked
    said = {
        "request": asked.request,
        "types": asked.types,
        "since": asked.since and asked.since.isoformat(),
        "until": asked.until and asked.until.isoformat(),
        "elements": asked.elements,
        "filters": asked.filters,
        "clients": asked.clients,
        "by_patient": asked.by_patient,
        "ignored": asked.ignored,
    }
    return {
        "id": export.id,
        "partner": export.partner,
        "at": export.at,
        "row": export.row,
        "gaps": dump(export.gaps).decode(),
        "since_row": export.since_row,
        "roster": export.roster,
        "by_client": export.by_client,
        "over": export.by_client,
        "asked": dump(said).decode(),
    }


def export_of(row: Any) -> Export:
    """Return the export of a row."""
    said = reread(row.asked.encode())
    since, until = (said[name] and datetime.fromisoformat(said[name]) for name in ("since", "until"))
    # the release before knew no filters, no clients and no patients
    clients = said.get("clients")
    lists = {name: tuple(said.get(name, ())) for name in ("types", "elements", "filters", "ignored")}
    return Export(
        id=row.id,
        partner=row.partner,
        at=aware(row.at),
        row=row.row,
        gaps=tuple((first, last) for first, last in reread(row.gaps.encode())),
        since_row=row.since_row,
        roster=row.roster,
        by_client=row.by_client,
        asked=Asked(
            request=said["request"],
            since=since,
            until=until,
            clients=None if clients is None else tuple(clients),
            by_patient=said.get("by_patient", False),
            **lists,
        ),
        stage=row.stage,
        after=row.after,
        finished=row.finished,
    )


def lines_of(type_: str, rows: Sequence[Any]) -> Lines:
    """Return the lines of the rows of `versions.lines`."""
    things: list[Disclosed] = []
    for client, _, named in rows:
        things += [Disclosed(client, f"{type_}/{name}") for name in named.split(" ")]
    # each line ends
    return Lines(b"\n".join([*(row.bodies for row in rows), b""]), tuple(things))
