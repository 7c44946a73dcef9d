"""Which resources of others those of an owner refer to, and how sensitive it is that they do."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from service.flows.projection.stamps import Json, Key, key_of
from service.values.access.labels import bits_of
from service.wire.json import parse

References = Callable[[Json], Iterable[Key]]
Mentions = dict[Key, int]
"""What is referred to, with the labels of all that refers to it as bits: none, where one has none."""


def mentions(
    references: References,
    made: Sequence[Json],
    before: Sequence[Json],
    changed: Collection[Key],
    spared: Collection[Key],
    bodies: Callable[[Collection[Key]], Mapping[Key, bytes]],
) -> tuple[Mentions, set[Key]]:
    """Return what of others' an owner's resources refer to that they did not, or otherwise; and no longer.

    Of `made`, resources of an owner as they are now, those `changed` were `before` or are new. Those `spared`
    are the owner's too, as they are stored; `bodies` fetches them.
    """
    own = {key_of(resource) for resource in made} | {*spared}
    now = _targets(references, own, (resource for resource in made if key_of(resource) in changed))
    then = _targets(references, own, before)
    if now == then:
        return {}, set()
    same = [resource for resource in made if key_of(resource) not in changed]
    same += [parse(body) for body in bodies(spared).values()]
    kept = _targets(references, own, same)
    now, then = _together(now, kept), _together(then, kept)
    mentioned = {key: labels for key, labels in now.items() if then.get(key) != labels}
    return mentioned, then.keys() - now.keys()


def _targets(references: References, own: Collection[Key], resources: Iterable[Json]) -> Mentions:
    targets: Mentions = {}
    for resource in resources:
        labels = bits_of(resource)
        targets = _together(targets, {key: labels for key in references(resource) if key not in own})
    return targets


def _together(one: Mentions, other: Mentions) -> Mentions:
    both = {key: one[key] | other[key] if one[key] and other[key] else 0 for key in one.keys() & other.keys()}
    return {**one, **other, **both}
