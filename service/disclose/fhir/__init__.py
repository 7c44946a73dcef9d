"""The routes under /fhir for those who pull: reads, searches, histories, operations."""
