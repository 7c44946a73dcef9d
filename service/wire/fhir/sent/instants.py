"""Instants that R4 has and the internal contracts have not: leap seconds, and fractions of any length.

https://hl7.org/fhir/R4/datatypes.html#instant
"""

import re
from typing import Any, Final

_INSTANT: Final = re.compile(
    r"(?P<minute>\d{4}-\d\d-\d\dT\d\d:\d\d):(?P<second>\d\d)(?P<fraction>\.\d{1,9})?\d*(?P<zone>Z|[+-]\d\d:\d\d)",
    re.ASCII,
)


def plain(node: Any) -> Any:
    """Return a document whose instants have no leap second, which becomes the one before it, and nine digits.

    What is no instant stays as it is.
    """
    if isinstance(node, str):
        return (
            _plain(node) if node[17:19] == "60" or len(node) > len("YYYY-MM-DDThh:mm:ss.fffffffff") else node
        )
    if isinstance(node, dict):
        return {key: plain(member) for key, member in node.items()}
    return [plain(item) for item in node] if isinstance(node, list) else node


def _plain(text: str) -> str:
    match = _INSTANT.fullmatch(text)
    if match is None:
        return text
    second = "59" if match["second"] == "60" else match["second"]
    return f"{match['minute']}:{second}{match['fraction'] or ''}{match['zone']}"
