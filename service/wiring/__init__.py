"""The composition root: the one room that knows every other; each process imports the modules it needs."""
