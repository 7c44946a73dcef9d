"""HL7 version 2 as a format."""
