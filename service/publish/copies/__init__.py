"""Which queues get a copy of a message, and what stands in it."""
