"""Lays what an overlay says over what stands below it; every node keeps its own place.

Maps merge by key, lists and everything else replace, and what is empty removes.
"""

from collections.abc import Mapping as Dict
from typing import Final

from jinja2 import nodes

from service.mapping.files import expressions
from service.mapping.files.nodes import check_keys
from service.wire.yaml import InvalidYaml, Mapping, Mark, Node, Scalar, Sequence

EXTENDS: Final = "extends"
ADD: Final = "$add"
_FIXED: Final = {
    "map": "what is made stays as it is",
    "name": "a mapping keeps its name",
    "from": "a mapping keeps its source",
    "each": "`each` decides which ids there are; leave some out with `when`",
}
_TAKEN: Final = ("when", "let", "profile", "withdraw", "make")
_IDENTITY: Final = ("resourceType", "id")
# the lists of code systems and concept maps whose items have a name
_KEYED: Final = {"concept": "code", "designation": "language", "group": "target", "element": "code"}


def merge_mapping(below: Mapping, above: Mapping) -> Mapping | None:
    """Give a mapping document with an overlay's laid over it; None when that removes it by an empty `make`.

    Raises:
        InvalidYaml: the overlay changes an id, or what decides about ids, or adds to what is no list; or it
            is not plain that it removes the mapping.
    """
    for key, why in _FIXED.items():
        if key in above.entries:
            raise InvalidYaml(f"`{key}` does not stand beside `extends`: {why}", above.keys[key])
    make = above.entries.get("make")
    if make is not None and is_empty(make):
        _removes(above, make)
        return None
    check_keys(above, (EXTENDS, *_TAKEN), "a mapping")
    if make is not None:
        _keep_identity(below, make)
    _keep_deciding(below, above)
    entries = dict(below.entries)
    for key, node in above.entries.items():
        under = entries.get(key)
        if key == EXTENDS:
            continue
        if is_empty(node):
            entries.pop(key, None)
        elif key in {"make", "let"}:
            entries[key] = _merge_values(under, node)
        elif key == "withdraw" and isinstance(under, Mapping) and isinstance(node, Mapping):
            # null means something here: it removes a key of the last version
            entries[key] = _merge_maps(under, node, under.entries | node.entries)
        else:
            entries[key] = node
    return _merge_maps(below, above, entries)


def terminology(below: Node, above: Node) -> Node:
    """Give a code system or concept map with an overlay's laid over it.

    Concepts go by code, designations by language, groups by target, elements by code; each of them that the
    overlay names is replaced key by key, the others stay. A group without a target is laid over the first.

    Raises:
        InvalidYaml: the overlay names one of them twice.
    """
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    entries = dict(below.entries)
    for key, node in above.entries.items():
        under = entries.get(key)
        if key in _KEYED and isinstance(under, Sequence) and isinstance(node, Sequence):
            entries[key] = (
                _merge_groups(under, node) if key == "group" else _by_name(under, node, _KEYED[key])
            )
        else:
            entries[key] = node
    return _merge_maps(below, above, entries)


def _merge_values(below: Node | None, above: Node) -> Node:
    """A value over a value: maps merge, `$add` adds, the rest replaces."""
    if not isinstance(above, Mapping):
        return above
    if ADD in above.entries:
        return _list_with_added(below, above)
    if not isinstance(below, Mapping) or _is_block(below) != _is_block(above):
        below = Mapping({}, {}, above.mark)
    entries = dict(below.entries)
    for key, node in above.entries.items():
        if is_empty(node):
            entries.pop(key, None)
        else:
            entries[key] = _merge_values(entries.get(key), node)
    return _merge_maps(below, above, entries)


def _list_with_added(below: Node | None, above: Mapping) -> Node:
    mark, items = above.keys[ADD], above.entries[ADD]
    if len(above.entries) > 1 or not isinstance(items, Sequence):
        raise InvalidYaml("`$add` stands alone, with a list of what is added", mark)
    if below is None or is_empty(below):
        return items
    if isinstance(below, Sequence):
        return Sequence((*below.items, *items.items), items.mark)
    if isinstance(below, Mapping) and "$each" in below.entries:
        return Sequence((below, *items.items), items.mark)
    raise InvalidYaml(f"there is no list to add to at {below.mark}; write the list out", mark)


def _by_name(below: Sequence, above: Sequence, key: str) -> Sequence:
    items = list(below.items)
    names = [_text(item, key) for item in items]
    taken_names: set[str] = set()
    for item in above.items:
        name = _text(item, key)
        if name in taken_names:
            raise InvalidYaml(f"`{name}` stands here twice; keep one", item.mark)
        taken_names.add(name)
        if name in names:
            at = names.index(name)
            items[at] = terminology(items[at], item)
        else:
            items.append(item)
    return Sequence(tuple(items), above.mark)


def _merge_groups(below: Sequence, above: Sequence) -> Sequence:
    """The groups of a map by target, and by source where the overlay says one.

    One without a target is laid over the first. What an overlay says of a code holds in every group of that
    target.
    """
    items = list(below.items)
    first = _text(items[0], "target") if items else ""
    targets: set[tuple[str, str]] = set()
    for item in above.items:
        source, target = _text(item, "source"), _text(item, "target") or first
        if (source, target) in targets:
            raise InvalidYaml(f"`{target}` stands here twice; keep one", item.mark)
        targets.add((source, target))
        alike = [at for at, group in enumerate(items) if _text(group, "target") == target]
        here = [at for at in alike if source in {"", _text(items[at], "source")}][:1]
        codes = {_text(group, "code") for group in _elements(item)}
        for at in alike:
            items[at] = terminology(items[at], item) if at in here else _without(items[at], codes)
        items += [] if here else [item]
    return Sequence(tuple(items), above.mark)


def _elements(group: Node) -> tuple[Node, ...]:
    node = group.entries.get("element") if isinstance(group, Mapping) else None
    return node.items if isinstance(node, Sequence) else ()


def _without(group: Node, codes: set[str]) -> Node:
    """A group less the elements of some codes."""
    left = tuple(element for element in _elements(group) if _text(element, "code") not in codes)
    if not isinstance(group, Mapping) or len(left) == len(_elements(group)):
        return group
    return _merge_maps(
        group, group, group.entries | {"element": Sequence(left, group.entries["element"].mark)}
    )


def _text(node: Node, key: str) -> str:
    value = node.entries.get(key) if isinstance(node, Mapping) else None
    return str(value.value) if isinstance(value, Scalar) else ""


def _merge_maps(below: Mapping, above: Mapping, entries: Dict[str, Node]) -> Mapping:
    marks: dict[str, Mark] = below.keys | above.keys
    return Mapping(dict(entries), {key: marks[key] for key in entries}, above.mark)


def _is_block(node: Mapping) -> bool:
    return any(key.startswith("$") for key in node.entries)


def is_empty(node: Node) -> bool:
    """Whether a node is nothing: in an overlay it removes what stands there."""
    if isinstance(node, Scalar):
        return node.value is None or node.value == ""
    return not (node.items if isinstance(node, Sequence) else node.entries)


def _removes(above: Mapping, make: Node) -> None:
    """Refuse what rather is a mistake of indentation: it would withdraw every resource of the mapping."""
    for key, mark in above.keys.items():
        if key not in {EXTENDS, "make"}:
            what = f"`{key}` stands beside an empty `make`, which removes the whole mapping"
            raise InvalidYaml(f"{what}; indent it if `make` holds it, or take it out", mark)
    if isinstance(make, Scalar) and not make.raw:
        what = "nothing stands under `make`; say what is made otherwise"
        raise InvalidYaml(f"{what}, or `make: {{}}` to remove the whole mapping", above.keys["make"])


def _keep_identity(below: Mapping, make: Node) -> None:
    under = below.entries.get("make")
    if not isinstance(make, Mapping) or _is_block(make):
        raise InvalidYaml("a map of what is made otherwise stands here", make.mark)
    if isinstance(under, Mapping) and _is_block(under):
        raise InvalidYaml(f"`make` at {under.mark} is a block, which no overlay extends", make.mark)
    for key in _IDENTITY:
        if key in make.entries:
            raise InvalidYaml(f"an overlay does not change `{key}`: others refer to it", make.keys[key])


def _keep_deciding(below: Mapping, above: Mapping) -> None:
    """Refuse another meaning of a name that the id is made of."""
    let = above.entries.get("let")
    for name in _deciding(below):
        if isinstance(let, Mapping) and name in let.entries:
            what = f"the id is made of `{name}`, so an overlay does not change it; give a `let` of your own"
            raise InvalidYaml(what, let.keys[name])


def _deciding(below: Mapping) -> set[str]:
    """The names that `make.id` is made of, with the `let`s behind them."""
    make, let = below.entries.get("make"), below.entries.get("let")
    waiting = [make.entries["id"]] if isinstance(make, Mapping) and "id" in make.entries else []
    deciding: set[str] = set()
    while waiting:
        leaf = waiting.pop()
        for name in _names(leaf) - deciding:
            deciding.add(name)
            if isinstance(let, Mapping) and name in let.entries:
                waiting.append(let.entries[name])
    return deciding


def _names(leaf: Node) -> set[str]:
    if not isinstance(leaf, Scalar) or not expressions.has_expression(leaf):
        return set()
    parsed = [part.node for part in expressions.parts(leaf) if not isinstance(part, str)]
    return {
        name_node.name
        for node in parsed
        for name_node in (node, *node.find_all(nodes.Name))
        if isinstance(name_node, nodes.Name)
    }
