"""The internal contracts: marshmallow schemas, and JSON Schema and OpenAPI made from them."""
