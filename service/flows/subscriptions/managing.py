"""A partner manages its own subscriptions: https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/workflow.html."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol
from uuid import uuid4

from service.access.credentials import mistake_of
from service.access.smart_scopes import Grant
from service.errors import Issue, NotFound, Refused, Unscoped
from service.flows.ports import Clock
from service.flows.ports.subscriptions import SubscriptionsPort
from service.values.access.scope import Partner
from service.values.subscriptions import Progress, Subscription, Wanted
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.subscriptions.notification import HIDDEN
from service.wire.fhir.subscriptions.reading import KEPT, header_of, wanted_of
from service.wire.fhir.subscriptions.topics import TOPICS
from service.wire.json import dump, reread

Json = dict[str, Any]
MOST: Final = 100
"""How many subscriptions a partner has."""
LONGEST: Final = 50_000
_THERE_IS_NONE: Final = "There is no such subscription of yours."


class Seal(Protocol):
    """Keeps secrets from who reads the database."""

    def encrypt(self, data: bytes) -> bytes:
        """Return it sealed; raises Unavailable."""

    def decrypt(self, token: bytes) -> bytes:
        """Return what was sealed; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who asks: a partner, what its token was granted, and what for."""

    partner: Partner
    grant: Grant
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The story of subscriptions; those of others do not exist."""

    kept: SubscriptionsPort
    seal: Seal
    ours: Ours
    clock: Clock

    def create(self, by: Subscriber, sent: Json) -> Subscription:
        """Keep a subscription: it is `requested` until its endpoint has taken the handshake.

        Raises:
            Refused: something of it cannot be done here, says what; or the partner has as many as it may.
            Unscoped: the token may not read what the topic is about.
        """
        self._check(by, sent)
        if len(self.kept.of_partner(by.partner.name)) >= MOST:
            raise Refused(f"There are {MOST} subscriptions of yours; delete one.", where="Subscription")
        now = self.clock()
        body, headers = self._without_secrets(sent, {})
        subscription = Subscription(
            id=str(uuid4()),
            partner=by.partner.name,
            version=1,
            updated=now,
            status="off" if sent["status"] == "off" else "requested",
            body=body,
            headers=headers,
            scopes=str(by.grant),
            purposes=by.purposes,
            progress=Progress(self.kept.last_position(), now),
        )
        self.kept.add(subscription)
        return subscription

    def update(self, by: Subscriber, id_: str, sent: Json, versions: Container[int] | None) -> Subscription:
        """Replace a subscription: it begins anew with the handshake, and goes on with its events.

        What it would have told while it was `off` is not told.

        Raises as `create`, and:
            NotFound: it is none of the partner's.
            Stale: it is at none of `versions`.
        """
        former = self.find(by.partner, id_)
        self._check(by, sent)
        now = self.clock()
        body, headers = self._without_secrets(sent, headers_of(former, self.seal))
        renewed = replace(
            former,
            updated=now,
            status="off" if sent["status"] == "off" else "requested",
            body=body,
            headers=headers,
            scopes=str(by.grant),
            purposes=by.purposes,
            progress=replace(former.progress, due=now, tries=0, failing=None),
            reason=None,
        )
        return self.kept.replace(renewed, versions)

    def delete(self, partner: Partner, id_: str) -> None:
        """Forget a subscription, with its events; raises NotFound."""
        self.kept.remove(partner.name, id_)

    def find(self, partner: Partner, id_: str) -> Subscription:
        """Return a subscription of a partner; raises NotFound."""
        subscription = self.kept.find(partner.name, id_)
        if subscription is None:
            raise NotFound(_THERE_IS_NONE)
        return subscription

    def of_partner(self, partner: Partner) -> list[Subscription]:
        """Return all of a partner's, by id."""
        return self.kept.of_partner(partner.name)

    def _check(self, by: Subscriber, sent: Json) -> Wanted:
        if len(dump(sent)) > LONGEST:
            raise Refused(f"A Subscription has at most {LONGEST} bytes.", where="Subscription")
        hosts = by.partner.credentials.private_hosts
        wanted = wanted_of(sent, self.ours, partial(mistake_of, private_hosts=hosts))
        types = [filter_.type for filter_ in wanted.filters] or list(TOPICS[wanted.topic].filters)
        allowed = by.grant.allowed(types, "r")
        # without filters the feed is of what may be read
        if not allowed or (wanted.filters and len(allowed) < len(types)):
            missing = next(type_ for type_ in types if type_ not in allowed)
            raise Unscoped(f"This partner was not granted system/{missing}.r.", f"system/{missing}.r")
        return wanted

    def _without_secrets(self, sent: Json, former: Mapping[str, str]) -> tuple[Json, bytes | None]:
        """Return what is kept as it is read, and the values of its headers, sealed.

        A value that stands there as it is read is the one that the header had.
        """
        body: Json = {name: sent[name] for name in KEPT if name in sent}
        if not (headers := sent["channel"].get("header")):
            return body, None
        known = {name.lower(): value for name, value in former.items()}
        values: dict[str, str] = {}
        for at, header in enumerate(headers):
            name, value = header_of(header)
            if value == HIDDEN and name.lower() not in known:
                what = "The value of this header is not known; send it."
                raise Refused(what, issues=[Issue(what, f"Subscription.channel.header[{at}]", "value")])
            values[name] = known[name.lower()] if value == HIDDEN else value
        shown = [f"{name}: {HIDDEN}" for name in values]
        body["channel"] = {**body["channel"], "header": shown}
        return body, self.seal.encrypt(dump(values))


def headers_of(subscription: Subscription, seal: Seal) -> dict[str, str]:
    """Return the values of a subscription's headers, by name; raises Unavailable."""
    if subscription.headers is None:
        return {}
    values: dict[str, str] = reread(seal.decrypt(subscription.headers))
    return values
