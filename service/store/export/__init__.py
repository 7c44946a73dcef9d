"""Bulk exports: the state at a position, in parts that any process makes anew at any time."""
