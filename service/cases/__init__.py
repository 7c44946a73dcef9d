"""Meaning without formats: case rules and changes; standard library only."""
