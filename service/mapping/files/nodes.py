"""Reads the nodes of a mapping document: what must be there, of which form, under which keys."""

import re
from collections.abc import Iterator

from service.mapping.files.findings import nearest
from service.wire.yaml import InvalidYaml, Mapping, Node, Scalar, Sequence


def as_map(node: Node) -> Mapping:
    """A node as a map; raises InvalidYaml where it is none."""
    if not isinstance(node, Mapping):
        raise InvalidYaml("a map stands here", node.mark)
    return node


def as_leaf(node: Node) -> Scalar:
    """A node as a leaf; raises InvalidYaml where it is none."""
    if not isinstance(node, Scalar):
        raise InvalidYaml("a text stands here", node.mark)
    return node


def required_node(node: Mapping, key: str) -> Node:
    """The node under a key; raises InvalidYaml where there is none."""
    if key not in node.entries:
        raise InvalidYaml(f"`{key}` is missing here", node.mark)
    return node.entries[key]


def name_at(node: Mapping, key: str) -> str:
    """The name under a key; raises InvalidYaml where that is no name."""
    value = required_node(node, key)
    if (
        not isinstance(value, Scalar)
        or not isinstance(value.value, str)
        or not re.match(r"[\w.-]{1,80}\Z", value.value)
    ):
        raise InvalidYaml(f"`{key}` is a name of letters, digits, - and .", value.mark)
    return value.value


def check_keys(node: Mapping, keys: tuple[str, ...], what: str) -> None:
    """Refuse a key that is no part of something, with the one that was meant."""
    for key, mark in node.keys.items():
        if key not in keys:
            close = nearest(key, list(keys)) or ", ".join(keys)
            raise InvalidYaml(f"`{key}` is no part of {what}; did you mean `{close}`?", mark)


def leaves(node: Node) -> Iterator[Scalar]:
    """Every leaf of a node."""
    if isinstance(node, Scalar):
        yield node
    children = (
        node.entries.values()
        if isinstance(node, Mapping)
        else node.items
        if isinstance(node, Sequence)
        else ()
    )
    for child in children:
        yield from leaves(child)


def each_and_when(node: Mapping, loop: str, test: str) -> tuple[str, str]:
    """What stands after `each` and `when`, or `$each` and `$if`."""
    first, second = (text_of(node.entries[key]) if key in node.entries else "" for key in (loop, test))
    return first, second


def text_of(node: Node) -> str:
    """What is written in a leaf or in a list of them, on one line."""
    leaves = node.items if isinstance(node, Sequence) else (node,)
    return ", ".join(" ".join(str(leaf.value).split()) for leaf in leaves if isinstance(leaf, Scalar))
