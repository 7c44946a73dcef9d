"""Overlays: which layers a view is made of, and how one is laid over another."""
