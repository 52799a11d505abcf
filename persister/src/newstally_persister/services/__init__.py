"""The gRPC services: they read requests, ask journal and sink, and decide the status."""
