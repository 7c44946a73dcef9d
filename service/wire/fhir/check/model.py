"""Whether a resource is structurally valid R4, by fhir.resources (its R4B package: the root is R5).

https://hl7.org/fhir/R4/validation.html
"""

from typing import Any

from service.errors import Issue


def structure(resource: dict[str, Any]) -> list[Issue]:
    """Return what is wrong, each with its element path; no value is quoted.

    Structure only: cardinality, names, types. Bindings, reference targets and invariants are not looked at.
    """
    # fhir.resources takes about a second to import: not before the first resource is checked
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    type_ = str(resource.get("resourceType", ""))
    try:
        model = get_fhir_model_class(type_)
    except KeyError:
        return [Issue("Not a resource type of R4.", "resourceType", "structure")]
    try:
        model.model_validate(resource)
    except ValidationError as exc:
        return [
            Issue(error["msg"], ".".join([type_, *map(str, error["loc"])]), "structure")
            for error in exc.errors(include_input=False, include_url=False, include_context=False)
        ]
    return []
