"""Doors for facts coming in: cases over REST today; FHIR, MLLP and AMQP beside it."""
