"""Bundles made of stored bytes: nothing is parsed, nothing is built twice.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Sequence

from service.values.resources import Page, Stored
from service.wire.json import dump


def searchset(page: Page, base: str, self_url: str, next_url: str | None) -> bytes:
    """Return a searchset Bundle."""
    links = [{"relation": "self", "url": self_url}] + (
        [{"relation": "next", "url": next_url}] if next_url else []
    )
    head: dict[str, object] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    if page.total is not None:
        head["total"] = page.total
    entries = [
        b'{"fullUrl":'
        + dump(f"{base}/{each.type}/{each.id}")
        + b',"resource":'
        + each.body
        + b',"search":{"mode":"match"}}'
        for each in page.entries
    ]
    return _bundle(head, entries)


def history(versions: Sequence[Stored], base: str) -> bytes:
    """Return a history Bundle, newest first."""
    head: dict[str, object] = {"resourceType": "Bundle", "type": "history", "total": len(versions)}
    entries = []
    for each in versions:
        url = f"{each.type}/{each.id}"
        first = each.version == 1
        about = {
            "request": {"method": "POST" if first else "PUT", "url": each.type if first else url},
            "response": {
                "status": "201" if first else "200",
                "etag": f'W/"{each.version}"',
                "lastModified": each.last_updated.isoformat(timespec="milliseconds"),
            },
        }
        full = b'{"fullUrl":' + dump(f"{base}/{url}") + b',"resource":' + each.body + b","
        entries.append(full + dump(about)[1:])
    return _bundle(head, entries)


def _bundle(head: dict[str, object], entries: list[bytes]) -> bytes:
    if not entries:
        return dump(head)
    return dump(head)[:-1] + b',"entry":[' + b",".join(entries) + b"]}"
