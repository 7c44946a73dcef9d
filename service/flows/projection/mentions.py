"""Which resources of others those of an owner refer to."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from service.flows.projection.stamps import Json, Key, key_of
from service.wire.json import parse

References = Callable[[Json], Iterable[Key]]


def mentions(
    references: References,
    made: Sequence[Json],
    before: Sequence[Json],
    changed: Collection[Key],
    spared: Collection[Key],
    bodies: Callable[[Collection[Key]], Mapping[Key, bytes]],
) -> tuple[set[Key], set[Key]]:
    """Return which resources of others an owner's refer to that they did not, and the other way round.

    Of `made`, resources of an owner as they are now, those `changed` were `before` or are new. Those `spared`
    are the owner's too, as they are stored; `bodies` fetches them.
    """
    own = {key_of(resource) for resource in made} | {*spared}
    now = _targets(references, (resource for resource in made if key_of(resource) in changed)) - own
    then = _targets(references, before) - own
    if now == then:
        return set(), set()
    same = _targets(references, (resource for resource in made if key_of(resource) not in changed))
    same |= _targets(references, (parse(body) for body in bodies(spared).values()))
    return now - then - same, then - now - same


def _targets(references: References, resources: Iterable[Json]) -> set[Key]:
    return {target for resource in resources for target in references(resource)}
