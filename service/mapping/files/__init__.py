"""Files of mappings: YAML nodes, expressions as they are written, and what is found wrong."""
