"""The small frozen types rooms hand each other."""
