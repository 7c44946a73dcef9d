"""Partners that are registered while we run, and what signs and shows who somebody is."""
