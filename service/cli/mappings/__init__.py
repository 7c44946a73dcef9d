"""casebridge mappings and its commands."""
