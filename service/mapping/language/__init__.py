"""What mappings say: typed expressions, filters, and the names that are checked."""
