"""The References within what FHIR says: https://hl7.org/fhir/R4/references.html#Reference."""

from collections.abc import Iterator
from typing import Any


def references(node: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every Reference at or below a node, literal or logical, with its place, which `where` begins.

    What a Reference was led to (its `resource`, see `sent.resolve`) is not looked into: it has a place of
    its own.
    """
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from references(item, f"{where}[{index}]")
    elif isinstance(node, dict):
        is_literal = isinstance(node.get("reference"), str)
        if is_literal or ("reference" not in node and isinstance(node.get("identifier"), dict)):
            yield where, node
        for name, value in node.items():
            if isinstance(value, dict | list) and not (is_literal and name == "resource"):
                yield from references(value, f"{where}.{name}")


def literals(node: Any, where: str) -> Iterator[tuple[str, str]]:
    """Give every literal reference at or below a node, as it is written, with its place."""
    for place, reference in references(node, where):
        if "reference" in reference:
            yield f"{place}.reference", reference["reference"]
