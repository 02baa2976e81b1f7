"""Raw events become rollups by hour, day, week and month."""
