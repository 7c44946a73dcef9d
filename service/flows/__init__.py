"""One story a file, each told on one screen; ports.py holds the Protocols they need."""
