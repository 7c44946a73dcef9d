"""The door to the audit."""
