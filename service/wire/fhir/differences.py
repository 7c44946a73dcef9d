"""What a partner put and what we make of it, compared: each element that differs, by its FHIRPath.

What the service makes by itself may differ: `meta`, the narrative, and the codings that it adds to a concept.
https://hl7.org/fhir/R4/http.html#update
"""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, Final

from service.errors import Issue

Json = dict[str, Any]
STAMPS: Final = frozenset({"versionId", "lastUpdated"})
OURS: Final = frozenset({"meta", "text"})
# who is in a team is no order; those whom hospitals brought stand last in ours
UNORDERED: Final = frozenset({"CareTeam.participant"})


def differences(sent: Json, ours: Json, stored: Json, reported: Collection[str] = ()) -> Iterator[Issue]:
    """Give an issue for each element that differs.

    Args:
        sent: what was put, as `returned.as_written_here` gives it.
        ours: what is made of the case now.
        stored: what was there before.
        reported: paths of items that are told of already, and are not in `ours` as they were sent.
    """
    type_ = sent["resourceType"]
    for key, value in sent.get("meta", {}).items():
        if key not in STAMPS and value not in (
            resource.get("meta", {}).get(key) for resource in (ours, stored)
        ):
            yield no_place(f"{type_}.meta.{key}")
    if sent.get("text") not in (None, ours.get("text"), stored.get("text")):
        yield _fixed_element_issue(f"{type_}.text")
    plain, plain_ours = ({k: v for k, v in resource.items() if k not in OURS} for resource in (sent, ours))
    yield from _value_differences(plain, plain_ours, type_, reported)


def _value_differences(sent: Any, ours: Any, path: str, reported: Collection[str]) -> Iterator[Issue]:
    if isinstance(sent, dict) and isinstance(ours, dict):
        for key in dict.fromkeys([*sent, *ours]):
            place = f"{path}.{key}"
            if place in reported:
                continue
            if key not in ours and any(item_path.startswith(f"{place}[") for item_path in reported):
                # of its items some are told of already
                yield from _list_differences(sent[key], [], place, reported)
            elif key not in ours:
                yield no_place(place)
            elif key not in sent:
                yield _kept_element_issue(place)
            elif key == "coding":
                yield from _codings(sent[key], ours[key], place)
            else:
                yield from _value_differences(sent[key], ours[key], place, reported)
    elif isinstance(sent, list) and isinstance(ours, list):
        yield from _list_differences(sent, ours, path, reported)
    elif sent != ours:
        yield _fixed_element_issue(path)


def _list_differences(
    sent: list[Any], ours_list: list[Any], path: str, reported: Collection[str]
) -> Iterator[Issue]:
    """Compare the items of lists by what they are known by; those known by nothing, in their order."""
    asked = [(f"{path}[{index}]", item) for index, item in enumerate(sent)]
    gone = {_key(item) for place, item in asked if place in reported} - {None}
    asked = [(place, item) for place, item in asked if place not in reported]
    there = [(_at(path, index, item), item) for index, item in enumerate(ours_list) if _key(item) not in gone]
    names, others = _names(asked), _names(there)
    ours = dict(zip(others, there, strict=True))
    for name, (place, item) in zip(names, asked, strict=True):
        if name in ours:
            yield from _value_differences(item, ours[name][1], place, reported)
        else:
            yield no_place(place)
    sent_names = set(names)
    yield from (_kept_element_issue(place) for name, (place, _) in ours.items() if name not in sent_names)
    in_order = [item for item in names if item in ours] == [item for item in others if item in sent_names]
    if not in_order and path not in UNORDERED:
        yield _fixed_element_issue(path)


def _codings(sent: list[Json], our_codings: list[Json], path: str) -> Iterator[Issue]:
    """Find codings of which ours say other things, or nothing; of ours there may be more."""
    for index, coding in enumerate(sent):
        if not any(coding.items() <= ours.items() for ours in our_codings):
            yield no_place(f"{path}[{index}]")


def _names(items: list[tuple[str, Any]]) -> list[tuple[Any, int]]:
    """Return names for the items of a list, no two the same."""
    seen = Counter[Any]()
    names = []
    for _, item in items:
        key = _key(item)
        names.append((key, seen[key]))
        seen[key] += 1
    return names


def _at(path: str, index: int, item: Any) -> str:
    """Return the FHIRPath of an item of ours; where it stood when it was read, its id alone can say."""
    has_id = isinstance(item, dict) and "id" in item
    return f"{path}.where(id = '{item['id']}')" if has_id else f"{path}[{index}]"


def _key(item: Any) -> Any:
    """What an item is known by: its element id, or what it refers to."""
    if not isinstance(item, dict):
        return None
    reference = item.get("reference")
    return item.get("id") or (reference.get("reference") if isinstance(reference, dict) else reference)


def no_place(path: str) -> Issue:
    """Return what to say of an element that a case has no place for."""
    return Issue("The case has no place for this; leave it out.", path, "not-supported")


def _kept_element_issue(path: str) -> Issue:
    return Issue("This cannot be taken away here; send it as you read it.", path, "business-rule")


def _fixed_element_issue(path: str) -> Issue:
    return Issue("This cannot be changed here; send it as you read it.", path, "business-rule")
