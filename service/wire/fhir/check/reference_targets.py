"""What a literal reference may point to: https://hl7.org/fhir/R4/references.html#literal."""

import re
from collections.abc import Callable
from typing import Any

from service.wire.fhir.definitions.r4 import definitions

_ID = r"[A-Za-z0-9.-]{1,64}"
_RELATIVE = re.compile(rf"(?P<type>[A-Z][A-Za-z]+)/{_ID}(?:/_history/{_ID})?\Z")
_ABSOLUTE = re.compile(rf"https?://\S+/(?P<type>[A-Z][A-Za-z]+)/{_ID}(?:/_history/{_ID})?\Z")
# A conditional reference, in a transaction: https://hl7.org/fhir/R4/http.html#trules
_CONDITIONAL = re.compile(r"(?P<type>[A-Z][A-Za-z]+)\?\S+\Z")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:\S+\Z|#\S*\Z", re.IGNORECASE)


def target_check(targets: frozenset[str]) -> Callable[[dict[str, Any]], str | None]:
    """A check of a Reference that says None when it may point where it points."""
    short = sorted(targets)
    complaint = (
        f"must refer to {', '.join(short[:8])}{' or others the definition names' if short[8:] else ''}"
    )

    def check_target(reference: dict[str, Any]) -> str | None:
        literal = reference.get("reference")
        if literal is not None:
            target = _RELATIVE.match(literal) or _ABSOLUTE.match(literal) or _CONDITIONAL.match(literal)
            if target is None and not _ELSEWHERE.match(literal):
                return "must be Type/id, an absolute URL, urn:uuid: or #id"
            if target and target["type"] not in targets and _is_telling(literal, target["type"]):
                return complaint
        kind = reference.get("type")
        if kind is not None and kind not in targets and kind in definitions().resources:
            return complaint
        return None

    return check_target


def _is_telling(literal: str, kind: str) -> bool:
    """Whether the type in a reference is one: a foreign URL may only look as if it had one."""
    return kind in definitions().resources or not literal.lower().startswith("http")
