"""From texts to tokens and their features."""
