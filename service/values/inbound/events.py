"""What a discharge can tell of a stay."""

from typing import Final

# as the events of one second follow each other
EVENTS: Final = (
    "plan",
    "register",
    "admit",
    "change-class",
    "transfer",
    "cancel-transfer",
    "leave",
    "return",
    "update",
    "merge",
    "discharge",
    "death",
    "cancel-discharge",
    "cancel-admit",
)
