"""The compartment of a patient: https://hl7.org/fhir/R4/compartmentdefinition-patient.html."""

from collections.abc import Iterator

from service.wire.fhir.search.forms import terms
from service.wire.fhir.search.parameters import compartment_of


def compartment_terms(type_: str, of: str, id_: str) -> Iterator[str]:
    """Give the terms that a resource of a type has one of, where it is in the compartment of a resource."""
    for parameter in compartment_of(type_):
        if not parameter.targets or of in parameter.targets:
            yield from (terms.to(f"{type_}.{path.text}", f"{of}/{id_}") for path in parameter.paths)
