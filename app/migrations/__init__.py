"""The schema's history, and the way to its head."""
