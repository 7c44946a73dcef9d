"""What tells of the service itself: health, capability, reference."""
