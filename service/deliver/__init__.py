"""The door to partners' FHIR servers."""
