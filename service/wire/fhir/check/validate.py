"""All we can say about a resource's validity, for tests and authors of mappings: too slow for the hot path.

https://hl7.org/fhir/R4/validation.html
"""

from typing import Any

from service.errors import Issue
from service.wire.fhir.check.check import check
from service.wire.fhir.check.invariants import violations
from service.wire.fhir.check.model import structure


def validate(resource: dict[str, Any]) -> list[Issue]:
    """Return what the checker and fhir.resources find, and if that is nothing the broken invariants."""
    # Invariants are only sure to be answerable about what is well built.
    return [*check(resource), *structure(resource)] or violations(resource)
