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
        return {key: plain(each) for key, each in node.items()}
    return [plain(each) for each in node] if isinstance(node, list) else node


def _plain(text: str) -> str:
    found = _INSTANT.fullmatch(text)
    if found is None:
        return text
    second = "59" if found["second"] == "60" else found["second"]
    return f"{found['minute']}:{second}{found['fraction'] or ''}{found['zone']}"
