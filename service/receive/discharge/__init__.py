"""What hospitals send, whatever transport it comes by: HL7 v2 and FHIR taken in and answered."""
