"""What was promised and what happened: the SQL rows of every job."""
