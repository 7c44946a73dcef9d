"""Whether a code is one of those that a required binding allows: http://hl7.org/fhir/R4/terminologies.html#required."""

from collections.abc import Callable
from typing import Any

# the codes by their systems
Codes = dict[str, frozenset[str]]
_MOST_CODES_SHOWN = 15


def code_check(codes: Codes) -> Callable[[Any], list[tuple[str, str, str]] | None]:
    """The check of a code: what is wrong, as `check` lists it."""
    allowed = frozenset().union(*codes.values())
    complaint = _binding(codes)

    def check_code(value: Any) -> list[tuple[str, str, str]] | None:
        if type(value) is str and value in allowed:
            return None
        return [("", complaint if type(value) is str else "must be a string", "code-invalid")]

    return check_code


def concept_check(codes: Codes) -> Callable[[Any], str | None]:
    """The check of a CodeableConcept: a sentence, or None."""
    complaint = f"must have a coding that is {_binding(codes).removeprefix('must be ')}"

    def check_concept(value: dict[str, Any]) -> str | None:
        codings = value.get("coding", ())
        return None if any(_is_in(coding, codes) for coding in codings) else complaint

    return check_concept


def coding_check(codes: Codes) -> Callable[[Any], str | None]:
    """The check of a Coding: a sentence, or None."""
    complaint = _binding(codes)
    return lambda value: None if _is_in(value, codes) else complaint


def _is_in(coding: dict[str, Any], codes: Codes) -> bool:
    return coding.get("code") in codes.get(coding.get("system", ""), ())


def _binding(codes: Codes) -> str:
    allowed = sorted(frozenset().union(*codes.values()))
    listed = ", ".join(allowed[:_MOST_CODES_SHOWN])
    return f"must be one of: {listed}{', …' if len(allowed) > _MOST_CODES_SHOWN else ''}"
