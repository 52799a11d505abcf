"""Tables and files that the commands write."""
