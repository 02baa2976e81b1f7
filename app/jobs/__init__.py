"""One spec per job, its payload, and how to enqueue it."""
