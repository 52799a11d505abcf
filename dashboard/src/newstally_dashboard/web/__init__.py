"""What all answers to browsers have in common."""
