"""Breaking the glass: a hospital sees somebody in an emergency whom it would not see otherwise.

https://terminology.hl7.org/CodeSystem-v3-ActReason.html, BTG
"""

from typing import Final, NamedTuple

PURPOSE: Final = "BTG"


class Emergency(NamedTuple):
    """Why whose glass is to be broken: the reason in words, and a number of the person as (system, value)."""

    reason: str
    system: str
    value: str
