"""Every schedule in one table."""
