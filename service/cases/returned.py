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
    found = dict(own)
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        if isinstance(was or now, list):
            value: Any = _items(key in OPEN, found.get(key, []), was or [], now or [])
        elif isinstance(was or now, dict):
            value = merged_part(found.get(key, {}), was or {}, now or {})
        else:
            value = now
        found[key] = value
        if value in (None, [], {}):
            del found[key]
    return found


def path_of(pointer: str, case: Any) -> Path:
    """Return the path of what a JSON pointer names in a case."""
    steps = pointer.strip("/").split("/")
    found: list[tuple[str, str | None]] = []
    while steps and steps[0]:
        key = steps.pop(0)
        case = case.get(key) if isinstance(case, dict) else None
        id_ = None
        if isinstance(case, list) and steps:
            case = case[int(steps.pop(0))]
            id_ = case.get("id") if isinstance(case, dict) else None
        found.append((key, id_))
    return tuple(found)


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
        old = [each for each in was or [] if each["id"] == id_]
        value = []
        for each in now or []:
            here = [part_without_change(each, old[0] if old else {}, below)] if below else old
            value += here if each["id"] == id_ else [each]
    else:
        value = part_without_change(now or {}, was or {}, below) if below else was
    return {name: each for name, each in {**after, key: value}.items() if each is not None}


def _items(is_open: bool, own: Sequence[Part], before: Sequence[Part], after: Sequence[Part]) -> list[Part]:
    was, now, mine = ({each["id"]: each for each in items} for items in (before, after, own))
    seen = {id_: merged_part(mine[id_], was[id_], now[id_]) for id_ in now if id_ in was and id_ in mine}
    if not is_open:
        return [seen.get(each["id"], each) for each in own]
    # what hospitals brought is in `before` and not in `own`: it does not become the case system's
    found = [seen.get(id_, each) for id_, each in now.items() if id_ in seen or id_ not in was | mine]
    for place, each in enumerate(own):
        if each["id"] not in was:
            ahead = {one["id"] for one in own[:place]}
            at = [index for index, one in enumerate(found) if one["id"] in ahead]
            found.insert(at[-1] + 1 if at else 0, each)
    return found
