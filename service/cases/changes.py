"""What a change of a case means: its events, its status history."""

from dataclasses import replace
from typing import Any

from service.values.dates import is_before
from service.values.kept.service_part import StatusPeriod

CLOSED = frozenset({"finished", "cancelled"})


def events(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    """Return what happened to a case between two revisions: `opened`, `updated`, `closed`."""
    if before is None:
        return ["opened", "closed"] if after["status"] in CLOSED else ["opened"]
    closed = after["status"] in CLOSED and before["status"] not in CLOSED
    return ["closed"] if closed else ["updated"]


def status_history(history: tuple[StatusPeriod, ...], status: str, at: str) -> tuple[StatusPeriod, ...]:
    """Return the status history after `status` was found at instant `at`; the running entry has no end."""
    if not history:
        return (StatusPeriod(status, at),)
    *past, last = history
    if last.status == status:
        return history
    # who is told of late was so when the last entry began
    at = last.start if is_before(at, last.start) else at
    return (*past, replace(last, end=at), StatusPeriod(status, at))


def changed_paths(before: Any, after: Any, path: str = "") -> list[str]:
    """Return the element paths at which two JSON values differ, e.g. `target[0].dueDate`; no value told."""
    # 1.50 says more than 1.5: https://hl7.org/fhir/R4/datatypes.html#decimal
    if before == after and str(before) == str(after):
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        paths: list[str] = []
        for key in dict.fromkeys([*before, *after]):
            place = f"{path}.{key}" if path else key
            if key not in before or key not in after:
                paths.append(place)
            else:
                paths += changed_paths(before[key], after[key], place)
        return paths
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [place for i, (b, a) in pairs for place in changed_paths(b, a, f"{path}[{i}]")]
    return [path]
