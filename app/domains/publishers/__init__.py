"""Publishers, their events, and the figures made of them (document 003; docs/publishers.md)."""
