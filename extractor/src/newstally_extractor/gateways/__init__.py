"""What faces the gateways: their links, and the work that comes over them."""
