"""For authors of mappings: golden pairs, specification, and which line makes what."""
