"""Hundreds of simulated replicas under the real dispatcher, and under simpler ways to balance."""
