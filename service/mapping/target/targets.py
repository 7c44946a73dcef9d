"""Checks what a mapping makes against the schema of what it makes: a typo does not start.

What an overlay says is checked as it stands: what it misspells to remove would otherwise still be sent.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.mapping.files import expressions
from service.mapping.files.findings import nearest
from service.mapping.language.checks import spoken_kind
from service.mapping.language.types import BOOLEAN, LIST, NUMBER, OBJECT, TEXT, JSONSchema, Shape, World
from service.wire.yaml import InvalidYaml, Node, Scalar, Sequence
from service.wire.yaml import Mapping as Map

Targets = Mapping[str, JSONSchema]
_TYPE: Final = "resourceType"


def check(node: Map, target: str, targets: Targets) -> Iterator[InvalidYaml]:
    """Give what is wrong with the names, codes and kinds in a mapping document, or in what an overlay says.

    Args:
        node: the document.
        target: what it, or the mapping that it extends, makes.
        targets: the JSON Schema of each `map` that there is, without links (see `unlinked`).
    """
    target_node, make = node.entries.get("map"), node.entries.get("make")
    schema = targets.get(target)
    if schema is None:
        if isinstance(target_node, Scalar):
            close = nearest(target, list(targets)) or ", ".join(sorted(targets))
            yield InvalidYaml(f"no mapping makes a `{target}`; did you mean `{close}`?", target_node.mark)
        return
    shape = World({"": {"": schema}}, {}).root("", "")
    for part in (make, node.entries.get("withdraw")):
        if part is not None:
            yield from _walk(part, shape, target)
    if target_node is not None and isinstance(make, Map) and _TYPE in shape.names:
        yield from _check_identity(make, target)


def schema_without_links(schema: Any) -> Any:
    """Return a schema whose links are what is made of them: texts."""
    if isinstance(schema, dict):
        return {key: schema_without_links(below) for key, below in schema.items() if key != "x-link"}
    return [schema_without_links(below) for below in schema] if isinstance(schema, list) else schema


def _check_identity(make: Map, target: str) -> Iterator[InvalidYaml]:
    """A resource says its type and has an id."""
    while isinstance(inner := make.entries.get("$make"), Map):
        make = inner
    for key in (_TYPE, "id"):
        if key not in make.entries:
            yield InvalidYaml(f"`{key}` is missing here", make.mark)
    type_ = make.entries.get(_TYPE)
    if type_ is not None and (not isinstance(type_, Scalar) or type_.value != target):
        yield InvalidYaml(f"this mapping makes `{target}`, so that stands here", type_.mark)


def _walk(node: Node, shape: Shape, path: str) -> Iterator[InvalidYaml]:
    inner = shape.item() if shape.kind == LIST else shape
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _walk(item, inner, path)
    elif isinstance(node, Scalar):
        yield from _leaf(node, inner, path)
    elif any(key.startswith("$") for key in node.entries):
        for key in ("$make", "$add"):
            if key in node.entries:
                yield from _walk(node.entries[key], shape, path)
    else:
        yield from _keys(node, inner, path)


def _leaf(leaf: Scalar, shape: Shape, path: str) -> Iterator[InvalidYaml]:
    if not _is_literal(leaf):
        return
    value = leaf.value
    if shape.codes and value not in shape.codes:
        close = nearest(str(value), list(shape.codes)) or ", ".join(shape.codes)
        yield InvalidYaml(f"`{path}` has no code `{value}`; did you mean `{close}`?", leaf.mark)
        return
    kind = BOOLEAN if isinstance(value, bool) else TEXT if isinstance(value, str) else NUMBER
    if shape.kind in {TEXT, NUMBER, BOOLEAN, OBJECT} and kind != shape.kind:
        yield InvalidYaml(f"`{path}` is {spoken_kind(shape.kind)}, this is {spoken_kind(kind)}", leaf.mark)


def _keys(node: Map, shape: Shape, path: str) -> Iterator[InvalidYaml]:
    if shape.kind in {TEXT, NUMBER, BOOLEAN}:
        yield InvalidYaml(f"`{path}` is {spoken_kind(shape.kind)}, this is an object", node.mark)
        return
    for key, below in node.entries.items():
        inner = shape.get(key)
        if inner is not None:
            yield from _single(below, inner, f"{path}.{key}")
            yield from _walk(below, inner, f"{path}.{key}")
        elif not _extends_primitive(key, shape):
            names = [name for name in shape.names if name != "uuid"]
            close = nearest(key, names) or ", ".join(names)
            yield InvalidYaml(f"`{path}` has no `{key}`; did you mean `{close}`?", node.keys[key])


def _single(node: Node, shape: Shape, path: str) -> Iterator[InvalidYaml]:
    """One where many are, or many where one is; what an expression or a block gives is not known here."""
    one = _is_literal(node) or (
        isinstance(node, Map) and node.entries and not any(key.startswith("$") for key in node.entries)
    )
    if shape.kind == LIST and one:
        yield InvalidYaml(f"`{path}` is a list; put `- ` before its items", node.mark)
    if shape.kind in {TEXT, NUMBER, BOOLEAN, OBJECT} and isinstance(node, Sequence) and node.items:
        yield InvalidYaml(f"`{path}` is {spoken_kind(shape.kind)}, this is a list", node.mark)


def _is_literal(node: Node) -> bool:
    """Whether a node is a text, number or truth as it is; what is empty is nothing."""
    return isinstance(node, Scalar) and node.value not in (None, "") and not expressions.has_expression(node)


def _extends_primitive(key: str, shape: Shape) -> bool:
    """Whether a key is where the extensions of a primitive element stand: https://hl7.org/fhir/R4/json.html#primitive."""
    primitive = shape.get(key[1:]) if key.startswith("_") and _TYPE not in key else None
    inner = primitive.item() if primitive is not None and primitive.kind == LIST else primitive
    return inner is not None and inner.kind in {TEXT, NUMBER, BOOLEAN}
