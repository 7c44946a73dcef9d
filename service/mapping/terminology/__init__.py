"""Code systems, value sets and concept maps as the mappings have them."""
