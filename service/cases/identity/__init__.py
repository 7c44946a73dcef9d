"""Who is who: identifiers, agreement, and suspicion of two persons in one."""
