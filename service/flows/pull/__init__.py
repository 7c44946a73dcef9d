"""Partners read: resources inside their scope, terminology, other languages."""
