"""What of an input was rejected: deciding it, finding it, writing it down."""
