"""What mappings make, checked against the schema and profiles of it."""
