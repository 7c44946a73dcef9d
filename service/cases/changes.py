"""What a change of a case means: its events, its status history."""

from typing import Any

from service.values.dates import is_before

CLOSED = frozenset({"finished", "cancelled"})


def events(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    """Return what happened to a case between two revisions: `opened`, `updated`, `closed`."""
    if before is None:
        return ["opened", "closed"] if after["status"] in CLOSED else ["opened"]
    closed = after["status"] in CLOSED and before["status"] not in CLOSED
    return ["closed"] if closed else ["updated"]


def status_history(history: list[dict[str, Any]], status: str, at: str) -> list[dict[str, Any]]:
    """Return the status history after `status` was found at instant `at`.

    Entries are {"status", "period": {"start", "end"?}}; the running entry has no end.
    """
    if history and history[-1]["status"] == status:
        return history
    if history and is_before(at, history[-1]["period"]["start"]):
        # who is told of late was so when the last entry began
        at = history[-1]["period"]["start"]
    ended = [*history[:-1], _ended(history[-1], at)] if history else []
    return [*ended, {"status": status, "period": {"start": at}}]


def _ended(entry: dict[str, Any], at: str) -> dict[str, Any]:
    return {**entry, "period": {**entry["period"], "end": at}}


def changed_paths(before: Any, after: Any, path: str = "") -> list[str]:
    """Return the element paths at which two JSON values differ, e.g. `target[0].dueDate`; no value told."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: list[str] = []
        for key in dict.fromkeys([*before, *after]):
            place = f"{path}.{key}" if path else key
            if key not in before or key not in after:
                found.append(place)
            else:
                found += changed_paths(before[key], after[key], place)
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [place for i, (b, a) in pairs for place in changed_paths(b, a, f"{path}[{i}]")]
    return [] if before == after else [path]
