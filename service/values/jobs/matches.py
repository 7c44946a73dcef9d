"""A match of many members: who was sent, and who of those that the asker may see each is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

Json = dict[str, Any]
Outcome = Literal["match", "nomatch", "consentconstraint"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("match", "nomatch", "consentconstraint")
"""The codes of PDex's PdexMultiMemberMatchResultCS."""
Operation = Literal["bulk-member-match", "provider-member-match"]


@dataclass(frozen=True, slots=True)
class MemberMatch:
    """A match that a partner began; `request` is the address of its kick-off, `left` how many wait."""

    id: str
    partner: str
    at: datetime
    operation: Operation
    request: str
    total: int
    left: int


@dataclass(frozen=True, slots=True)
class MatchedMember:
    """One of those who were sent, by number from 1: `sent` are their resources by the parameters' names.

    `outcome` is None as long as it waits; `client` and `patient` are the uuid of the client and the id of the
    Patient that it is taken for, or ''.
    """

    number: int
    sent: Json
    outcome: Outcome | None = None
    client: str = ""
    patient: str = ""
