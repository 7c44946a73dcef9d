"""The doors over HTTP: the case system's, hospitals', and those for what is sent back."""
