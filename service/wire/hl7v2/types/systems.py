"""The coding systems that CWE-3, -6 and -12 name, as URIs: a known name, an OID, a URI, a table, a local one.

https://terminology.hl7.org/CodeSystem-v2-0396.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.values.codes import local_system

# the URI of a coding system by its name, or None
Named = Callable[[str], str | None]
OID: Final = re.compile(r"(?:urn:oid:)?([0-2](?:\.(?:0|[1-9][0-9]*))+)", re.IGNORECASE)
URI: Final = re.compile(
    r"(?:urn:[a-z0-9][a-z0-9-]+:|[a-z][a-z0-9+.-]*://)[a-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE
)
_TABLE: Final = re.compile(r"(?:HL7|V2)[-_ ]?([0-9]{4})", re.IGNORECASE)
_OF_TABLES: Final = "2.16.840.1.113883.12."
"""HL7's OIDs of its tables end with the table's number."""
_OF_SITES: Final = re.compile(r"L|LOCAL|99[A-Z0-9_-]*", re.IGNORECASE)
"""What table 0396 has for a site's own codes."""


def table(number: int | str) -> str:
    """Return the URI of one of HL7's v2 tables."""
    return f"http://terminology.hl7.org/CodeSystem/v2-{int(number):04}"


def nothing(_: str) -> None:
    """Know no coding system by name."""


@dataclass(frozen=True, slots=True)
class CodeSystems:
    """The code systems that a partner names.

    `named` gives the URI of a name that is known, `otherwise` that of one that neither is known nor explains
    itself, None of either where there is none.
    """

    partner: str = ""
    named: Named = nothing
    otherwise: Named = nothing

    def find(self, name: str) -> tuple[str, bool]:
        """Return the URI of a coding system, and whether that is one that others know or the sender's own.

        Who says of a system that it is local is taken at their word; and where no name is known at all,
        there is nothing to be found out.
        """
        name = name.strip()
        uri = self.named(name)
        if uri is not None:
            return uri, True
        if oid := OID.fullmatch(name):
            uri = self.named(f"urn:oid:{oid[1]}")
            number = oid[1].removeprefix(_OF_TABLES)
            if uri is None and number != oid[1] and number.isdigit():
                return table(number), True
            return uri or f"urn:oid:{oid[1]}", True
        if URI.fullmatch(name):
            return name, True
        if match := _TABLE.fullmatch(name):
            return table(match[1]), True
        is_own = self.named is nothing or _OF_SITES.fullmatch(name) is not None
        return self.otherwise(name) or local_system(self.partner, name), is_own

    def default_system(self, field: str = "") -> str:
        """Return the URI of the codes of a field of which nothing says whose they are."""
        return local_system(self.partner, field)


NONE: Final = CodeSystems()
