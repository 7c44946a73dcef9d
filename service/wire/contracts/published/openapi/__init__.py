"""Routes as an OpenAPI document, made of what each door says of its own."""

from service.wire.contracts.published.openapi.document import openapi

__all__ = ["openapi"]
