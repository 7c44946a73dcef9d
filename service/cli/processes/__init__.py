"""The commands whose processes run until they are stopped, and what these share."""
