"""A Subscription as a partner sends it: read, or refused with all that cannot be done of it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription.html
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from service.errors import Issue, Malformed, Refused
from service.values.criteria import Plain
from service.values.subscriptions import CONTENTS, Content, Filter, Wanted
from service.wire.fhir.check.check import check
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.criteria import criterion
from service.wire.fhir.sent.instants import plain
from service.wire.fhir.subscriptions.topics import FEED_EVENT, TOPICS, TRIGGER, TRIGGERS, Topic

Json = dict[str, Any]
BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
KEPT: Final = ("contact", "end", "reason", "criteria", "_criteria", "channel")
"""What of a Subscription is kept as it was sent."""
SECONDS: Final = 30.0
EVENTS: Final = 20
MOST_EVENTS: Final = 100
LEAST_HEARTBEAT: Final = 10
MOST_FILTERS: Final = 20
MOST_VALUES: Final = 20
MOST_HEADERS: Final = 10
LONGEST_HEADER: Final = 4_000
_MEDIA_TYPE: Final = re.compile(
    r"application/(?:fhir\+)?json(?:; ?(?:charset=utf-8|fhirVersion=4\.0(?:\.1)?))*", re.IGNORECASE
)
LAST: Final = datetime.max.replace(tzinfo=UTC)
_VALUES: Final = {
    "channel-type": "valueCoding",
    "heartbeat-period": "valueUnsignedInt",
    "max-count": "valuePositiveInt",
    "payload-content": "valueCode",
    "timeout": "valueUnsignedInt",
}
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
_OWN_HEADERS: Final = frozenset(
    {"accept", "connection", "content-length", "content-type", "expect", "host", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "proxy-authorization", "content-encoding"}
)


def wanted_of(sent: Json, ours: Ours, is_taken: Callable[[str], str | None]) -> Wanted:
    """Return what a Subscription asks for.

    `is_taken` returns why an address is not posted to, None when it is.

    Raises:
        Refused: it is no valid R4, or something of it cannot be done; each with its place.
    """
    if wrong := check(sent):
        raise Refused("The Subscription is not valid R4.", issues=wrong)
    issues = [*_issues(sent, is_taken)]
    topic = TOPICS.get(sent.get("criteria", ""))
    filters: tuple[Filter, ...] = ()
    if topic is None:
        issues.append(_unknown_topic())
    else:
        filters, wrong = _filters(sent, topic, ours)
        issues += wrong
    if issues:
        raise Refused("This Subscription cannot be done here.", issues=issues)
    return _wanted(sent, filters)


def kept_wanted(sent: Json, ours: Ours) -> Wanted:
    """Return what a Subscription asks for that `wanted_of` has taken once.

    Raises:
        Refused: its topic, or a filter, is no longer known.
    """
    topic = TOPICS.get(sent["criteria"])
    filters, wrong = _filters(sent, topic, ours) if topic else ((), [_unknown_topic()])
    if wrong:
        raise Refused("This Subscription can no longer be done here.", issues=wrong)
    return _wanted(sent, filters)


def _wanted(sent: Json, filters: tuple[Filter, ...]) -> Wanted:
    channel = sent["channel"]
    period, seconds, most = (_of(channel, name) for name in ("heartbeat-period", "timeout", "max-count"))
    return Wanted(
        topic=sent["criteria"],
        filters=filters,
        endpoint=channel["endpoint"],
        media_type=channel["payload"],
        content=content_of(sent),
        seconds=min(seconds or SECONDS, SECONDS),
        most=min(most or EVENTS, MOST_EVENTS),
        heartbeat=period,
        end=_end(sent),
    )


def header_of(text: str) -> tuple[str, str]:
    """Return the name and value of a header as it stands in `channel.header`."""
    name, _, value = text.partition(":")
    return name, value.strip()


def content_of(sent: Json) -> Content:
    """Return how much of what an event is about a subscription is told."""
    content: Content = _of(sent["channel"]["_payload"], "payload-content")
    return content


def _issues(sent: Json, is_taken: Callable[[str], str | None]) -> Iterator[Issue]:
    channel = sent["channel"]
    if sent.get("status") not in {"requested", "active", "off"}:
        yield _no("Send `requested` to have it begin, or `off`.", "status", "value")
    if (_end(sent) or LAST) <= datetime.now(UTC):
        yield _no("It lies in the past; name an instant to come, or leave it out.", "end", "value")
    if channel.get("type") != "rest-hook" or _of(channel.get("_type", {}), "channel-type") is not None:
        yield _no("Only the channel rest-hook is known here.", "channel.type")
    if mistake := is_taken(channel.get("endpoint", "")):
        yield _no(mistake, "channel.endpoint", "value")
    if not _MEDIA_TYPE.fullmatch(channel.get("payload", "")):
        what = "Write application/fhir+json; of FHIR only version 4.0 is sent."
        yield _no(what, "channel.payload")
    if _of(channel.get("_payload", {}), "payload-content") not in CONTENTS:
        what = f"Say in the extension backport-payload-content which one: {', '.join(CONTENTS)}."
        yield _no(what, "channel.payload")
    period = _of(channel, "heartbeat-period")
    if period is not None and period < LEAST_HEARTBEAT:
        yield _no(f"A heartbeat comes every {LEAST_HEARTBEAT} seconds or seldomer.", "channel", "value")
    if any(_of(channel, name) == 0 for name in ("timeout", "max-count")):
        yield _no("backport-timeout and backport-max-count are 1 or more.", "channel", "value")
    yield from _wrong_headers(channel.get("header", []))


def _wrong_headers(headers: list[str | None]) -> Iterator[Issue]:
    names = []
    for at, header in enumerate(headers):
        text = header or ""
        match = _HEADER.fullmatch(text) if len(text) <= LONGEST_HEADER else None
        names.append(match[1].lower() if match else "")
        if match is None:
            yield _no("Write `Name: value`, of printable ASCII.", f"channel.header[{at}]", "value")
        elif names[-1] in _OWN_HEADERS:
            yield _no("This header is the client's own; leave it out.", f"channel.header[{at}]")
    if len(headers) > MOST_HEADERS or len(set(names)) < len(names):
        yield _no(f"At most {MOST_HEADERS} headers, each name once.", "channel.header", "value")


def _unknown_topic() -> Issue:
    return _no(f"Not a topic that is known here; those are {', '.join(TOPICS)}.", "criteria")


def _filters(sent: Json, topic: Topic, ours: Ours) -> tuple[tuple[Filter, ...], list[Issue]]:
    """Return the filters by type, all of those that are of one type together, and what is wrong with them."""
    texts = [
        (at, extension.get("valueString", ""))
        for at, extension in enumerate(sent.get("_criteria", {}).get("extension", []))
        if extension.get("url") == f"{BACKPORT}backport-filter-criteria"
    ]
    by_type: dict[str, Filter] = {}
    issues = [_no(f"At most {MOST_FILTERS} filters.", "criteria")] if len(texts) > MOST_FILTERS else []
    for at, text in texts[:MOST_FILTERS]:
        try:
            added = _filter(text, topic, ours)
        except Malformed as wrong:
            where = f"criteria.extension[{at}]"
            issues += [_no(issue.what, where, issue.code) for issue in wrong.issues]
            continue
        had = by_type.get(added.type, Filter(added.type))
        if had.ids and added.ids and not had.ids & added.ids:
            issues.append(_no("No resource has all these ids.", f"criteria.extension[{at}]"))
        ids = had.ids & added.ids if had.ids and added.ids else had.ids | added.ids
        by_type[added.type] = Filter(added.type, ids, (*had.criteria, *added.criteria))
    if any(len(filter_.criteria) > MOST_FILTERS for filter_ in by_type.values()):
        issues.append(_no(f"At most {MOST_FILTERS} parameters of a type.", "criteria"))
    return tuple(by_type.values()), issues


def _filter(text: str, topic: Topic, ours: Ours) -> Filter:
    """Return what `Type?parameter=value&…` leaves of a topic; the type may be left out where there is one.

    Raises Malformed.
    """
    type_, _, query = text.partition("?")
    if "=" in type_:
        type_, query = "", text
    if not type_ and len(topic.filters) == 1:
        (type_,) = topic.filters
    if type_ not in topic.filters:
        raise Malformed(f"Begin with the type and `?`: {', '.join(f'{t}?' for t in topic.filters)}.")
    ids: frozenset[str] = frozenset()
    criteria: list[Plain] = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        known = topic.filters[type_]
        if name.partition(":")[0] not in known:
            raise Malformed(f"{type_} of this topic is filtered by {', '.join(known)}.")
        if not value or value.count(",") >= MOST_VALUES or "\0" in value:
            raise Malformed(f"A filter has a value, or up to {MOST_VALUES} with commas between.")
        if name == TRIGGER:
            _check_trigger(value)
        elif name == "_id":
            ids = frozenset(value.split(","))
        else:
            criteria.append(criterion(type_, name, value, ours))
    return Filter(type_, ids, tuple(criteria))


def _check_trigger(value: str) -> None:
    if not {FEED_EVENT, f"{TRIGGERS}|{FEED_EVENT}"} & {*value.split(",")}:
        raise Malformed(f"The only trigger is {FEED_EVENT}.")


def _end(sent: Json) -> datetime | None:
    """Return when the server turns it off; an instant that the calendar has not is long past."""
    if "end" not in sent:
        return None
    try:
        return datetime.fromisoformat(plain(sent["end"]))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _of(element: Json, name: str) -> Any:
    """Return the value of an extension of the backport, 0 where it has none of its kind; or None."""
    for extension in element.get("extension", []):
        if extension.get("url") == f"{BACKPORT}backport-{name}":
            return extension.get(_VALUES[name], 0)
    return None


def _no(what: str, where: str, code: str = "not-supported") -> Issue:
    return Issue(what, f"Subscription.{where}", code)
