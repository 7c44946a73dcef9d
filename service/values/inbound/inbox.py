"""What came in, word for word, and what became of it."""

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from service.errors import Issue

# accepted and ignored are done with; quarantined waits; replayed was used in another entry; discarded and
# erased will never be used
EntryState = Literal["accepted", "ignored", "quarantined", "replayed", "discarded", "erased"]


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a sender makes the use of a stay depend on; `where` is the place at which it says so.

    `new_stay`: nothing is done when a stay has this (system, value) already. `new_person`: who has this one
    already is the patient, and nothing that is sent of the patient is used. `versions`: the stay is there,
    and its Encounter of one of these versions.
    """

    new_stay: tuple[str, str] | None = None
    new_person: tuple[str, str] | None = None
    versions: Container[int] | None = None
    where: str = ""


UNCONDITIONAL: Final = Preconditions()


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message as it came in.

    `form` names what understands it (`fhir`, `hl7v2`), `way` how it came (`http`, `mllp`, `amqp`). `keys` are
    the sender's own names for it, the strongest first (MSH-10; Bundle.identifier, Bundle.id,
    MessageHeader.id); without any, its content is its key. `content` digests what it says: without what
    differs when the same is sent again (Bundle.id, Bundle.timestamp, MSH-7). `reply_to` is the address that
    the answer is owed to, when the sender does not wait for it. `if_none_exist` and `if_match` are headers
    that it came with, and that govern its use. `is_state` says that nothing but what it says names it: sent
    again after something else, it is no repetition, but how things are now. `parsed` is what a door read in
    `raw`: of `fhir` the Bundle or Encounter as JSON, of `hl7v2` the message. It is not stored: of what comes
    out of the inbox it is None.
    """

    raw: bytes
    media_type: str
    form: str
    way: str
    keys: tuple[str, ...]
    content: str
    reply_to: str | None = None
    if_none_exist: str | None = None
    if_match: str | None = None
    is_state: bool = False
    parsed: Any = field(default=None, compare=False, repr=False)


class Unused(NamedTuple):
    """A field that nothing reads, as `PV1-14`, `Patient.maritalStatus`, and `where` it stands first."""

    field: str
    where: str


@dataclass(frozen=True, slots=True)
class UnderstoodMessage:
    """What a message comes to: discharges, all used or none; and what in it was not used, and why.

    `asked` are the conditions of each discharge, in their order; there may be none of any. `place` says of a
    discharge, by its number, and of a JSON pointer into it where in the message that stands. `unused` are the
    fields that are told in it and that nothing reads, each once.
    """

    discharges: tuple[dict[str, Any], ...] = ()
    notes: tuple[Issue, ...] = ()
    asked: tuple[Preconditions, ...] = ()
    place: Callable[[int, str], str] | None = None
    unused: tuple[Unused, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answers; kept, to answer the same again byte for byte."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Stay:
    """What a discharge told of: the id of the stay's Encounter, and whether nothing was known of it before.

    While it is in no case, or the discharge was about a person alone, there is no Encounter. `version` is
    the Encounter's, in the view of who sent it.
    """

    encounter: str | None
    is_new: bool
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, for a door to put into its own words.

    `state` is accepted, ignored (kept, nothing done), quarantined (kept, to be used later) or duplicate
    (with the answer given before). `flagged` says that one of its keys came before with other content.
    `cases` are the uuids of the cases it touched, `stays` tell of the stay of each discharge.
    """

    state: Literal["accepted", "ignored", "quarantined", "duplicate"]
    entry: str
    issues: tuple[Issue, ...] = ()
    reason: str = ""
    flagged: bool = False
    cases: tuple[str, ...] = ()
    stays: tuple[Stay, ...] = ()
    answer: Answer | None = None


Render = Callable[[Outcome], Answer]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the inbox. `raw` and `edited` are None once their retention is over, or when erased.

    `edited` is what an operator made of `raw`, to be used in its place. `subjects` are the uuids of the
    documents it touched and digests of the identifiers of whom it is about; `is_new` until it is stored.
    `renews` is the id of an entry with the same content and keys, which takes them no more.
    """

    id: str
    partner: str
    inbound: InboundMessage
    arrived: datetime
    state: EntryState
    reason: str = ""
    issues: tuple[Issue, ...] = ()
    flagged: bool = False
    answer: Answer | None = None
    edited: bytes | None = None
    replay_of: str | None = None
    tries: int = 0
    due: datetime | None = None
    subjects: tuple[str, ...] = ()
    is_new: bool = True
    renews: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is owed to an address; `answer` is None once the entry it answers was erased.

    `due` names the attempt: who has it sent says so by it.
    """

    entry: str
    partner: str
    url: str
    tries: int
    due: datetime
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class UndeliveredReply:
    """How a reply stands that is not delivered: `pending` until it is tried again, or `failed` for good."""

    entry: str
    partner: str
    state: str
    tries: int
    due: datetime
    reason: str | None
