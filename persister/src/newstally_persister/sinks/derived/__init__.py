"""What follows from the embedded sink's rows, kept so that questions are answered soon."""
