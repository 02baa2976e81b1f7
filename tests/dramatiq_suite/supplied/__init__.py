"""Copied beside Dramatiq's tests, whose release comes without them: what its tests import, and their fixtures."""
