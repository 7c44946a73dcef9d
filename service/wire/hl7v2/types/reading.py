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

    `seen_points` are the contact points that the segment has named before.
    """

    zone: tzinfo
    systems: CodeSystems
    issues: list[Issue]
    name: str
    sequence: int
    segment: Json
    number: int = 0
    repetition: int = 1
    seen_points: set[str] = field(default_factory=set)

    def period(self, start: str | None, end: str | None) -> Json | None:
        """Return a period of two time stamps; what is none, or ends before it starts, says nothing."""
        edges = {"start": self._time(start), "end": self._time(end)}
        period_edges = {edge: time for edge, time in edges.items() if time}
        length = min((len(time) for time in period_edges.values()), default=0)
        is_turned = len(period_edges) == 2 and period_edges["end"][:length] < period_edges["start"][:length]
        return None if is_turned else period_edges or None

    def at(self, component: int) -> str:
        """Return the place of a component."""
        return str(ErrorLocation(self.name, self.sequence, self.number, self.repetition, component))

    def _time(self, text: str | None) -> str | None:
        try:
            return to_fhir(text, self.zone, "") if text else None
        except CasebridgeError:
            return None


Reader = Callable[[Json, FieldContext], None]
