"""What faces the peers of a gRPC port: who may connect and call, for how long, and how much."""
