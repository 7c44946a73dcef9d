"""What follows a discharge as a rule: services to propose to the case manager."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proposal:
    """A service to propose, from the day of discharge until so many days, or working days, later."""

    id: str
    kind: str
    days: int
    working: bool = False
    setting: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Pathway:
    """Services for everybody, or for diagnoses whose code starts so, or for targeted groups.

    `holidays` are no working days: `YYYY-MM-DD`, or `MM-DD` of every year.
    """

    name: str
    services: tuple[Proposal, ...]
    diagnoses: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()
    holidays: frozenset[str] = frozenset()
