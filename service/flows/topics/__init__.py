"""Topics of partners' servers that we follow: asked for, told of, and what was missed."""
