"""The door to bulk exports: kick-off, status, parts; and the Groups that are exported."""
