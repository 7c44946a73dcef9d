"""What the readers of data types share: where components stand, and what is around them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from service.errors import CasebridgeError, Issue
from service.wire.hl7v2.er7.error_locations import ErrorLocation
from service.wire.hl7v2.er7.times import to_fhir
from service.wire.hl7v2.types.systems import CodeSystems

Json = dict[str, Any]


@dataclass(slots=True)
class FieldContext:
    """What a reader needs beside the components of a repetition: where they stand, and what is with them.

    `told` are the contact points that the segment has told of before.
    """

    zone: tzinfo
    systems: CodeSystems
    issues: list[Issue]
    name: str
    sequence: int
    segment: Json
    number: int = 0
    repetition: int = 1
    told: set[str] = field(default_factory=set)

    def period(self, start: str | None, end: str | None) -> Json | None:
        """Return a period of two time stamps; what is none, or ends before it starts, says nothing."""
        found = {"start": self._time(start), "end": self._time(end)}
        told = {edge: time for edge, time in found.items() if time}
        length = min((len(time) for time in told.values()), default=0)
        is_turned = len(told) == 2 and told["end"][:length] < told["start"][:length]
        return None if is_turned else told or None

    def at(self, component: int) -> str:
        """Return the place of a component."""
        return str(ErrorLocation(self.name, self.sequence, self.number, self.repetition, component))

    def _time(self, text: str | None) -> str | None:
        try:
            return to_fhir(text, self.zone, "") if text else None
        except CasebridgeError:
            return None


Reader = Callable[[Json, FieldContext], None]
