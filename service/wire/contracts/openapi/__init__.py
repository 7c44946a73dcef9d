"""Every route of the service as an OpenAPI document, made of the contracts and the search table."""

from service.wire.contracts.openapi.document import openapi
from service.wire.contracts.openapi.terminology import Terminology

__all__ = ["Terminology", "openapi"]
