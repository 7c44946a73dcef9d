"""What stands for a reference to what was erased: https://hl7.org/fhir/R4/references.html#Reference."""

from collections.abc import Collection
from typing import Any, Final

WORDS: Final = "No longer in the directory"


def in_words(node: Any, gone: Collection[str]) -> Any:
    """Return JSON with a display in the place of each literal reference to one of these."""
    if isinstance(node, list):
        return [in_words(item, gone) for item in node]
    if not isinstance(node, dict):
        return node
    literal = node.get("reference")
    # what an activity of a plan refers to stands under this name, too
    if isinstance(literal, str) and literal in gone:
        left = {name: member for name, member in node.items() if name != "reference"}
        return {**left, "display": left.get("display", WORDS)}
    return {name: in_words(member, gone) for name, member in node.items()}
