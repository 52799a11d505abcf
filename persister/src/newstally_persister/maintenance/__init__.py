"""What a person does to a store while its persister is stopped."""
