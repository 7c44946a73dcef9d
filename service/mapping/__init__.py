"""The mapping language: load, compile, translate, trace; knows no FHIR rule and no case rule."""
