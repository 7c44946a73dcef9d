"""What of a source its mappings read, and what they make of it: the lineage, read from the other end."""

from dataclasses import dataclass

from service.mapping.catalogue import Catalogue

Paths = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SourceUse:
    """By path of a source what is made of it and what it decides about; `wholes` are given out as they are.

    Paths have no positions; targets begin with their type.
    """

    made: Paths
    decides: Paths
    wholes: frozenset[str]

    @property
    def paths(self) -> tuple[str, ...]:
        """All that is read."""
        return tuple(dict.fromkeys([*self.made, *self.decides]))


def reading(catalogue: Catalogue, source: str) -> SourceUse:
    """Return what the mappings of a source read."""
    values: dict[str, dict[str, None]] = {}
    decides: dict[str, dict[str, None]] = {}
    wholes: set[str] = set()
    for mapping, traced in zip(catalogue.mappings, catalogue.traces, strict=True):
        if mapping.source != source:
            continue
        wholes |= traced.wholes
        for targets_of, by_target in ((values, traced.values), (decides, traced.tests)):
            for target, paths in by_target.items():
                for path in paths:
                    targets_of.setdefault(path, {})[target] = None
    return SourceUse(_path_table(values), _path_table(decides), frozenset(wholes))


def _path_table(targets_of: dict[str, dict[str, None]]) -> Paths:
    return {path: tuple(targets) for path, targets in targets_of.items()}
