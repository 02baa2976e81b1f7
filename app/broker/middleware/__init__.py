"""What the engine needs of each run, as Dramatiq middleware."""
