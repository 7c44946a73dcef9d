"""SQL itself: engines, connections, statements as text, and failures; no table is known here."""
