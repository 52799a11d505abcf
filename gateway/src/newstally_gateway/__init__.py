"""The gateway: takes articles over gRPC and balances them over extractors."""
