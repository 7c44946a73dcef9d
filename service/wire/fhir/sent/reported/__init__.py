"""What a sender is told of what it sent: what dangles, what is left out, what nothing reads."""
