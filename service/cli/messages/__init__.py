"""Commands about messages: what came in, what goes out."""
