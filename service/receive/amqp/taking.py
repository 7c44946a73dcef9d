"""What the queues share that we are told by: a delivery, who sent it, what becomes of it.

Who sends is known by the message's user-id, which the broker holds to the connection's user:
https://www.rabbitmq.com/docs/validated-user-id
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from prometheus_client import Counter

from service import telemetry
from service.errors import CasebridgeError, Denied, Issue, Unavailable
from service.values.access.scope import Partner
from service.values.inbound.inbox import Answer

OWN_QUEUES: Final = "amq."
"""How the broker's own names begin: direct reply-to, and queues that a connection has for itself."""

DELIVERIES = Counter(
    "casebridge_amqp_deliveries", "Deliveries from queues of ours, by what became of them", ["outcome"]
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the broker delivers it; what its properties do not tell is empty."""

    body: bytes
    content_type: str = ""
    user: str = ""
    message_id: str = ""
    reply_to: str = ""
    content_encoding: str = ""
    type: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a delivery is answered, with which headers, and what went wrong with it."""

    answer: Answer
    errors: Sequence[CasebridgeError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of a delivery.

    `answer` goes to `reply_to`, with `headers`, when both are there. `why` says what of it could not be kept:
    then it is to be put aside; without, all of it is kept.
    """

    answer: Answer | None = None
    reply_to: str = ""
    why: tuple[Issue, ...] = ()
    correlation: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def take(
    partners: Collection[Partner],
    delivery: Delivery,
    use: Callable[[Partner], Taken],
    refusal: Callable[[CasebridgeError], Answer],
) -> DeliveryResult:
    """Have the partner that sent a delivery use it; what it was answered is committed when this returns.

    Raises:
        Unavailable: it can be neither kept nor refused now; it is to be tried again.
    """
    correlation = telemetry.begin(sent_trace=delivery.headers.get("traceparent"))
    reply_to = ""
    try:
        partner = _partner(partners, delivery)
        reply_to = _allowed_queue(partner, delivery)
        taken = use(partner)
    except CasebridgeError as error:
        taken = Taken(refusal(error), (error,))
    except Exception as exc:  # noqa: BLE001 - one message may not keep the others from being taken
        log.error("delivery_failed", kind=type(exc).__name__)  # noqa: TRY400 - a trace could quote values
        bug = CasebridgeError(f"An error of ours, not of the message; ask us for {correlation}.")
        taken = Taken(refusal(bug), (bug,))
    if passing := next((error for error in taken.errors if isinstance(error, Unavailable)), None):
        raise passing
    why = tuple(issue for error in taken.errors for issue in error.issues)
    DELIVERIES.labels("dead" if why else "taken").inc()
    if why:
        log.warning("delivery_put_aside", kind=type(taken.errors[0]).__name__)
    return DeliveryResult(taken.answer, reply_to, why, correlation, taken.headers)


def _partner(partners: Collection[Partner], delivery: Delivery) -> Partner:
    for partner in partners:
        if delivery.user in partner.intake.amqp_users:
            return partner
    what = "No partner is registered for this AMQP user"
    raise Denied(f"{what}; set user-id, and intake/amqp_users in the registry.", where="user-id")


def _allowed_queue(partner: Partner, delivery: Delivery) -> str:
    """Return where an answer goes: a queue of the sender's own or one that the registry names, no other."""
    wanted = delivery.reply_to
    if not wanted or wanted.startswith(OWN_QUEUES) or wanted in partner.intake.amqp_replies:
        return wanted
    log.warning("reply_not_sent", partner=partner.name)
    return ""
