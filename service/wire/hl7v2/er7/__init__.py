"""Messages in the vertical bar encoding: read, written, answered."""
