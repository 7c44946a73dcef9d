"""FHIR R4 (4.0.1) as a format: definitions, checks, search extraction; sole importer of fhir.resources."""
