"""What a subscription may be told of: what its token may read, of its partner's scope, as both are now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from service.access import policy
from service.access.smart_scopes import Grant, at_most, parse
from service.errors import Rejected
from service.values.access.scope import Narrowing, Partner, Scope
from service.values.subscriptions import Filter, Subscription, Wanted
from service.wire.fhir.subscriptions.topics import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class Audience:
    """A partner with the scope of a subscription: `scope` is all that may be read, `filtered` what is told.

    `types` are those of its topic that it wants and may read.
    """

    partner: Partner
    scope: Scope
    filtered: Scope
    types: frozenset[str]


def audience(subscription: Subscription, wanted: Wanted, partners: Mapping[str, Partner]) -> Audience | None:
    """Return who is told; None where the partner is not registered, or may no longer want what it wanted."""
    partner = partners.get(subscription.partner)
    if partner is None or partner.revoked:
        return None
    try:
        scope = policy.scope(partner, subscription.purposes)
        grant = _granted(subscription.scopes) & at_most(partner)
    except Rejected:
        return None
    narrowings = grant.narrowings().get("r", ())
    types = [filter_.type for filter_ in wanted.filters] or list(TOPICS[wanted.topic].filters)
    return Audience(
        partner,
        replace(scope, narrowed=narrowings),
        replace(scope, narrowed=_both(narrowings, wanted.filters)),
        frozenset(grant.allowed(types, "r")),
    )


def ids_of(wanted: Wanted, type_: str) -> frozenset[str]:
    """Return the ids of a type that alone are told of; none where all are."""
    return next((filter_.ids for filter_ in wanted.filters if filter_.type == type_), frozenset())


def topic_of(wanted: Wanted) -> Topic:
    """Return the topic."""
    return TOPICS[wanted.topic]


@lru_cache(1_000)
def _granted(scopes: str) -> Grant:
    return parse(scopes) if scopes else Grant()


def _both(narrowings: Iterable[Narrowing], filters: Iterable[Filter]) -> tuple[Narrowing, ...]:
    """Return what is left of types by what a token narrows and by filters."""
    searches = {narrowing.type: narrowing.searches for narrowing in narrowings}
    for filter_ in filters:
        if filter_.criteria:
            before = searches.get(filter_.type, ((),))
            searches[filter_.type] = tuple((*search, *filter_.criteria) for search in before)
    return tuple(Narrowing(type_, some) for type_, some in searches.items())
