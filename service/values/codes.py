"""Code systems that nobody but their sender knows."""

from typing import Final
from urllib.parse import quote

LOCAL: Final = "urn:casebridge:coding-system:"


def local_system(partner: str, name: str = "") -> str:
    """Return the URI of a code system of a partner, by the name that they call it by, if they do."""
    return LOCAL + ":".join(quote(part, safe="") for part in (partner, name) if part)
