"""What partners begin and come back for: exports and matches."""
