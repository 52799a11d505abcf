"""What faces the extractor replicas: finding them, and one link to each."""
