"""A publisher's rows in a file: asked for over the API, by a job, or every week and month (S3-3)."""
