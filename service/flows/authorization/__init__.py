"""Who asks: tokens granted for client assertions, and tokens that are shown."""
