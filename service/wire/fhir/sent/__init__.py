"""FHIR that partners send, as inbound mappings read it, and what of it nothing reads."""
