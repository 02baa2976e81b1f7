"""Toril: background jobs on BullMQ's design, in Python, on Dramatiq."""
