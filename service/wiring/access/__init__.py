"""Who may come in, plugged together: partners, tokens, keys."""
