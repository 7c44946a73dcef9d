"""Bundles, messages and operations: whether they can be taken, and their answers."""
