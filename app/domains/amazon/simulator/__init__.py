"""A local Selling Partner, Ads and Login-with-Amazon server, every answer derived from one book per seller."""

from app.domains.amazon.simulator.app import create_app
from app.domains.amazon.simulator.state import Options

__all__ = ["Options", "create_app"]
