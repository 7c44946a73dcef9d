"""The door to subscriptions."""
