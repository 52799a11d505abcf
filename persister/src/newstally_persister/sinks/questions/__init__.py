"""What can be asked of tallies by day, with its measures and bounds, and the answers."""
