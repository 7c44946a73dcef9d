"""FHIRPath, for inbound mappings of FHIR (http://hl7.org/fhirpath/N1/), by fhirpathpy; compiled once."""

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compiled(expression: str) -> Callable[[Any], list[Any]]:
    """Return what evaluates an expression on a resource and gives the list of what it finds.

    What references lead to (`resource`) is not there for it.

    Raises:
        ValueError: it is not FHIRPath, or uses a function that is not known.
    """
    # a parser generator's runtime: loaded only where a mapping asks for it
    from fhirpathpy import compile as compile_fhirpath
    from fhirpathpy.models import models

    try:
        # without a trace function trace() prints values
        evaluate: Any = compile_fhirpath(expression, models["r4"], {"traceFn": lambda *_: None})
        evaluate({"resourceType": "Basic"}, {})
    except Exception as exc:
        raise ValueError(expression) from exc
    # fhirpathpy writes into what it is given
    return lambda value: list(evaluate(_copy(value), {}))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        leads = "reference" in value
        return {key: _copy(each) for key, each in value.items() if not (leads and key == "resource")}
    return [_copy(each) for each in value] if isinstance(value, list) else value
