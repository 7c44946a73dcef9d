"""One story a file, each told on one screen; ports/ holds the Protocols they need."""
