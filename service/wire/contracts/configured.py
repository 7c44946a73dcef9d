"""Loads a YAML file that configures us by its schema; each mistake has the file, line and column it is at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError
from marshmallow.exceptions import SCHEMA

from service.errors import Issue, Misconfigured
from service.wire.yaml import InvalidYaml, Node, mark_of, only, plain

Path_ = tuple[Any, ...]


def load(schema: Schema, path: Path, what: str) -> dict[str, Any]:
    """Return what a file says, loaded; `what` names it in errors, e.g. `The partner registry`.

    Raises:
        Misconfigured: it cannot be read, is not YAML as mappings are written in, or does not fit the schema.
    """
    node = read(path, what)
    try:
        loaded: dict[str, Any] = schema.load(plain(node))
    except ValidationError as exc:
        issues = [
            Issue(f"{_pointer(steps)}: {message}", str(mark_of(node, steps)))
            for steps, message in _messages(exc.messages, ())
        ]
        raise Misconfigured(f"{what} is wrong.", issues=issues) from exc
    return loaded


def read(path: Path, what: str) -> Node:
    """Return what a file says, as it stands; raises Misconfigured as `load` when it cannot be read."""
    try:
        return only(path.read_bytes(), str(path))
    except OSError as exc:
        raise Misconfigured(f"{what} cannot be read.", where=str(path)) from exc
    except InvalidYaml as wrong:
        raise Misconfigured(f"{what} cannot be read: {wrong.what}.", where=str(wrong.mark)) from wrong


def load_document(schema: Schema, document: Any, what: str) -> dict[str, Any]:
    """Return a document that is in no file, loaded; raises Misconfigured with each mistake's JSON pointer."""
    try:
        loaded: dict[str, Any] = schema.load(document)
    except ValidationError as exc:
        issues = [Issue(message, _pointer(steps)) for steps, message in _messages(exc.messages, ())]
        raise Misconfigured(f"{what} is wrong.", issues=issues) from exc
    return loaded


def _pointer(steps: Path_) -> str:
    return "".join(f"/{step}" for step in steps) or "/"


def _messages(messages: Any, steps: Path_) -> Iterator[tuple[Path_, str]]:
    """Give each of marshmallow's nested messages with the steps to what it is about."""
    if isinstance(messages, dict):
        for key, below in messages.items():
            yield from _messages(below, steps if key == SCHEMA else (*steps, key))
        return
    for message in messages:
        yield steps, message
