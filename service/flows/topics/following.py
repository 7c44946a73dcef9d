"""The worker subscribes to topics of partners' servers, renews that, and asks for events that did not come.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import starmap
from threading import Event
from typing import Any, Final
from uuid import uuid4

import structlog

from service.errors import CasebridgeError, Malformed, NotFound, Rejected, Unavailable
from service.flows.ports import Clock
from service.flows.ports.followed import Ask, FollowedPort
from service.flows.topics.notified import TopicNotices
from service.supervision import Backoff, supervise
from service.values.access.scope import Partner
from service.values.inbound.followed import Followed, Received
from service.values.inbound.intake import Topic
from service.wire.fhir.subscriptions.notified import notice_of, subscription_to
from service.wire.json import dump, parse

LASTS: Final = timedelta(hours=24)
LOOK: Final = timedelta(minutes=5)
"""After so long we ask how a subscription stands, whether we were told something or not."""
LEASE: Final = timedelta(minutes=2)
BACKOFF: Final = Backoff(5, 3600)
IDLE_SECONDS: Final = 1.0
MOST: Final = 100
"""How many events are asked for at once."""
_GONE: Final = frozenset({404, 410})
_UNRENEWED: Final = frozenset({405, 409, 412, 422, 428, 501})
"""What servers answer that let nobody replace a Subscription, or not without knowing its version."""
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Topics:
    """The story of what we subscribe to; `address` is where notices come, without the id."""

    followed: FollowedPort
    ask: Ask
    notices: TopicNotices
    partners: Mapping[str, Partner]
    address: str
    token: Callable[[str], str]
    clock: Clock

    def run(self, stop: Event) -> None:
        """Follow what the registry names until told to stop."""
        supervise("topics", lambda: 0 if self.next() else IDLE_SECONDS, stop)

    def next(self) -> bool:
        """Do what is due for each topic of the registry; false when nothing was."""
        named = [(partner, topic) for partner in self.partners.values() for topic in partner.intake.topics]
        # one that fails is kept waiting by itself, and keeps no other from its turn
        return any(list(starmap(self._follow, named)))

    def _follow(self, partner: Partner, topic: Topic) -> bool:
        now = self.clock()
        asked = sha256(dump([topic.server, topic.topic, topic.filters]).strip()).hexdigest()
        mine = self.followed.of(partner.name, topic.name)
        if mine is not None and mine.asked != asked:
            # what the registry asked for before is told at an address that is nobody's from now on
            self.followed.forget(mine.id)
            mine = None
        if mine is None:
            mine = Followed(partner.name, topic.name, str(uuid4()), (), asked, now)
            if not self.followed.begin(mine):
                return False
        is_due = mine.due <= now or (mine.heard > mine.taken and not mine.tries)
        if not is_due or not self.followed.claim(mine, now + LEASE):
            return False
        try:
            self._catch_up(partner, topic, self._confirm(partner, topic, mine, now))
        except CasebridgeError as failed:
            # of a server's own words nothing is kept
            reason = f"{failed.title}: {failed}"
            pause = timedelta(seconds=BACKOFF.spread(mine.tries))
            current = self.followed.of(partner.name, topic.name) or mine
            self.followed.keep(replace(current, due=now + pause, tries=mine.tries + 1, reason=reason))
            log.warning("topic_not_followed", partner=partner.name, topic=topic.name, reason=reason)
        return True

    def _confirm(self, partner: Partner, topic: Topic, mine: Followed, now: datetime) -> Followed:
        """Return it once the server has the Subscription and says how it stands."""
        if mine.remote:
            answer = self._ask(partner, topic, "GET", f"/Subscription/{mine.remote}/$status")
            if answer.status in _GONE:
                return self._subscribe(partner, topic, replace(mine, remote=""), now)
            notice = notice_of(_status_bundle(_json(answer)))
            if notice.events < mine.taken:
                # the server counts from 1 again
                self.followed.forget_events(mine.id)
            self.followed.hear(mine.id, notice.events, 0, 0)
            is_fresh = mine.renew is not None and now < mine.renew
            if is_fresh and notice.status in {"requested", "active"}:
                return self._settle(mine, now)
        return self._subscribe(partner, topic, mine, now)

    def _subscribe(self, partner: Partner, topic: Topic, mine: Followed, now: datetime) -> Followed:
        """Create the Subscription there, or put it in the place of the one that is; with a new secret.

        What may be shown is kept before: a handshake comes before the answer. What was agreed on last does
        beside it, in case that this is not taken.
        """
        secret = secrets.token_urlsafe(32)
        agreed = mine.secrets[-1:]
        self.followed.keep(replace(mine, secrets=(digest_of(secret), *agreed), due=now + LEASE))
        mine = replace(mine, secrets=(*agreed, digest_of(secret)))
        sent = subscription_to(
            topic.topic,
            topic.filters,
            endpoint=f"{self.address}/{mine.id}",
            secret=secret,
            end=now + LASTS,
            id_=mine.remote,
        )
        if mine.remote:
            answer = self._ask(partner, topic, "PUT", f"/Subscription/{mine.remote}", sent)
            if answer.status not in _GONE | _UNRENEWED:
                _check(answer)
                return self._settle(replace(mine, renew=now + LASTS / 2), now)
            if answer.status in _UNRENEWED:
                # another takes its place, once what it has to tell is here
                self._catch_up(partner, topic, mine)
                _check(self._ask(partner, topic, "DELETE", f"/Subscription/{mine.remote}"))
        answer = self._ask(partner, topic, "POST", "/Subscription", sent)
        _check(answer)
        remote = _id_of(answer)
        # its events are counted from 1
        self.followed.forget_events(mine.id)
        return self._settle(replace(mine, remote=remote, renew=now + LASTS / 2), now)

    def _settle(self, mine: Followed, now: datetime) -> Followed:
        settled = replace(mine, due=now + LOOK, tries=0, reason=None)
        self.followed.keep(settled)
        return settled

    def _catch_up(self, partner: Partner, topic: Topic, mine: Followed) -> None:
        """Ask for events that were told of and did not come, until all have; raises Unavailable."""
        most = MOST
        while (now := self.followed.find(mine.id)) is not None and now.heard > now.taken:
            first, last = now.taken + 1, min(now.heard, now.taken + most)
            asked = f"eventsSinceNumber={first}&eventsUntilNumber={last}&content=full-resource"
            answer = self._ask(partner, topic, "GET", f"/Subscription/{mine.remote}/$events?{asked}")
            sent = _json(answer)
            last = _last_told(sent, first, last)
            try:
                self.notices.take(partner, now, answer.body, sent, (first, last))
            except Rejected as refused:
                if last > first:
                    # one at a time tells which cannot be used
                    most = 1
                    continue
                about = {"partner": partner.name, "topic": topic.name, "number": first}
                log.error("topic_event_refused", kind=type(refused).__name__, **about)  # noqa: TRY400 - it may quote
                self.followed.hear(mine.id, 0, first, last)
            log.info("topic_caught_up", partner=partner.name, topic=topic.name, events=last - first + 1)

    def _ask(
        self, partner: Partner, topic: Topic, method: str, path: str, body: bytes | None = None
    ) -> Received:
        token = self.token(topic.token_file) if topic.token_file else ""
        return self.ask(method, f"{topic.server}{path}", body, token, partner.credentials.private_hosts)


def _last_told(sent: Any, first: int, last: int) -> int:
    """Return up to which of the events that were asked for an answer tells: of many it may be the first.

    Raises:
        Malformed: it is no answer of `$events`.
        Unavailable: it tells of other events alone.
    """
    numbers = notice_of(sent).numbers
    told = [number for number in numbers if first <= number <= last]
    if numbers and not told:
        raise Unavailable("The server told of other events than it was asked for.")
    return max(told, default=last)


def digest_of(secret: str) -> str:
    """Return what is kept of a secret: it is too long to be guessed from its digest."""
    return sha256(secret.encode()).hexdigest()


def _check(answer: Received) -> None:
    if not 200 <= answer.status < 300:
        raise Unavailable(f"The server answered {answer.status}.")


def _json(answer: Received) -> Any:
    _check(answer)
    read = parse(answer.body)
    if not isinstance(read, dict):
        raise Malformed("The server answered no resource.")
    return read


def _status_bundle(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what `$status` answers, a Bundle of Parameters, or these alone."""
    return answer if answer.get("resourceType") == "Bundle" else {"entry": [{"resource": answer}]}


def _id_of(answer: Received) -> str:
    """Return the id of what was created: of Location, else of what was answered."""
    parts = answer.location.partition("/_history")[0].rpartition("Subscription/")
    told = parts[2] if parts[1] else parse(answer.body).get("id") if answer.body else ""
    if not isinstance(told, str) or not _ID.fullmatch(told):
        raise NotFound("The server did not say where the Subscription is.")
    return told
