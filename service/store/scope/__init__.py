"""A scope as SQL: the condition that every query carries, and what narrows it."""
