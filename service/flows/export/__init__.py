"""Bulk exports, as stories."""
