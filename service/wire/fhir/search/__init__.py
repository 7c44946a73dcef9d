"""Search: which parameters there are, what of a resource answers them, and how values are compared."""
