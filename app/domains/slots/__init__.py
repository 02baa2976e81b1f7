"""A user's daily hour and weekly day."""
