"""What a change of a JSON Schema breaks for those who rely on the one that was released.

A message is read by who knows the released schema, and kept ones are read by the new schema: so of a version
only members that may be left out are added. A document is sent by who knows the released schema: what was
taken stays taken, and more may be. What of a document the service writes (`readOnly`) is read as messages
are.

https://json-schema.org/draft/2020-12/json-schema-validation; what is not compared here is taken as broken.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Final

Schema = Mapping[str, Any]
_NAME: Final = re.compile(r"(?P<stem>.+?)(?:\.v(?P<version>[1-9]\d*))?\.schema\.json")
ANNOTATIONS: Final = {"$schema", "title", "description", "examples"}
_COMPARED: Final = {"properties", "required", "additionalProperties", "items", "enum", "const", "type"}
_REMEDY: Final = "take it back, or publish version {} beside it"
_LOWEST: Final = ("minimum", "minLength", "minItems")
_HIGHEST: Final = ("maximum", "maxLength", "maxItems")


class Hurt(Flag):
    """Who cannot go on as before: who sends what the old schema takes, who reads by it."""

    SENDERS = auto()
    READERS = auto()
    BOTH = SENDERS | READERS


@dataclass(frozen=True, slots=True)
class Change:
    """A difference that hurts somebody: where in the schema, what, and whom."""

    where: str
    what: str
    hurts: Hurt


@dataclass(frozen=True, slots=True)
class Breach:
    """What a released schema promised and does not any more, and the remedy."""

    what: str
    remedy: str


def breaches(released: Mapping[str, Schema], current: Mapping[str, Schema]) -> list[Breach]:
    """Return what of the released schemas is broken; both are schemas by the names of files.

    A schema may go when there is a later version of it: `careplan.updated.v2.schema.json`.
    """
    later = dict(_version(name) for name in sorted(current, key=_version))
    broken = []
    for name, before in sorted(released.items()):
        stem, version = _version(name)
        if name not in current:
            if later.get(stem, 0) <= version:
                broken.append(Breach(f"{name}: the whole is gone", _REMEDY.format(version + 1)))
            continue
        intolerable = Hurt.BOTH if name.startswith("messages/") else Hurt.SENDERS
        broken += [
            Breach(f"{name}: {change.where or 'the whole'} {change.what}", _REMEDY.format(version + 1))
            for change in changes(before, current[name])
            if change.hurts & intolerable
        ]
    return broken


def changes(before: Schema, after: Schema, where: str = "") -> Iterator[Change]:
    """Give each difference that hurts somebody; `where` is the path of the members down to here."""
    if before.get("readOnly") and after.get("readOnly"):
        yield from (
            Change(change.where, change.what, Hurt.BOTH)
            for change in _changes({**before, "readOnly": False}, {**after, "readOnly": False}, where)
        )
    else:
        yield from _changes(before, after, where)


def _changes(before: Schema, after: Schema, where: str) -> Iterator[Change]:
    yield from _types(before, after, where)
    yield from _values(before, after, where)
    yield from _bounds(before, after, where)
    yield from _members(before, after, where)
    if "items" in before and "items" in after:
        yield from changes(before["items"], after["items"], f"{where}[]")
    elif "items" in before or "items" in after:
        yield Change(where, *_one_sided("items" in after, "the schema of its items"))
    bounds = {*_LOWEST, *_HIGHEST}
    for word in sorted((before.keys() | after.keys()) - ANNOTATIONS - _COMPARED - bounds):
        if before.get(word, False) != after.get(word, False):
            if word in before and word in after:
                yield Change(where, f"has another {word}", Hurt.BOTH)
            else:
                yield Change(where, *_one_sided(word in after, f"a {word}"))


def _types(before: Schema, after: Schema, where: str) -> Iterator[Change]:
    was, is_ = before.get("type"), after.get("type")
    if was == is_:
        return
    if (was, is_) == ("integer", "number"):
        yield Change(where, "may be no whole number any more", Hurt.READERS)
    elif (was, is_) == ("number", "integer"):
        yield Change(where, "has to be a whole number", Hurt.SENDERS)
    elif was is None or is_ is None:
        yield Change(where, *_one_sided(is_ is not None, "a type"))
    else:
        yield Change(where, f"is {is_}, and was {was}", Hurt.BOTH)


def _values(before: Schema, after: Schema, where: str) -> Iterator[Change]:
    was, is_ = _enumerated(before), _enumerated(after)
    if was is None or is_ is None:
        if was is not is_:
            yield Change(where, *_one_sided(is_ is not None, "a list of what it may be"))
        return
    if gone := [value for value in was if value not in is_]:
        yield Change(where, f"may not be {gone} any more", Hurt.SENDERS)
    if new := [value for value in is_ if value not in was]:
        yield Change(where, f"may be {new} from now on", Hurt.READERS)


def _bounds(before: Schema, after: Schema, where: str) -> Iterator[Change]:
    for word in (*_LOWEST, *_HIGHEST):
        was, is_ = before.get(word), after.get(word)
        if was == is_:
            continue
        if was is None or is_ is None:
            yield Change(where, *_one_sided(is_ is not None, f"a {word}"))
        else:
            hurts = Hurt.SENDERS if (is_ > was) == (word in _LOWEST) else Hurt.READERS
            yield Change(where, f"has the {word} {is_}, and had {was}", hurts)


def _members(before: Schema, after: Schema, where: str) -> Iterator[Change]:
    was, is_ = before.get("properties", {}), after.get("properties", {})
    for name, member in was.items():
        path = f"{where}.{name}" if where else name
        if name in is_:
            yield from changes(member, is_[name], path)
        else:
            yield Change(path, "is gone", Hurt.BOTH)
    needed, needs = set(before.get("required", ())), set(after.get("required", ()))
    for name in sorted(needs ^ needed):
        path = f"{where}.{name}" if where else name
        if name in needs:
            yield Change(path, "is required", Hurt.SENDERS)
        elif name in is_:
            yield Change(path, "may be left out", Hurt.READERS)
    closed, closes = (schema.get("additionalProperties", True) is False for schema in (before, after))
    if closes and not closed:
        yield Change(where, "takes no other members any more", Hurt.SENDERS)


def _one_sided(is_added: bool, what: str) -> tuple[str, Hurt]:
    """Return what to say of a limit that one schema has: a new one hurts who sends, a lost one who reads."""
    return (f"has {what}", Hurt.SENDERS) if is_added else (f"has not {what} any more", Hurt.READERS)


def _enumerated(schema: Schema) -> list[Any] | None:
    """Return the values that a schema allows, when it names them."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _version(name: str) -> tuple[str, int]:
    """Return what a file is the schema of, and of which version: 1 unless its name says."""
    parts = _NAME.fullmatch(name)
    assert parts is not None, f"{name} is the name of no schema"
    return parts["stem"], int(parts["version"] or 1)
