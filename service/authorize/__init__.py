"""The door to tokens, and who is behind a request."""
