"""Runs the actors. Never imported by app or producer."""
