"""The door for commands that come over AMQP: clients and cases, put and patched as over HTTP."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple

from service.access import policy
from service.access.smart_scopes import at_most, check_right
from service.errors import CasebridgeError, Malformed, Unsupported
from service.flows.authorization.bearers import Bearer
from service.flows.case.commands import JSON, Command, Commands
from service.flows.case.documents import SavedDocument
from service.receive.amqp.taking import Delivery, DeliveryResult, Taken, take
from service.receive.discharge.compressed import check_plain
from service.telemetry import correlation
from service.values.access.scope import Partner
from service.values.audit import DENIALS, AuditEntry, Disclosure, Interaction, of_documents
from service.values.inbound.inbox import Answer
from service.values.limits import InputLimits
from service.wire.etags import expected
from service.wire.json import dump, parse
from service.wire.outcomes import problem

REF: Final = "ref"
LONGEST: Final = 255
"""How many bytes of a header are read."""


class CommandType(NamedTuple):
    """What the property `type` of a message asks for, and the content type that goes with it."""

    action: Literal["put", "patch"]
    kind: str
    media_type: str


MERGE: Final = "application/merge-patch+json"
TYPES: Final[Mapping[str, CommandType]] = {
    "put-client": CommandType("put", "client", JSON),
    "patch-client": CommandType("patch", "client", MERGE),
    "put-case": CommandType("put", "case", JSON),
    "patch-case": CommandType("patch", "case", MERGE),
}
_INTERACTIONS: Final[Mapping[str, Interaction]] = {"put": "update", "patch": "patch"}


@dataclass(frozen=True, slots=True)
class CommandQueue:
    """Takes commands in. `partners` have AMQP users each of their own; `record` raises Unavailable."""

    commands: Commands
    partners: Collection[Partner]
    record: Callable[[AuditEntry], None]
    clock: Callable[[], datetime]
    limits: InputLimits

    def take(self, delivery: Delivery) -> DeliveryResult:
        """Take a delivery in; what it came to is committed and on record when this returns.

        Raises:
            Unavailable: it can be neither obeyed nor refused now; it is to be tried again.
        """
        return take(self.partners, delivery, lambda partner: self._use(partner, delivery), _refusal)

    def _use(self, partner: Partner, delivery: Delivery) -> Taken:
        bearer = Bearer(partner, at_most(partner), policy.purposes(partner, ()))
        try:
            check_right(bearer.grant.all_rights(), "documents")
            saved = self.commands.obey(bearer.scope, partner.name, self._command(delivery))
        except CasebridgeError as error:
            if error.status in DENIALS:
                self._record(bearer, error.status, _denial(delivery))
            raise
        status, type_ = 201 if saved.created else 200, TYPES[delivery.type]
        disclosed = of_documents([saved.document])
        self._record(bearer, status, Disclosure(_INTERACTIONS[type_.action], disclosed))
        return _answer(saved, status)

    def _command(self, delivery: Delivery) -> Command:
        """Return what a delivery asks for.

        Raises:
            Unsupported: it asks for nothing that is done here, or in another form.
            Malformed, TooLarge: it cannot be read.
        """
        type_ = TYPES.get(delivery.type)
        if type_ is None:
            raise Unsupported(f"Send one of {', '.join(TYPES)}.", where="type")
        if delivery.content_type.partition(";")[0].strip().lower() != type_.media_type:
            raise Unsupported(f"Send {type_.media_type}.", where="content-type")
        if not delivery.message_id or "\0" in delivery.message_id:
            what = "Give each message a name of its own, without NUL: by it a command is obeyed once."
            raise Malformed(what, where="message-id")
        check_plain(delivery.body, "content-encoding", delivery.content_encoding)
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        ref, if_match, if_none_match = (_text(headers, name) for name in (REF, "If-Match", "If-None-Match"))
        if ref is None:
            raise Malformed("Name the document by your id of it, as in the address of a PUT.", where=REF)
        if type_.action == "patch" and if_none_match is not None:
            raise Malformed("A PATCH changes what is there: send If-Match.", where="If-None-Match")
        body = parse(delivery.body, limit=self.limits.content_bytes, depth=self.limits.depth)
        said = [delivery.type, ref, if_match, if_none_match, sha256(delivery.body).hexdigest()]
        return Command(
            type_.action,
            type_.kind,
            ref,
            body,
            expected(if_match, if_none_match),
            delivery.message_id,
            sha256(dump(said)).hexdigest(),
        )

    def _record(self, bearer: Bearer, status: int, disclosure: Disclosure) -> None:
        self.record(
            AuditEntry(
                recorded=self.clock(),
                partner=bearer.partner.name,
                address=None,
                purposes=bearer.purposes,
                status=status,
                correlation=correlation.get(),
                disclosure=disclosure,
            )
        )


def _text(headers: Mapping[str, Any], name: str) -> str | None:
    """Return a header, None without it; raises Malformed."""
    value = headers.get(name.lower())
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value or len(value) > LONGEST:
        raise Malformed(f"A text of at most {LONGEST} characters is wanted, without NUL.", where=name)
    return value


def _answer(saved: SavedDocument, status: int) -> Taken:
    document = saved.document
    headers = {"ETag": f'W/"{document.revision}"', "Casebridge-Id": document.uuid}
    return Taken(Answer(status, JSON, dump(document.own)), headers=headers)


def _refusal(error: CasebridgeError) -> Answer:
    return Answer(error.status, "application/problem+json", dump(problem(error)))


def _denial(delivery: Delivery) -> Disclosure:
    """Return what was asked for in vain, as over HTTP: the address, and the interaction of the method."""
    type_, ref = TYPES.get(delivery.type), delivery.headers.get(REF)
    if type_ is None or not isinstance(ref, str):
        return Disclosure("update")
    return Disclosure(_INTERACTIONS[type_.action], (), f"/api/{type_.kind}s/{ref[:LONGEST]}")
