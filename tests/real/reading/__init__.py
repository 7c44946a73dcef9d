"""A reading of what others wrote that uses no code of the service that reads."""
