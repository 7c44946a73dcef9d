"""Where something stands in a message, written `DG1[2]-3[1].1.2` and, in an answer, as ERR-2 wants it."""

import re
from dataclasses import dataclass

_WRITTEN = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<sequence>\d{1,5})\])?"
    r"(?:-(?P<field>\d{1,5})(?:\[(?P<repetition>\d{1,5})\])?"
    r"(?:\.(?P<component>\d{1,5})(?:\.(?P<subcomponent>\d{1,5}))?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ErrorLocation:
    """A segment, counted among those of its name, and what is in it; 0 means the whole. All count from 1."""

    segment: str
    sequence: int = 1
    field: int = 0
    repetition: int = 1
    component: int = 0
    subcomponent: int = 0

    def __str__(self) -> str:
        """As people write it: `PV1-45`, `DG1[2]-3`, `PID-3[2].1`."""
        text = self.segment + (f"[{self.sequence}]" if self.sequence > 1 else "")
        if self.field:
            text += f"-{self.field}" + (f"[{self.repetition}]" if self.repetition > 1 else "")
            text += f".{self.component}" if self.component else ""
            text += f".{self.subcomponent}" if self.component and self.subcomponent else ""
        return text

    @classmethod
    def parse(cls, text: str) -> "ErrorLocation | None":
        """Read what `str` wrote, or None when the text is no place in a message."""
        match = _WRITTEN.fullmatch(text)
        if match is None:
            return None
        numbers = {key: int(value) for key, value in match.groupdict().items() if key != "segment" and value}
        return cls(match["segment"], **numbers)
