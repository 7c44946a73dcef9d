"""What hospitals send: understood, used or kept in quarantine, and answered."""
