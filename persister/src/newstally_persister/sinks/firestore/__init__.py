"""Tallies in Cloud Firestore."""
