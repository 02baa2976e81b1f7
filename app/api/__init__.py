"""The HTTP API: one file a URL prefix."""
