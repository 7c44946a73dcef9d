"""HL7 v2 over MLLP: a server of framed messages."""
