"""The audit in the database: added to, sealed, read, let go."""
