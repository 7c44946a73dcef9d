"""Where in a resource that was put each element of the part of a case stands that was made of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.cases.returned import Path, path_of
from service.mapping.compiler.explain import Origin

# what a reference leads to stands there
LED: Final = ".resource"


def places(type_: str, part: dict[str, Any], origins: Mapping[str, Origin]) -> dict[Path, str]:
    """Return the FHIRPath of each element and item of a part of a case.

    Args:
        type_: the type of the resource.
        part: what its mapping made of it.
        origins: of what, by path.
    """
    by_path: dict[Path, str] = {}
    for name, origin in origins.items():
        if not origin.sources:
            continue
        path = path_of(name.replace("[", ".").replace("]", "").replace(".", "/"), part)
        place = f"{type_}{_common(origin.sources)}"
        by_path[path] = place
        if path[-1] == ("id", None):
            by_path[path[:-1]] = place.rpartition(".")[0]
    return by_path


def _common(sources: Sequence[str]) -> str:
    """Return what all paths of a source begin with, without its root and what its references lead to."""
    steps = [source.partition(LED)[0].split(".") for source in sources]
    shared = [level[0] for level in zip(*steps, strict=False) if len(set(level)) == 1]
    return "".join(f".{step}" for step in shared[1:])
