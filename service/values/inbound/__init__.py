"""What comes in: how hospitals send it, what the inbox keeps of it, and what follows."""
