"""One user's refresh: every dataset of every account."""
