"""What came back of a case: what a partner changed in its view of it, put into the case, and nothing else.

A partner's resource is read twice into a part of a case: as the partner had it (`before`), and as it sent
it (`after`). Only where these differ is the case changed; what its view hides is in neither, and stays.
"""

from collections.abc import Sequence
from typing import Any, Final

# the lists that are the partner's to add to and take from; the items of others are entered by their id alone
OPEN: Final = frozenset({"team", "progress"})

Part = dict[str, Any]
# the members that lead somewhere in a case; of a list, the id of the item
Path = tuple[tuple[str, str | None], ...]


def merged_part(own: Part, before: Part, after: Part) -> Part:
    """Return `own` with the changes from `before` to `after`; none of the three is changed itself."""
    part = dict(own)
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        if isinstance(was or now, list):
            value: Any = _items(key in OPEN, part.get(key, []), was or [], now or [])
        elif isinstance(was or now, dict):
            value = merged_part(part.get(key, {}), was or {}, now or {})
        else:
            value = now
        part[key] = value
        if value in (None, [], {}):
            del part[key]
    return part


def path_of(pointer: str, case: Any) -> Path:
    """Return the path of what a JSON pointer names in a case."""
    steps = pointer.strip("/").split("/")
    path: list[tuple[str, str | None]] = []
    while steps and steps[0]:
        key = steps.pop(0)
        case = case.get(key) if isinstance(case, dict) else None
        id_ = None
        if isinstance(case, list) and steps:
            case = case[int(steps.pop(0))]
            id_ = case.get("id") if isinstance(case, dict) else None
        path.append((key, id_))
    return tuple(path)


def item_of(path: Path) -> Path:
    """Return the path of the innermost item of a list that a path leads to or through, or the path itself."""
    ends = [count for count, (_, id_) in enumerate(path, start=1) if id_ is not None]
    return path[: ends[-1]] if ends else path


def part_without_change(after: Part, before: Part, path: Path) -> Part:
    """Return `after` with what is at a path as it was before."""
    (key, id_), below = path[0], path[1:]
    was, now = before.get(key), after.get(key)
    value: Any
    if id_ is not None:
        old = [item for item in was or [] if item["id"] == id_]
        value = []
        for item in now or []:
            here = [part_without_change(item, old[0] if old else {}, below)] if below else old
            value += here if item["id"] == id_ else [item]
    else:
        value = part_without_change(now or {}, was or {}, below) if below else was
    return {name: member for name, member in {**after, key: value}.items() if member is not None}


def _items(is_open: bool, own: Sequence[Part], before: Sequence[Part], after: Sequence[Part]) -> list[Part]:
    was, now, mine = ({item["id"]: item for item in items} for items in (before, after, own))
    seen = {id_: merged_part(mine[id_], was[id_], now[id_]) for id_ in now if id_ in was and id_ in mine}
    if not is_open:
        return [seen.get(item["id"], item) for item in own]
    # what hospitals brought is in `before` and not in `own`: it does not become the case system's
    merged = [seen.get(id_, item) for id_, item in now.items() if id_ in seen or id_ not in was | mine]
    for place, item in enumerate(own):
        if item["id"] not in was:
            ahead = {one["id"] for one in own[:place]}
            at = [index for index, one in enumerate(merged) if one["id"] in ahead]
            merged.insert(at[-1] + 1 if at else 0, item)
    return merged
