"""Whether a resource is valid R4."""
