"""Clients, cases and directory entries come in, are merged, parted and erased."""
