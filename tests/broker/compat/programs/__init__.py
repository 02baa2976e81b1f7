"""Entry modules for the real ``dramatiq`` command."""
