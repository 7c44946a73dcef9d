"""Identity and policy: who is asking, and which part of the truth is theirs to see."""
