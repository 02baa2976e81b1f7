"""Takes beats and enqueues what is due; never runs a job's body."""
