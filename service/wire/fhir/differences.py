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


def differences(sent: Json, made: Json, stored: Json, told: Collection[str] = ()) -> Iterator[Issue]:
    """Give an issue for each element that differs.

    Args:
        sent: what was put, as `returned.received` gives it.
        made: what is made of the case now.
        stored: what was there before.
        told: paths of items that are told of already, and are not in `made` as they were sent.
    """
    type_ = sent["resourceType"]
    for key, value in sent.get("meta", {}).items():
        if key not in STAMPS and value not in (each.get("meta", {}).get(key) for each in (made, stored)):
            yield no_place(f"{type_}.meta.{key}")
    if sent.get("text") not in (None, made.get("text"), stored.get("text")):
        yield _fixed_element_issue(f"{type_}.text")
    plain, ours = ({k: v for k, v in each.items() if k not in OURS} for each in (sent, made))
    yield from _value_differences(plain, ours, type_, told)


def _value_differences(sent: Any, made: Any, path: str, told: Collection[str]) -> Iterator[Issue]:
    if isinstance(sent, dict) and isinstance(made, dict):
        for key in dict.fromkeys([*sent, *made]):
            place = f"{path}.{key}"
            if place in told:
                continue
            if key not in made and any(each.startswith(f"{place}[") for each in told):
                # of its items some are told of already
                yield from _list_differences(sent[key], [], place, told)
            elif key not in made:
                yield no_place(place)
            elif key not in sent:
                yield _kept_element_issue(place)
            elif key == "coding":
                yield from _codings(sent[key], made[key], place)
            else:
                yield from _value_differences(sent[key], made[key], place, told)
    elif isinstance(sent, list) and isinstance(made, list):
        yield from _list_differences(sent, made, path, told)
    elif sent != made:
        yield _fixed_element_issue(path)


def _list_differences(sent: list[Any], made: list[Any], path: str, told: Collection[str]) -> Iterator[Issue]:
    """Compare the items of lists by what they are known by; those known by nothing, in their order."""
    asked = [(f"{path}[{index}]", each) for index, each in enumerate(sent)]
    gone = {_key(each) for place, each in asked if place in told} - {None}
    asked = [(place, each) for place, each in asked if place not in told]
    there = [(_at(path, index, each), each) for index, each in enumerate(made) if _key(each) not in gone]
    names, others = _names(asked), _names(there)
    ours = dict(zip(others, there, strict=True))
    for name, (place, each) in zip(names, asked, strict=True):
        if name in ours:
            yield from _value_differences(each, ours[name][1], place, told)
        else:
            yield no_place(place)
    known = set(names)
    yield from (_kept_element_issue(place) for name, (place, _) in ours.items() if name not in known)
    in_order = [each for each in names if each in ours] == [each for each in others if each in known]
    if not in_order and path not in UNORDERED:
        yield _fixed_element_issue(path)


def _codings(sent: list[Json], made: list[Json], path: str) -> Iterator[Issue]:
    """Find codings of which ours say other things, or nothing; of ours there may be more."""
    for index, each in enumerate(sent):
        if not any(each.items() <= ours.items() for ours in made):
            yield no_place(f"{path}[{index}]")


def _names(items: list[tuple[str, Any]]) -> list[tuple[Any, int]]:
    """Return names for the items of a list, no two the same."""
    seen = Counter[Any]()
    found = []
    for _, each in items:
        key = _key(each)
        found.append((key, seen[key]))
        seen[key] += 1
    return found


def _at(path: str, index: int, item: Any) -> str:
    """Return the FHIRPath of an item of ours; where it stood when it was read, its id alone can say."""
    named = isinstance(item, dict) and "id" in item
    return f"{path}.where(id = '{item['id']}')" if named else f"{path}[{index}]"


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
