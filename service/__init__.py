"""Casebridge: the case is the truth, FHIR its projection, a message the consequence."""

__version__ = "0.1.0"
