"""What an operator wants to see: gathered from here, the replicas and the persister."""
