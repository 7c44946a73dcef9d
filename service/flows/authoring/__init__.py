"""For authors of mappings and integrators: previews, explanations, tables of fields."""
