"""Whatever dies, every accepted job ends, once, and the rows say so."""
