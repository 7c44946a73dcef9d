"""The door to our terminologies."""
