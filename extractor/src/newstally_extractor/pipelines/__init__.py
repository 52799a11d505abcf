"""What is true of every spaCy pipeline, whichever engine runs it."""
