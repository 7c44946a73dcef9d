"""From documents to resources and messages, and again when mappings change."""
