"""Bundles made of stored bytes: nothing is parsed, nothing is built twice.

https://hl7.org/fhir/R4/bundle.html
"""

from service.values.kept.resources import Page, StoredResource
from service.wire.json import dump


def searchset(
    page: Page, base: str, self_url: str, next_url: str | None, outcome: dict[str, object] | None = None
) -> bytes:
    """Return a searchset Bundle: what matches, what comes with it, and an OperationOutcome if any."""
    entries = [
        b'{"fullUrl":'
        + dump(f"{base}/{entry.type}/{entry.id}")
        + b',"resource":'
        + entry.body
        + b',"search":{"mode":"%b"}}' % mode
        for mode, resources in ((b"match", page.entries), (b"include", page.included))
        for entry in resources
    ]
    if outcome is not None:
        entries.append(b'{"resource":' + dump(outcome) + b',"search":{"mode":"outcome"}}')
    return _bundle(_head("searchset", page, self_url, next_url), entries)


def history(page: Page, base: str, self_url: str, next_url: str | None) -> bytes:
    """Return a history Bundle, newest first; what was erased is an entry without a resource."""
    entries = []
    for entry in page.entries:
        url = f"{entry.type}/{entry.id}"
        full = b'{"fullUrl":' + dump(f"{base}/{url}") + b","
        resource = b"" if entry.is_erased else b'"resource":' + entry.body + b","
        entries.append(full + resource + dump(_became(entry, url))[1:])
    return _bundle(_head("history", page, self_url, next_url), entries)


def _became(entry: StoredResource, url: str) -> dict[str, object]:
    """Return what made a version: request and response."""
    at = entry.last_updated.isoformat(timespec="milliseconds")
    if entry.is_erased:
        deleted = {"method": "DELETE", "url": url}
        return {"request": deleted, "response": {"status": "204", "lastModified": at}}
    first = entry.version == 1
    return {
        "request": {"method": "POST" if first else "PUT", "url": entry.type if first else url},
        "response": {
            "status": "201" if first else "200",
            "etag": f'W/"{entry.version}"',
            "lastModified": at,
        },
    }


def _head(type_: str, page: Page, self_url: str, next_url: str | None) -> dict[str, object]:
    links = [{"relation": "self", "url": self_url}]
    links += [{"relation": "next", "url": next_url}] if next_url else []
    head: dict[str, object] = {"resourceType": "Bundle", "type": type_, "link": links}
    return head if page.total is None else {**head, "total": page.total}


def _bundle(head: dict[str, object], entries: list[bytes]) -> bytes:
    if not entries:
        return dump(head)
    return dump(head)[:-1] + b',"entry":[' + b",".join(entries) + b"]}"
