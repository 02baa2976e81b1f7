"""A publisher's day, week or month on a page: made, kept, mailed (S3-4)."""
