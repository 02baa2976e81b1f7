"""Analysed data in Redis, with a lifetime."""
