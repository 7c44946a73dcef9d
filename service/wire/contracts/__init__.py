"""The internal contracts: marshmallow schemas, and JSON Schema and OpenAPI made from them."""

from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.load import load, merge

__all__ = ["KINDS", "load", "merge"]
