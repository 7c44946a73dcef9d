"""What a hospital's entry in the partner registry says about what it sends."""

from dataclasses import dataclass
from typing import Literal

from service.values.inbound.senders import SenderPattern


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the partner's own FHIR server, at `server`, that we subscribe to under a name of ours.

    `topic` is its canonical, `filters` are those that the Subscription asks for; `token_file` has what the
    server is shown.
    """

    name: str
    server: str
    topic: str
    filters: tuple[str, ...] = ()
    token_file: str | None = None


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """How what a partner sends is understood and used; every default suits a partner of whom nothing is said.

    Rules: `unknown_person` says what becomes of somebody we do not know; a stay opens a case when it is of
    one of `kinds` and no more than `days` old (None: of any age); messages of another `processing` (MSH-11)
    are kept and ignored; `identifying` are the systems whose identifiers find a person (none named: every
    system the partner uses); `identifying_types` are types of numbers (HL7 table 0203) that do so beside
    record and national numbers; `placeholders` are regular expressions of what the partner fills in for a
    number that nobody has; `case_system` is the partner that is offered what the hospital opens.

    References: `bases` are the addresses of the partner's own FHIR server, the first the one that is kept;
    who or what a literal reference of theirs leads to there is known by it.

    Reading: `time_zone` (IANA) is that of times without an offset (None: UTC, with a warning); `charset`
    (table 0211) is that of messages whose MSH-18 names none, ASCII, or what is no set; `admission_time` and
    `discharge_time` are the fields that may tell these, the first that does wins, but no discharge is before
    its admission, or long after it was told of; `authorities` are (assigning authority as sent, URI) pairs;
    `overlays` are those on the inbound mappings, the lowest first (None: those that are on for everybody).

    Doors: `senders` tell how what comes over MLLP is known to be theirs, `amqp_users` who they are at the
    broker; `amqp_replies` are queues that they may have answers sent to, beside their own; `not_retained`
    says whether entries of types of which nothing is kept are accepted, and told, or let a FHIR Bundle be
    refused; `endpoints` are the only addresses that asynchronous answers go to; `topics` are those of their
    own FHIR server that we subscribe to.
    """

    unknown_person: Literal["create", "quarantine", "ignore"] = "create"
    kinds: tuple[str, ...] = ("inpatient", "emergency", "short-stay", "unknown")
    days: int | None = None
    processing: Literal["production", "training", "debugging"] = "production"
    identifying: tuple[str, ...] = ()
    identifying_types: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    case_system: str | None = None
    bases: tuple[str, ...] = ()
    time_zone: str | None = None
    charset: str | None = None
    admission_time: tuple[str, ...] = ("PV1-44",)
    discharge_time: tuple[str, ...] = ("PV1-45", "EVN-6", "EVN-2", "MSH-7")
    overlays: tuple[str, ...] | None = None
    authorities: tuple[tuple[str, str], ...] = ()
    senders: tuple[SenderPattern, ...] = ()
    amqp_users: tuple[str, ...] = ()
    amqp_replies: tuple[str, ...] = ()
    not_retained: Literal["accept", "refuse"] = "accept"
    endpoints: tuple[str, ...] = ()
    topics: tuple[Topic, ...] = ()

    def identifies(self, system: str) -> bool:
        """Return whether an identifier of a system finds a person; a name on their own server does."""
        return not self.identifying or system in self.identifying or self.is_own(system)

    def is_own(self, system: str) -> bool:
        """Return whether a system is that of patients' names on the partner's own server."""
        return bool(self.bases) and system == f"{self.bases[0]}/Patient"
