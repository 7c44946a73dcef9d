"""Search: a Query as SQL, inside a scope; and making stored resources searchable."""
