"""The door for those who pull: routes, query, serialise, capability."""
