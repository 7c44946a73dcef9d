"""Formats without meaning: JSON, FHIR, the internal contracts, outcomes."""
