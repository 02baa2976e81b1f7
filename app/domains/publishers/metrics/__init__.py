"""What follows from a period's events: performance, revenue and quality (S3-5); docs/analytics.md has each formula."""
