"""Leads a Firestore database from one layout to the other."""
