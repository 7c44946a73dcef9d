"""Who is behind a queue, and what of the messages it may get: what it could read at this moment.

A message tells that something is there. So one goes to a partner's queue if the version that it tells of, or
the case, is in the partner's scope when it is published; that something was erased goes to whoever might have
a copy.
"""

from dataclasses import dataclass, replace
from typing import Final

from service.access import policy
from service.access.smart_scopes import Grant, at_most
from service.values.access.scope import Partner, Scope
from service.values.ids import resource_id
from service.values.kept.resources import CURRENT, NumberedMessage, VersionKey
from service.wire.json import reread

# by which resource a document is shown
_SHOWN: Final = {"client": "Patient", "case": "EpisodeOfCare"}
# what it raises to read bytes that are no message, and to go through what they say
UNREADABLE: Final = (AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Reader:
    """A partner that has queues: what it may see, what it may ask for, and what it wants it for."""

    name: str
    scope: Scope
    grant: Grant
    purposes: tuple[str, ...]

    @property
    def sees_all(self) -> bool:
        """Whether it gets whatever its bindings cover."""
        return self.scope.everything

    def may_hear(self, row: NumberedMessage) -> bool:
        """Tell whether it may get messages like this: what was done to a client is for who owns clients."""
        return not row.routing_key.startswith("client.") or self.scope.source is not None

    def may_read(self, key: VersionKey) -> bool:
        """Tell whether it may read resources of a type at all."""
        return self.grant.allows(key[1], "r")


def reader_of(partner: Partner) -> Reader:
    """Return the reader that a partner is."""
    grant = at_most(partner)
    scope = replace(policy.scope(partner), narrowed=grant.narrowings().get("r", ()))
    return Reader(partner.name, scope, grant, policy.purposes(partner, ()))


def version_of(row: NumberedMessage) -> VersionKey | None:
    """Return which version a message tells of; None where it tells of a case or an erasure."""
    data = reread(row.body).get("data", {})
    if "versionId" not in data:
        return None
    type_, id_ = data["reference"].split("/")
    return row.view, type_, id_, int(data["versionId"])


def has_group(row: NumberedMessage) -> bool:
    """Tell whether a message is of a targeted group: not one of an erasure, or about the directory."""
    return row.owner.startswith(("case/", "client/")) and not row.routing_key.endswith(".deleted")


def needed(row: NumberedMessage) -> frozenset[VersionKey]:
    """Return what has to be in the scope of who gets a message: nothing of what tells of an erasure.

    Of a client that is the Patient, of a case its EpisodeOfCare and the stay that the message is about.

    Raises:
        LookupError, ValueError: nobody knows what it tells of.
    """
    version = version_of(row)
    if version is not None:
        return frozenset({version})
    if row.routing_key.endswith(".deleted"):
        return frozenset()
    data = reread(row.body)["data"]
    kind, id_ = data["reference"].split("/")
    type_ = _SHOWN[kind]
    stay = [(row.view, *data["stay"].split("/"), CURRENT)] if "stay" in data else []
    return frozenset({(row.view, type_, resource_id(id_, type_, ""), CURRENT), *stay})
