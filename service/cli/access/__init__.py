"""Commands about who may ask: partners, their access tokens, and the keys that sign them."""
