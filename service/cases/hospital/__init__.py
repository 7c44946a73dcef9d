"""What hospitals' events come to: stays, diagnoses, deaths, and the rules of it."""
