"""What the relay does with the database: lead, number what is committed, mark what went out."""
