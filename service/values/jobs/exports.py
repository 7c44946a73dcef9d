"""A bulk export: what was asked for, how far it is planned, and the parts that its output comes in.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from service.values.access.scope import SHARED
from service.values.audit import Disclosed

Kind = Literal["output", "clients", "patients", "deleted"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a kick-off asks for.

    `request` is its address, `types` are those that it is about. Resources changed after `since` are wanted,
    last changed not after `until`, and of them the root elements named, or all. Of a type that one of
    `filters` is of, `CarePlan?status=active`, those that match one; of `clients`, by uuid, alone, or of all.
    `by_patient` says that files are by patient, not by type.
    `ignored` says what was asked for beside that and is not heeded, as the client agreed to.
    """

    request: str
    types: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None
    elements: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    clients: tuple[str, ...] | None = None
    by_patient: bool = False
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """An export of a partner.

    It is of the state at `at`, its transactionTime: of the rows of the history up to `row`, but for those in
    `gaps`, which were not there yet. What was changed after `since_row` is new to who asks; None: all is.
    `roster` names the clients that were in the partner's scope, and since when; empty where its scope is not
    made of clients. `by_client` says that what is of clients is cut between them, and not by its ids. `stage`
    and `after` say how far it is planned.
    """

    id: str
    partner: str
    at: datetime
    row: int
    gaps: tuple[tuple[int, int], ...]
    since_row: int | None
    roster: str
    by_client: bool
    asked: Asked
    stage: int
    after: str
    finished: bool

    @property
    def place(self) -> int:
        """Which of the stages it is at; below 0 while it is found out whose clients are in the scope."""
        return self.stage - bool(self.roster)

    @property
    def stages(self) -> "tuple[tuple[Kind, str], ...]":
        """Of what it is planned, in order: what there is, by patient or by type, then what no longer is."""
        asked = self.asked
        is_of_some = asked.by_patient and any(type_ not in SHARED for type_ in asked.types)
        outputs: list[tuple[Kind, str]] = [("patients", "Patient")] if is_of_some else []
        of_clients: Kind = "clients" if self.by_client else "output"
        outputs += [(of_clients, type_) for type_ in asked.types if type_ not in SHARED and not is_of_some]
        outputs += [("output", type_) for type_ in asked.types if type_ in SHARED]
        if self.asked.since is not None:
            outputs += [("deleted", type_) for type_ in self.asked.types]
        return tuple(outputs)


class Part(NamedTuple):
    """A part of an export's output: so many resources of a type, from one id to another, both inside.

    Of the kind `clients` it is from one client to another, of the kind `patients` all that is of so many
    patients.
    """

    number: int
    kind: Kind
    type: str
    first: str
    last: str
    size: int


class Lines(NamedTuple):
    """Resources as lines of NDJSON, and of each the version that it is and the client that it is of."""

    body: bytes
    things: tuple[Disclosed, ...]


class Deletion(NamedTuple):
    """A resource that who asks had and that is no longer there for it."""

    client: str | None
    type: str
    id: str
