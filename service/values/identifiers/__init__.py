"""Identifiers: whose word counts, what kind of number it is, and what only stands in for one."""
