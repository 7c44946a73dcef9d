"""Checks what an inbound mapping makes against the contract it is made for: a typo does not start."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.mapping import expressions
from service.mapping.schema import LIST, JSONSchema, Shape, World, nearest
from service.mapping.source import Mapping as Map
from service.mapping.source import Node, Scalar, Sequence, Wrong

Targets = Mapping[str, JSONSchema]


def check(node: Map, targets: Targets) -> Iterator[Wrong]:
    """Give what is wrong with the names and codes of a mapping document: none where nothing is checked.

    `targets` holds the JSON Schema of each `map` that is; another `map` is wrong.
    """
    named, made = node.entries.get("map"), node.entries.get("make")
    if not isinstance(named, Scalar) or made is None:
        return
    schema = targets.get(str(named.value))
    if schema is None:
        known = ", ".join(f"`{each}`" for each in sorted(targets))
        yield Wrong(f"an inbound mapping makes {known}, not `{named.value}`", named.place)
        return
    yield from _walk(made, World({"": {"": _unlinked(schema)}}, {}).root("", ""), str(named.value))


def _unlinked(schema: Any) -> Any:
    """Return a schema whose links are what is made of them: texts."""
    if isinstance(schema, dict):
        return {key: _unlinked(each) for key, each in schema.items() if key != "x-link"}
    return [_unlinked(each) for each in schema] if isinstance(schema, list) else schema


def _walk(node: Node, shape: Shape, path: str) -> Iterator[Wrong]:
    inner = shape.item() if shape.kind == LIST else shape
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _walk(item, inner, path)
    elif isinstance(node, Scalar):
        if inner.codes and not expressions.has_expression(node) and node.value not in inner.codes:
            close = nearest(str(node.value), list(inner.codes)) or ", ".join(inner.codes)
            yield Wrong(f"`{path}` has no code `{node.value}`; did you mean `{close}`?", node.place)
    elif any(key.startswith("$") for key in node.entries):
        if "$make" in node.entries:
            yield from _walk(node.entries["$make"], shape, path)
    else:
        yield from _keys(node, inner, path)


def _keys(node: Map, shape: Shape, path: str) -> Iterator[Wrong]:
    for key, below in node.entries.items():
        found = shape.get(key)
        if found is not None:
            yield from _walk(below, found, f"{path}.{key}")
            continue
        known = [name for name in shape.names if name != "uuid"]
        close = nearest(key, known) or ", ".join(known)
        yield Wrong(f"`{path}` has no `{key}`; did you mean `{close}`?", node.keys[key])
