"""What overlays remove: something below must make it, and what the target requires must still be made."""

from collections.abc import Iterator, Sequence

from service.mapping.layers.merge import ADD, EXTENDS, is_empty
from service.mapping.target.required import Required
from service.wire.yaml import InvalidYaml, Mapping, Mark, Node, Scalar

Path = tuple[str, ...]
# what an overlay may say; of `withdraw` what is empty means something: it removes a key of the last version
_PARTS = frozenset({"when", "let", "profile", "make"})


def check(
    written: Sequence[tuple[str, Mapping]], merged: Sequence[Mapping], required: Required | None
) -> Iterator[InvalidYaml]:
    """Give what is wrong with what overlays remove.

    Args:
        written: each document as it is written, the lowest layer first, with what it makes. What an overlay
            removes may be removed already by another that stands below it.
        merged: the documents as the overlays leave them.
        required: tells by which names a required element goes; without it nothing is.
    """
    left = {_name(document): document for document in merged}
    below: dict[str, list[Mapping]] = {}
    for target, node in written:
        name = _name(node)
        for path, mark in _removed_paths(node) if EXTENDS in node.entries else ():
            if not any(_at(document, path) for document in below[name]):
                yield _unmade_error(path, mark)
            elif (
                required and name in left and (gone := _missing_required(left[name], target, path, required))
            ):
                yield InvalidYaml(
                    f"`{gone}` is required; say what stands there instead, or take this out", mark
                )
        below.setdefault(name, []).append(node)


def _unmade_error(path: Path, mark: Mark) -> InvalidYaml:
    is_element = path[0] == "make" and not path[-1].startswith("$")
    what = f"nothing makes `{path[-1]}` here" if is_element else f"there is no `{path[-1]}` here to remove"
    return InvalidYaml(
        f"{what}; take this out, or let `extends` in overlay.yaml name the overlay that does", mark
    )


def _removed_paths(node: Mapping, above: Path = ()) -> Iterator[tuple[Path, Mark]]:
    """Give what is empty below a node, by its keys; an empty `make` removes the mapping."""
    for key, below in node.entries.items():
        path = (*above, key)
        if (not above and key not in _PARTS) or (path == ("make",) and is_empty(below)) or key == ADD:
            continue
        if is_empty(below):
            yield path, node.keys[key]
        elif isinstance(below, Mapping):
            yield from _removed_paths(below, path)


def _missing_required(left: Mapping, target: str, path: Path, required: Required) -> str | None:
    """Return the element at a path if it is required and nothing makes it, by whatever name."""
    if path[0] != "make" or path[-1].startswith("$"):
        return None
    element = ".".join([target, *(key for key in path[1:] if not key.startswith("$"))])
    names = required(element)
    holder = _at(left, path[:-1])
    if not names or not isinstance(holder, Mapping):
        return None
    # a primitive may be an extension alone, which says why there is no value
    spelt = (*names, *(f"_{name}" for name in names))
    return None if any(_at(holder, (name,)) for name in spelt) else element


def _at(node: Node, path: Path) -> Node | None:
    """Return what stands at a path below a node, unless it is empty."""
    for key in path:
        if not isinstance(node, Mapping) or key not in node.entries:
            return None
        node = node.entries[key]
    return None if is_empty(node) else node


def _name(node: Mapping) -> str:
    """Return the name of a document, or of the one that it extends."""
    leaves = (node.entries.get(key) for key in (EXTENDS, "name", "map"))
    return next((str(leaf.value) for leaf in leaves if isinstance(leaf, Scalar)), "")
