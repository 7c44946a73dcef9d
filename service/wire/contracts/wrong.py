"""Says what is wrong with a document that does not fit its contract, and where: one thing after the other.

The words are marshmallow's, which would look at the whole before it says anything: here who asks for the
first hundred is told these, and the rest is not looked at.
"""

import re
from collections.abc import Generator, Iterator
from functools import cache
from typing import Any, Final

from marshmallow import ValidationError, fields, missing, validate
from marshmallow.decorators import VALIDATES_SCHEMA
from marshmallow.exceptions import SCHEMA

from service.wire.contracts.documents.fields import Contract

_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}\Z")
Wrong = tuple[str, str]
_Walk = Generator[Wrong, None, Any]


def wrong(contract: type[Contract], document: Any) -> Iterator[Wrong]:
    """Give the JSON pointer (RFC 6901) of each thing wrong, and what is: '' is the place of the whole."""
    yield from _object(_schema(contract), document, "")


def flat_errors(messages: Any, where: str = "") -> Iterator[Wrong]:
    """Give each of marshmallow's nested messages with its JSON pointer."""
    if isinstance(messages, dict):
        for key, below in messages.items():
            yield from flat_errors(below, where if key == SCHEMA else f"{where}/{_member_for_display(key)}")
    elif isinstance(messages, list):
        for message in messages:
            yield from flat_errors(message, where)
    else:
        yield where, str(messages)


@cache
def _schema(contract: type[Contract]) -> Contract:
    return contract()


def _object(schema: Any, value: Any, where: str) -> _Walk:
    """Give what is wrong with an object; return it as it is loaded, as far as it is right."""
    if not isinstance(value, dict):
        yield where, str(schema.error_messages["type"])
        return missing
    loaded, is_right = {}, True
    for name, field in schema.load_fields.items():
        loaded_value = yield from _field(field, value.get(name, missing), f"{where}/{name}")
        if loaded_value is not missing:
            loaded[name] = loaded_value
        elif name in value or field.required:
            is_right = False
    for key in value:
        if key not in schema.load_fields:
            is_right = False
            yield f"{where}/{_member_for_display(key)}", str(schema.error_messages["unknown"])
    if not is_right:
        return missing
    return (yield from _contract_errors(schema, loaded, where))


def _contract_errors(schema: Any, loaded: dict[str, Any], where: str) -> _Walk:
    """Give what the contract says of the whole of an object whose members are right."""
    is_right = True
    for name, _, _ in schema._hooks[VALIDATES_SCHEMA]:  # noqa: SLF001  nowhere else told
        try:
            getattr(schema, name)(loaded, partial=None, unknown=None)
        except ValidationError as exc:
            is_right = False
            messages = exc.messages if exc.field_name == SCHEMA else {exc.field_name: exc.messages}
            yield from flat_errors(messages, where)
    return loaded if is_right else missing


def _field(field: Any, value: Any, where: str) -> _Walk:
    if value is missing or value is None or not isinstance(field, fields.Nested | fields.List):
        try:
            return field.deserialize(value)
        except ValidationError as exc:
            yield from flat_errors(exc.messages, where)
            return missing
    if isinstance(field, fields.Nested):
        return (yield from _object(field.schema, value, where))
    return (yield from _list(field, value, where))


def _list(field: Any, value: Any, where: str) -> _Walk:
    """Give what is wrong with a list; of one that is too long that alone."""
    if not isinstance(value, list):
        yield where, str(field.error_messages["invalid"])
        return missing
    try:
        for check in field.validators:
            assert isinstance(check, validate.Length), "of a list the length alone is checked"
            check(value)
    except ValidationError as exc:
        yield from flat_errors(exc.messages, where)
        return missing
    items, is_right = [], True
    for index, item in enumerate(value):
        loaded_item = yield from _field(field.inner, item, f"{where}/{index}")
        items.append(loaded_item)
        is_right = is_right and loaded_item is not missing
    return items if is_right else missing


def _member_for_display(key: object) -> str:
    """A member's name as a pointer may show it: a strange one may be somebody's data."""
    return str(key) if isinstance(key, int) or _NAME.match(str(key)) else "?"
