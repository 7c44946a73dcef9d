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
    try:
        node = only(path.read_bytes(), str(path))
        loaded: dict[str, Any] = schema.load(plain(node))
    except OSError as exc:
        raise Misconfigured(f"{what} cannot be read.", where=str(path)) from exc
    except InvalidYaml as wrong:
        raise Misconfigured(f"{what} cannot be read: {wrong.what}.", where=str(wrong.mark)) from wrong
    except ValidationError as exc:
        raise Misconfigured(f"{what} is wrong.", issues=list(_issues(exc.messages, node, ()))) from exc
    return loaded


def _issues(messages: Any, node: Node, steps: Path_) -> Iterator[Issue]:
    """Give each of marshmallow's nested messages with its place in the file and its JSON pointer."""
    if isinstance(messages, dict):
        for key, below in messages.items():
            yield from _issues(below, node, steps if key == SCHEMA else (*steps, key))
        return
    pointer = "".join(f"/{step}" for step in steps) or "/"
    for message in messages:
        yield Issue(f"{pointer}: {message}", str(mark_of(node, steps)))
