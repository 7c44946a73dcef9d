"""Texts as search compares them: https://hl7.org/fhir/R4/search.html#string."""

import unicodedata


def normal(text: str) -> str:
    """Return text as strings are compared: case-folded, without accents (R4 search section 3.1.1.4.7)."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))
