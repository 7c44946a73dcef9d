"""A partner finds its members by what a card and a form say of them, as stories."""
