"""Topic-based subscriptions in R4: https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/."""
