"""What is decided about replicas: who gets which article, and what happens when they go."""
