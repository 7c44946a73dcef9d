"""The door to those who ask who of their members somebody is."""
