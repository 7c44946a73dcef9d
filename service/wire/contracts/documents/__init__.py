"""The internal documents, each with its marshmallow schema."""
