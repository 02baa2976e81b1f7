"""Analysed results where a page can read them at once: copies of SQL rows, with a time to live."""
