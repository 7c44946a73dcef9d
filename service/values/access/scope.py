"""Who asks, and which part of the truth is theirs."""

from dataclasses import dataclass, field
from typing import Final, Literal

from service.values.access.credentials import Credentials
from service.values.criteria import Plain
from service.values.identifiers.assertions import Assertions
from service.values.inbound.intake import IntakeSettings

# the view of whoever names no other
DEFAULT: Final = "default"
# the system under which a hospital's name stands for it as the sender of a stay; no identifier has it
SENDER: Final = ""
# the types that a permitted partner may put, and that so come back into the case
RETURNED: Final = ("CareTeam", "CarePlan", "EpisodeOfCare")
# the types of a directory's resources, which belong to no client
SHARED: Final = frozenset({"Location", "Organization", "Practitioner", "PractitionerRole"})
PartnerKind = Literal["case-system", "hospital", "insurer", "engineer", "operator"]


@dataclass(frozen=True, slots=True)
class Binding:
    """A topic pattern of a queue; `full_resource` asks for the resource itself in `data`."""

    pattern: str
    full_resource: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """How much a stream keeps: messages up to an age, as RabbitMQ writes it (`7D`), and up to a size."""

    max_age: str | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue to declare for a partner, with its bindings; a stream, where it says how much that keeps.

    Of one with a `depth_limit` so many messages wait at most, and somewhat more, in the queue itself. One
    with `targeted_groups` gets of clients and cases what is of these alone.
    """

    name: str
    bindings: tuple[Binding, ...]
    stream: Retention | None = None
    depth_limit: int | None = None
    targeted_groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Partner:
    """A registered hospital, insurer, case system, engineer or operator.

    `identifiers` are (system, value) pairs by which documents name the organisation: an insurer's
    scope is the clients whose coverage names a payer organisation with one of them, a hospital's those in
    whose case's team it stands by one, and those whose stays it sent; for `run_out_days` longer. `intake` is
    how what it sends is used; `offered` are the hospitals whose clients and cases a case system may take
    over; `writes` are the types of resources that it may put. `near` are the sources among whose clients a
    hospital's patients are looked for first: the case system that its cases are offered to, and the hospitals
    that offer theirs to the same. `assertions` say which numbers it may say of whom they are; `credentials`
    how it shows who it is, and what it may ask for. `common` are the operators, whose directory is for
    whoever puts documents. `purpose` is what it wants data for, unless it says so; `labels` are the security
    labels that it may see; `breaks_glass` says that in an emergency it may see anybody, for a reason. One
    that is `revoked` is let in nowhere, and told nothing; what it sent stays under its name.
    """

    name: str
    kind: PartnerKind
    view: str = DEFAULT
    identifiers: tuple[tuple[str, str], ...] = ()
    queues: tuple[Queue, ...] = field(default=())
    intake: IntakeSettings = field(default=IntakeSettings())
    offered: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    common: tuple[str, ...] = ()
    near: frozenset[str] = frozenset()
    run_out_days: int = 0
    purpose: str | None = None
    labels: tuple[str, ...] = ()
    breaks_glass: bool = False
    assertions: Assertions = field(default=Assertions())
    credentials: Credentials = field(default=Credentials())
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A type of FHIR of which only what matches a search is there: one of `searches`, in all its criteria."""

    type: str
    searches: tuple[tuple[Plain, ...], ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """A condition of every query: all, or the clients of a payer or hospital, what a source owns, or nothing.

    What a hospital opened belongs to the hospital until a case system takes it over; `offered` are the
    hospitals whose documents this scope's case system may see and take over, `common` the operators whose
    entries of the directory its documents may name. `closed` are the systems of
    identifiers that it may give nobody.

    `payers` and `hospitals` are the (system, value) by which memberships and treatments name the partner;
    `run_out_days` is how many days after these have ended their clients stay in the scope. `purposes` is what
    the data is wanted for, as bits of `values.purposes`, `withheld` which labels it may not bear, as bits of
    `values.labels`.

    `opened` are the clients, by uuid, whose glass was broken: these are all there is then, whatever they
    bear, and whatever they deny that names no emergency; `hospitals` are no more than who asks.

    Made by `access.policy` only, but for `narrowed`: what the searches of a token's scopes leave of it.
    `view` names the stack of overlays whose bytes may be read.
    """

    view: str = DEFAULT
    everything: bool = False
    payers: tuple[tuple[str, str], ...] = ()
    hospitals: tuple[tuple[str, str], ...] = ()
    run_out_days: int = 0
    purposes: int = 0
    withheld: int = 0
    opened: tuple[str, ...] = ()
    source: str | None = None
    offered: tuple[str, ...] = ()
    common: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    narrowed: tuple[Narrowing, ...] = ()

    def owns(self, source: str) -> bool:
        """Return whether the documents of a source are in it."""
        return self.everything or source == self.source or source in self.offered
