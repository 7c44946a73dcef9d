"""What hospitals' events change: stays, diagnoses, deaths, and the rules for them."""
