"""How values are compared: dates, numbers, texts, terms, and how a parameter spells them."""
