"""Users and their seller accounts."""
