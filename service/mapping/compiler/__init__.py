"""Mapping documents compiled to Python, run over sources, and traced."""
