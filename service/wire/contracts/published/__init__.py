"""What partners can rely on, written down: JSON Schema, OpenAPI, AsyncAPI."""
