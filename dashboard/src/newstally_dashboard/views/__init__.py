"""What pages show, made of what the gateway answers. Pure."""
