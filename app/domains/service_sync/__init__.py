"""Hosting services' status, fetched each morning: one job a service, its new records as rows (document 001)."""
