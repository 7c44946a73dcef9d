"""Who asks, for what purpose, and which part of the truth is theirs."""
